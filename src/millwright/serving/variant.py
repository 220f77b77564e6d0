"""Loaded models, and the generation of them that one configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.kernel.scoring import Scorer
from millwright.serving.batching import Batcher
from millwright.serving.cache import AnswerCache
from millwright.serving.config import CHAMPION, ServerConfig, VariantConfig
from millwright.serving.encoder import RowEncoder
from millwright.serving.guard import RangeGuard
from millwright.serving.outcome import Outcome, interpret
from millwright.serving.segments import segment_schema
from millwright.serving.signature import InputSignature, Rows
from millwright.serving.traffic import Sample, Split


class Variant:
    """One model version that can answer requests of an endpoint."""

    def __init__(
        self,
        config: VariantConfig,
        scorer: Scorer,
        signature: InputSignature,
        limits: ServerConfig,
    ) -> None:
        """Compile the scorer's encoding against the endpoint's signature."""
        self.config = config
        self.label = (config.name, str(config.version))
        self.scorer = scorer
        self.manifest = scorer.manifest
        self.batcher = Batcher(self, limits.latency_objective_ms / 1000)
        self.cache = AnswerCache(limits.cache_rows)
        self._encoder = RowEncoder(scorer.manifest.encoding, signature.fields)
        # Nulls the endpoint accepts and this model does not; usually none.
        self._never_null = [
            signature.positions[field.name]
            for field in scorer.manifest.signature
            if not field.nullable and _accepts_null(signature, field)
        ]

    def can_score(self, rows: Rows) -> bool:
        """Whether every value that this model insists on is there."""
        return all(None not in rows.column(position) for position in self._never_null)

    def score(self, rows: Rows) -> Outcome:
        """The outcome of these rows."""
        return interpret(self.scorer.score_matrix(self._encoder.encode(rows)), self.manifest)

    def plain(self, rows: Rows) -> list[list[float]]:
        """These rows, few of them, as ``score_plain`` takes them."""
        return self._encoder.plain(rows)

    def score_plain(self, plain: list[list[float]]) -> Outcome:
        """The outcome of rows from ``plain``, of one request or several."""
        return interpret(self.scorer.score_matrix(self._encoder.scaled(plain)), self.manifest)

    def warm(self, signature: InputSignature) -> None:
        """Score one row, so that the first caller does not pay for lazy initialisation."""
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


def load_generation(config: ServerConfig, loaded: Mapping[str, Scorer]) -> Generation:
    """Load, verify and warm all variants of a configuration.

    Args:
        config: what to serve.
        loaded: scorers already in memory by version id, which are not loaded again.

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
    scorers = dict(loaded)
    for one in wanted:
        if one.version_id not in scorers:
            scorers[one.version_id] = Scorer.open(one.package, trust_code=config.trust_code)
    signatures = [scorers[one.version_id].manifest.signature for one in wanted]
    signature = InputSignature.compile(signatures[0], *signatures[1:])
    variants = tuple(Variant(one, scorers[one.version_id], signature, config) for one in wanted)
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
        else RangeGuard.open(config.champion.package, signatures[0]),
        schema=segment_schema(signature.fields),
    )
    for variant in generation.variants:
        variant.warm(signature)
    return generation


def scorers_of(generation: Generation) -> dict[str, Scorer]:
    """The loaded models of a generation by version id."""
    return {variant.config.version_id: variant.scorer for variant in generation.variants}


def _accepts_null(signature: InputSignature, field: Field) -> bool:
    position = signature.positions[field.name]
    return position >= signature.required or signature.fields[position].nullable
