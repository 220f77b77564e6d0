"""Everything measured about one column of two tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from millwright.kernel.effect_sizes import (
    jensen_shannon,
    population_stability_index,
    total_variation,
)
from millwright.monitoring.comparison.records import Distribution
from millwright.monitoring.comparison.samples import Ints, Levels, Numbers, aligned
from millwright.monitoring.statistics.binning import counts_between
from millwright.monitoring.statistics.contingency import chi_square, hellinger, largest_difference
from millwright.monitoring.statistics.merged import Distances, distances
from millwright.monitoring.statistics.special import Floats

DRAWN_BINS = 30
DRAWN_LEVELS = 20
LEAST_EXPECTED = 5.0
"""Levels with fewer expected rows are put together before χ², whose law needs as many."""


@dataclass(frozen=True, slots=True)
class NumbersMeasured:
    """Two samples of numbers, measured.

    Attributes:
        distances: between their distribution functions.
        normed: the Wasserstein distance in standard deviations of the reference.
        statistics: all by name.
        distribution: 30 cells of equal width over the middle of both.
    """

    distances: Distances
    normed: float
    statistics: dict[str, float]
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """Two samples of categories, measured.

    Attributes:
        names: the union of levels, the reference's first.
        then: counts in the reference.
        now: counts in the current table.
        statistics: all by name.
        distribution: the most frequent levels.
    """

    names: pa.Array
    then: Ints
    now: Ints
    statistics: dict[str, float]
    distribution: Distribution


def measure_numbers(reference: Numbers, current: Numbers) -> NumbersMeasured:
    """One merge pass, and counts between edges by binary search in the sorted values."""
    found = distances(reference.ordered, current.ordered)
    normed = in_deviations(found.area, reference.deviation)
    then, now = _decile_counts(reference, reference), _decile_counts(reference, current)
    statistics = {
        "kolmogorov_smirnov": found.largest,
        "kuiper": found.above + found.below,
        "wasserstein": found.area,
        "normed_wasserstein": normed,
        "energy": float(np.sqrt(2.0 * found.energy)),
        "jensen_shannon": jensen_shannon(then, now),
        "population_stability_index": population_stability_index(then, now),
        "hellinger": hellinger(then, now),
        "total_variation": total_variation(then, now),
        "mean_reference": reference.mean,
        "mean_current": current.mean,
        "deviation_reference": reference.deviation,
        "deviation_current": current.deviation,
    }
    return NumbersMeasured(found, normed, statistics, _histogram(reference, current))


def measure_levels(reference: Levels, current: Levels) -> LevelsMeasured:
    """Counts of both sides over the union of their levels."""
    names, then, now = aligned(reference, current)
    test = chi_square(*pooled(then, now))
    statistics = {
        "total_variation": total_variation(then, now),
        "chi_square": test.statistic,
        "jensen_shannon": jensen_shannon(then, now),
        "population_stability_index": population_stability_index(then, now),
        "hellinger": hellinger(then, now),
        "largest_difference": largest_difference(then, now),
        "levels_reference": float(np.count_nonzero(then)),
        "levels_current": float(np.count_nonzero(now)),
        "new_share": _new_share(then, now),
    }
    return LevelsMeasured(names, then, now, statistics, _top(names, then, now))


def in_deviations(distance: float, deviation: float) -> float:
    """A distance in standard deviations of the reference; infinite where a constant has moved."""
    if deviation > 0.0:
        return distance / deviation
    return 0.0 if distance == 0.0 else float("inf")


def pooled(then: Ints, now: Ints) -> tuple[Ints, Ints]:
    """Counts with the levels too rare for χ² put together into one cell."""
    both, total = then + now, int((then + now).sum())
    if total == 0:
        return then, now
    smaller = min(int(then.sum()), int(now.sum())) / total
    rare = both * smaller < LEAST_EXPECTED
    if np.count_nonzero(rare) < 2:
        return then, now
    return (
        np.append(then[~rare], then[rare].sum()),
        np.append(now[~rare], now[rare].sum()),
    )


def _decile_counts(reference: Numbers, sample: Numbers) -> Floats:
    at = np.searchsorted(sample.ordered, reference.deciles, side="right")
    counts = np.diff(np.concatenate([[0], at, [sample.ordered.size]]))
    return np.append(counts * (sample.held / max(sample.ordered.size, 1)), sample.missing)


def _new_share(then: Ints, now: Ints) -> float:
    rows = int(now.sum())
    return float(now[then == 0].sum()) / rows if rows else 0.0


def _histogram(reference: Numbers, current: Numbers) -> Distribution:
    parts = [part for part in (reference.finite, current.finite) if part.size]
    if not parts:
        return Distribution((), ())
    # Between the extreme thousandths, so that one outlier does not leave a single bar.
    low = min(float(part[int(0.001 * (part.size - 1))]) for part in parts)
    high = max(float(part[int(0.999 * (part.size - 1))]) for part in parts)
    edges = (
        np.linspace(low, high, DRAWN_BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    )
    shares = [
        counts_between(side.finite, edges) / max(side.finite.size, 1)
        for side in (reference, current)
    ]
    return Distribution(
        tuple(shares[0].round(6).tolist()),
        tuple(shares[1].round(6).tolist()),
        tuple(edges.tolist()),
    )


def _top(names: pa.Array, then: Ints, now: Ints) -> Distribution:
    order = np.argsort(-(then + now), kind="stable")[:DRAWN_LEVELS]
    levels = [str(name)[:80] for name in names.take(pa.array(order)).to_pylist()]
    sides = []
    for counts in (then, now):
        total = max(int(counts.sum()), 1)
        shares = (counts[order] / total).round(6).tolist()
        if len(names) > DRAWN_LEVELS:
            shares.append(round(1.0 - float(counts[order].sum()) / total, 6))
        sides.append(tuple(shares))
    if len(names) > DRAWN_LEVELS:
        levels.append("all others")
    return Distribution(sides[0], sides[1], levels=tuple(levels))
