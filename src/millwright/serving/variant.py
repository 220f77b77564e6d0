"""Loaded models, and the generation of them that one configuration asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.kernel.scoring import Scorer, read_manifest
from millwright.serving.batching import Batcher, Plain
from millwright.serving.cache import AnswerCache
from millwright.serving.config import CHAMPION, ServerConfig, VariantConfig
from millwright.serving.graph.model import Graph, GraphRows
from millwright.serving.graph.opening import open_graph
from millwright.serving.guard import RangeGuard
from millwright.serving.outcome import Outcome, outputs_of
from millwright.serving.scoring_rows import ModelRows
from millwright.serving.segments import segment_schema
from millwright.serving.signature import InputSignature, Rows
from millwright.serving.traffic import Sample, Split

if TYPE_CHECKING:
    from millwright.serving.lookup.looking_up import Lookups

Loaded = Scorer | Graph
"""What a variant asks: a model, or a graph of them."""


class Variant:
    """One version, of a model or of a graph, that can answer requests of an endpoint.

    Attributes:
        score: the outcome of rows.
        plain: few rows, as ``score_plain`` takes them.
        score_plain: the outcome of rows from ``plain``, of one request or several.
        stream: what the model says of rows bit by bit; None where it answers all at once.
        graph: of which it is a version, if of one.
        outputs: what it answers.
    """

    def __init__(
        self, config: VariantConfig, loaded: Loaded, signature: InputSignature, limits: ServerConfig
    ) -> None:
        """Compile what is loaded against the endpoint's signature."""
        self.config = config
        self.label = (config.name, str(config.version))
        self.loaded = loaded
        self.manifest = manifest = loaded.manifest
        self.graph = loaded if isinstance(loaded, Graph) else None
        self.outputs = outputs_of(manifest) if self.graph is None else self.graph.outputs
        rows = (
            ModelRows(loaded, signature.fields)
            if isinstance(loaded, Scorer)
            else GraphRows(loaded, signature.fields)
        )
        self.score: Callable[[Rows], Outcome] = rows.score
        self.plain: Callable[[Rows], Plain] = rows.plain
        self.score_plain: Callable[[Plain], Outcome] = rows.score_plain
        self.stream = rows.stream if isinstance(rows, ModelRows) and rows.streams else None
        self.batcher = Batcher(self, limits.latency_objective_ms / 1000)
        self.cache = AnswerCache(limits.cache_rows)
        # Nulls the endpoint accepts and this model does not; usually none.
        self._never_null = [
            signature.positions[field.name]
            for field in manifest.signature
            if not field.nullable and _accepts_null(signature, field)
        ]

    def can_score(self, rows: Rows) -> bool:
        """Whether every value that this model insists on is there."""
        return all(None not in rows.column(position) for position in self._never_null)

    def warm(self, signature: InputSignature) -> None:
        """Score one row, so that the first caller does not pay for lazy initialisation."""
        if self.graph is not None:
            return  # its functions may refuse values that nobody sends; its models are warm
        blanks = [["" if f.kind == "categorical" else 0.0] for f in signature.fields]
        self.score(Rows.of_columns(blanks, 1))


@dataclass(frozen=True, slots=True)
class Generation:
    """Everything that answers requests under one configuration; replaced as a whole.

    Attributes:
        variants: the champion first.
        split: who of them answers a key; None where the champion answers all.
        mirrored: those that score requests of the champion too.
        sample: which of ``mirrored`` does so for a request.
    """

    config: ServerConfig
    signature: InputSignature
    variants: tuple[Variant, ...]
    split: Split | None
    mirrored: tuple[Variant, ...]
    sample: Sample
    guard: RangeGuard | None
    lookups: Lookups | None
    schema: pa.Schema

    @property
    def champion(self) -> Variant:
        """The variant whose signature is the contract of the endpoint."""
        return self.variants[0]

    def by_version(self, version: str) -> Variant | None:
        """The variant that serves this version number, if any does."""
        return next((v for v in self.variants if str(v.config.version) == version), None)

    def choose(
        self, key: str, request_id: str, pinned: Variant | None, rows: Rows
    ) -> tuple[Variant, Variant | None]:
        """Who answers, and who scores the rows beside the answer.

        Raises:
            InvalidInput: the pinned variant needs a value that is null.
        """
        champion = self.variants[0]
        if len(self.variants) == 1:
            return champion, None
        answering = pinned or champion
        if pinned is None and self.split is not None:
            answering = self.variants[self.split.index_of(key)]
        if answering is not champion and not answering.can_score(rows):
            if pinned is not None:
                raise InvalidInput(
                    "serving.null",
                    f"Version {pinned.config.version} needs a value that is null or missing.",
                    hint="Ask its metadata which inputs it takes, or leave the version out.",
                )
            answering = champion
        return answering, self._beside(answering, request_id, rows)

    def _beside(self, answering: Variant, request_id: str, rows: Rows) -> Variant | None:
        if answering is not self.variants[0]:
            own = Sample(self.config.deployment, [answering.config.mirror])
            drawn = answering.config.mirror and own.index_of(request_id) is not None
            return self.variants[0] if drawn else None
        index = self.sample.index_of(request_id)
        if index is None or not self.mirrored[index].can_score(rows):
            return None
        return self.mirrored[index]


