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
from millwright.serving.config import ServerConfig, VariantConfig
from millwright.serving.encoder import RowEncoder
from millwright.serving.guard import RangeGuard
from millwright.serving.outcome import Outcome, interpret
from millwright.serving.segments import segment_schema
from millwright.serving.signature import InputSignature, Rows
from millwright.serving.traffic import canary_share, goes_to_canary


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
    """Everything that answers requests under one configuration; replaced as a whole."""

    config: ServerConfig
    signature: InputSignature
    champion: Variant
    canary: Variant | None
    share: float
    guard: RangeGuard | None
    schema: pa.Schema

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The champion, and the canary if there is one."""
        return (self.champion,) if self.canary is None else (self.champion, self.canary)

    def by_version(self, version: str) -> Variant | None:
        """The variant that serves this version number, if any does."""
        return next((v for v in self.variants if str(v.config.version) == version), None)

    def pair(self, key: str, pinned: Variant | None, rows: Rows) -> tuple[Variant, Variant | None]:
        """Who answers and who scores in the shadow of the answer.

        Raises:
            InvalidInput: the pinned variant needs a value that is null.
        """
        if self.canary is None:
            return self.champion, None
        if not self.canary.can_score(rows):
            if pinned is self.canary:
                raise InvalidInput(
                    "serving.null",
                    f"Version {self.canary.config.version} needs a value that is null or missing.",
                    hint="Ask its metadata which inputs it takes, or leave the version out.",
                )
            return self.champion, None
        canary_answers = (
            goes_to_canary(key, self.config.deployment, self.share)
            if pinned is None
            else pinned is self.canary
        )
        if canary_answers:
            return self.canary, self.champion
        return self.champion, self.canary


def load_generation(config: ServerConfig, loaded: Mapping[str, Scorer]) -> Generation:
    """Load, verify and warm all variants of a configuration.

    Args:
        config: what to serve.
        loaded: scorers already in memory by version id, which are not loaded again.

    Raises:
        NotFound, Corrupt: a package is missing or damaged.
        Forbidden, Unavailable: it runs code and is not trusted, or needs what is not installed.
        Conflict: champion and canary read the same field differently.
    """
    scorers = {
        variant.name: loaded.get(variant.version_id)
        or Scorer.open(variant.package, trust_code=config.trust_code)
        for variant in config.variants
    }
    champion, canary = config.champion, config.canary
    signature = InputSignature.compile(
        scorers["champion"].manifest.signature,
        scorers["canary"].manifest.signature if canary else (),
    )
    generation = Generation(
        config=config,
        signature=signature,
        champion=Variant(champion, scorers["champion"], signature, config),
        canary=(Variant(canary, scorers["canary"], signature, config) if canary else None),
        share=canary_share(champion.weight, canary.weight) if canary else 0.0,
        guard=None
        if config.guard == "off"
        else RangeGuard.open(champion.package, scorers["champion"].manifest.signature),
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
