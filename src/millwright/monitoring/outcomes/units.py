"""Intervals of means whose rows belong together: whole queries or series are drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
RESAMPLES = 200
SEED = 7
_LINES_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class OutcomeEstimate:
    """A metric with its 95 % interval, and the units it is a mean over."""

    metric: str
    value: float
    low: float | None
    high: float | None
    higher_is_better: bool
    units: int


def interval(units: int, measured: Callable[[Floats], Floats]) -> tuple[float | None, float | None]:
    """The 95 % percentile interval of a metric over resampled units.

    Args:
        units: how many there are; fewer than two give no interval.
        measured: the metric for weights of shape ``(resamples, units)``; NaN where it has no value.
    """
    if units < 2:
        return None, None
    generator = np.random.default_rng(SEED)
    at_once = max(1, min(RESAMPLES, _LINES_AT_ONCE // units))
    found: list[Floats] = []
    for start in range(0, RESAMPLES, at_once):
        lines = min(at_once, RESAMPLES - start)
        drawn = generator.integers(0, units, size=(lines, units))
        drawn += (np.arange(lines) * units)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=lines * units).reshape(lines, units)
        found.append(measured(counts.astype(np.float64)))
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    if values.size < RESAMPLES // 2:
        return None, None
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def mean_estimate(metric: str, values: Floats, *, higher_is_better: bool) -> OutcomeEstimate | None:
    """The mean of a value that each unit has; NaN where one has none. None where none has."""
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    low, high = interval(known.size, lambda weights: weights @ known / weights.sum(axis=1))
    return OutcomeEstimate(metric, float(known.mean()), low, high, higher_is_better, known.size)