def load_generation(config: ServerConfig, known: Mapping[str, Loaded]) -> Generation:
    """Load, verify and warm all variants of a configuration.

    Args:
        config: what to serve.
        known: what is in memory already, by version id, and is not loaded again.

    Raises:
        NotFound, Corrupt: a package is missing or damaged.
        Forbidden, Unavailable: it runs code and is not trusted, or needs what is not installed.
        Conflict: two variants read the same field differently.
    """
    # What is never asked is not loaded: one sets a weight to 0 to take a variant out for a while.
    wanted = sorted(
        (one for one in config.variants if one.name == CHAMPION or one.weight or one.mirror),
        key=lambda one: one.name != CHAMPION,
    )
    loaded = dict(known)
    for one in wanted:
        if one.version_id not in loaded:
            loaded[one.version_id] = _load(one, trust_code=config.trust_code)
    signatures = [loaded[one.version_id].manifest.signature for one in wanted]
    signature, lookups = _contract(config, signatures)
    variants = tuple(Variant(one, loaded[one.version_id], signature, config) for one in wanted)
    weights = [one.weight for one in wanted]
    mirrored = tuple(variant for variant in variants if variant.config.mirror)
    generation = Generation(
        config=config,
        signature=signature,
        variants=variants,
        split=Split(config.deployment, [one.name for one in wanted], weights)
        if any(weights[1:])
        else None,
        mirrored=mirrored,
        sample=Sample(config.deployment, [variant.config.mirror for variant in mirrored]),
        guard=None
        if config.guard == "off"
        else RangeGuard.open(config.champion.package, signature.fields),
        lookups=lookups,
        schema=segment_schema(signature.fields),
    )
    for variant in generation.variants:
        variant.warm(signature)
    return generation


def _contract(
    config: ServerConfig, signatures: Sequence[Sequence[Field]]
) -> tuple[InputSignature, Lookups | None]:
    """What callers send to the variants with these signatures, and what is looked up beside."""
    if not config.lookups:
        return InputSignature.compile(signatures[0], *signatures[1:]), None
    # Only who looks something up loads what asks a store.
    from millwright.serving.lookup.looking_up import Lookups, signature_with

    signature = signature_with(config.lookups, signatures[0], signatures[1:])
    return signature, Lookups(config.lookups, signature)


def loaded_of(generation: Generation) -> dict[str, Loaded]:
    """What a generation has in memory, by version id."""
    return {variant.config.version_id: variant.loaded for variant in generation.variants}


def _load(one: VariantConfig, *, trust_code: bool) -> Loaded:
    if one.graph is not None:
        return Graph.open(one.graph, one.package, one.nodes, trust_code=trust_code)
    return open_package(one.package, trust_code=trust_code)


def open_package(folder: Path, *, trust_code: bool) -> Loaded:
    """What the package in ``folder`` holds: a model, or a graph of them.

    Raises:
        NotFound, Corrupt: it is missing or damaged.
        Forbidden, Unavailable: it runs code and is not trusted, or needs what is not installed.
    """
    manifest = read_manifest(folder)
    if manifest.runtime == "graph":
        return open_graph(folder, manifest, trust_code=trust_code)
    return Scorer.open(folder, trust_code=trust_code)


def _accepts_null(signature: InputSignature, field: Field) -> bool:
    position = signature.positions[field.name]
    return position >= signature.required or signature.fields[position].nullable
