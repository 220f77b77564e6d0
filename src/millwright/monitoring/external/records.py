"""Predictions as other servers report them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from millwright.kernel.record import Record


class ExternalPrediction(Record):
    """One predicted row of a model that another server serves."""

    prediction_id: Annotated[str, Field(min_length=1, max_length=200)]
    event_time: str
    score: float | None = None
    """P(positive), or the value of a regression."""
    scores: tuple[float, ...] | None = None
    """Of several classes, in the order of the version's classes."""
    label: str | None = None
    request_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    latency_ms: Annotated[float, Field(ge=0.0)] | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    """Number of the model version; the champion where absent."""
    features: dict[str, bool | float | str | None] = Field(default_factory=dict)
    quantiles: dict[str, float] = Field(default_factory=dict)
    """Forecasts of quantiles by level, such as ``0.9``."""


class ExternalBatch(Record):
    """Predictions as they are posted."""

    predictions: Annotated[tuple[ExternalPrediction, ...], Field(min_length=1, max_length=20_000)]


class PredictionsAccepted(Record):
    """What became of posted predictions."""

    accepted: int
    """Rows that are in the log now; none where the very same batch was posted before, or where a
    payload waits for the other half of its request."""
    digest: str
