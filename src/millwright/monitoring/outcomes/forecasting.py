"""Metrics of forecasts: errors against those of a naive forecast, quantiles, and their coverage.

Sources: Hyndman and Koehler (2006) for MASE; Makridakis, Spiliotis and Assimakopoulos (M4 and M5)
for sMAPE (in 0..2) and RMSSE; Koenker and Bassett (1978) for the pinball loss. The naive forecast is
the value of ``season`` steps before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from millwright.monitoring.outcomes.units import Floats, OutcomeEstimate, Positions, interval

FEW_SERIES = 10
"""With fewer, consecutive stretches of rows are drawn anew and not whole series."""
STRETCHES = 20


@dataclass(frozen=True)
class Forecasts:
    """Forecasts and what came true, each of shape ``(n,)``, in the order of time.

    Attributes:
        series: which of the series each row belongs to, ``0 … len(absolute) - 1``.
        absolute: the naive forecast's mean absolute error by series, and ``squared`` its mean
            squared one; NaN where nobody knows.
        quantiles: forecasts of quantiles, by their level in 0..1.
    """

    actual: Floats
    predicted: Floats
    series: Positions
    absolute: Floats
    squared: Floats
    quantiles: Mapping[float, Floats]


def forecasts_of(
    actual: Floats,
    predicted: Floats,
    *,
    series: Sequence[object] | np.ndarray | None = None,
    quantiles: Mapping[float, Floats] | None = None,
    history: tuple[Sequence[object] | np.ndarray, Floats] | None = None,
    season: int = 1,
) -> Forecasts:
    """Forecasts with what a naive one is wrong by.

    Args:
        actual: what came true, in the order of time.
        predicted: what was forecast.
        series: what each row is of; all of one where absent.
        quantiles: forecasts of quantiles, by level.
        history: series and values from which the models learned, in the order of time; the actual
            values themselves where absent.
        season: how many steps back the naive forecast looks.
    """
    names = np.zeros(actual.size, dtype=np.int64) if series is None else np.asarray(series)
    known, codes = np.unique(names, return_inverse=True)
    past_names, past = (names, actual) if history is None else (np.asarray(history[0]), history[1])
    absolute, squared = np.full(known.size, np.nan), np.full(known.size, np.nan)
    for place, name in enumerate(known):
        values = past[past_names == name]
        steps = values[season:] - values[:-season]
        steps = steps[np.isfinite(steps)]
        if steps.size:
            absolute[place], squared[place] = np.abs(steps).mean(), (steps**2).mean()
    return Forecasts(
        actual=actual,
        predicted=predicted,
        series=codes.reshape(-1).astype(np.int64),
        absolute=np.where(absolute > 0.0, absolute, np.nan),
        squared=np.where(squared > 0.0, squared, np.nan),
        quantiles=quantiles or {},
    )


def forecast_estimates(found: Forecasts) -> tuple[OutcomeEstimate, ...]:
    """MASE, RMSSE, sMAPE, pinball losses and coverage, with intervals over series or stretches.

    ``coverage@80`` is the share of rows between the quantiles 0.1 and 0.9, for every pair given; it
    is neither better higher nor lower, but near what it is named after.
    """
    if not found.actual.size:
        return ()
    error = found.predicted - found.actual
    scale = found.absolute[found.series]
    size = np.abs(found.actual) + np.abs(found.predicted)
    rows = {
        "mase": np.abs(error) / scale,
        "smape": np.divide(2 * np.abs(error), size, out=np.zeros_like(size), where=size > 0.0),
    }
    rows |= {f"pinball@{q:g}": pinball(found.actual, v, q) for q, v in found.quantiles.items()}
    if len(found.quantiles) > 1:
        rows["pinball"] = np.mean([rows[f"pinball@{q:g}"] for q in found.quantiles], axis=0)
    units = _units(found)
    estimates = [_of_rows(name, values, units, higher=False) for name, values in rows.items()]
    estimates.insert(1, _rmsse(found, error, units))
    for level, inside in covered(found).items():
        estimates.append(_of_rows(f"coverage@{level:g}", inside, units, higher=True))
    return tuple(estimate for estimate in estimates if estimate is not None)


def pinball(actual: Floats, forecast: Floats, level: float) -> Floats:
    """The loss of a quantile's forecast, by row."""
    short = actual - forecast
    return np.maximum(level * short, (level - 1.0) * short)


def covered(found: Forecasts) -> dict[float, Floats]:
    """Whether each row lies between a pair of quantiles, by the per cent that should."""
    levels = sorted(found.quantiles)
    pairs = [
        (low, high) for low in levels if low < 0.5 for high in levels if abs(low + high - 1) < 1e-9
    ]
    return {
        round(100 * (high - low), 6): (
            (found.actual >= found.quantiles[low]) & (found.actual <= found.quantiles[high])
        ).astype(np.float64)
        for low, high in pairs
    }


def _units(found: Forecasts) -> Positions:
    """What is drawn anew: whole series, or consecutive stretches where there are few."""
    if found.absolute.size >= FEW_SERIES:
        return found.series
    rows = found.actual.size
    return np.arange(rows) * min(STRETCHES, rows) // rows


def _of_rows(
    metric: str, values: Floats, units: Positions, *, higher: bool
) -> OutcomeEstimate | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    kept = np.unique(units[known], return_inverse=True)[1].reshape(-1)
    sums, counts = np.bincount(kept, values[known]), np.bincount(kept).astype(np.float64)
    low, high = interval(sums.size, lambda weights: (weights @ sums) / (weights @ counts))
    return OutcomeEstimate(metric, float(values[known].mean()), low, high, higher, int(known.sum()))


def _rmsse(found: Forecasts, error: Floats, units: Positions) -> OutcomeEstimate | None:
    """The mean over series of each one's root mean squared scaled error."""
    scaled = error**2 / found.squared[found.series]
    known = np.isfinite(scaled)
    if not known.any():
        return None
    series = np.unique(found.series[known], return_inverse=True)[1].reshape(-1)
    roots = np.sqrt(np.bincount(series, scaled[known]) / np.bincount(series))
    value = float(roots.mean())
    if found.absolute.size >= FEW_SERIES:
        low, high = interval(roots.size, lambda weights: weights @ roots / weights.sum(axis=1))
        return OutcomeEstimate("rmsse", value, low, high, False, int(roots.size))
    shape = (int(units.max()) + 1, roots.size)
    cells = units[known] * shape[1] + series
    sums = np.bincount(cells, scaled[known], shape[0] * shape[1]).reshape(shape)
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)

    def measured(weights: Floats) -> Floats:
        rows = weights @ counts
        means = np.divide(weights @ sums, rows, out=np.zeros_like(rows), where=rows > 0)
        return np.asarray(np.sqrt(means).sum(axis=1) / np.maximum((rows > 0).sum(axis=1), 1))

    low, high = interval(shape[0], measured)
    return OutcomeEstimate("rmsse", value, low, high, False, int(roots.size))
