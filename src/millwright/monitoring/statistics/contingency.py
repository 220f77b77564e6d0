"""Tests and distances between two rows of counts over the same cells.

Tests are of homogeneity: both rows are samples, so a category that the reference never had is
evidence and not an impossibility. A row without counts is no evidence: 0, p-value 1.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from millwright.monitoring.statistics.ranks import NOTHING, Test
from millwright.monitoring.statistics.special import (
    Floats,
    chi_square_sf,
    log_factorial,
    normal_sf,
)


def chi_square(reference: npt.ArrayLike, current: npt.ArrayLike) -> Test:
    """Pearson's χ² of homogeneity, without a continuity correction.

    >>> found = chi_square([10, 20], [20, 10])
    >>> round(found.statistic, 6), round(found.p_value, 6)
    (6.666667, 0.009823)
    """
    table, expected = _expected(reference, current)
    if table.shape[1] < 2:
        return NOTHING
    value = float(((table - expected) ** 2 / expected).sum())
    return Test(value, chi_square_sf(value, table.shape[1] - 1))


def g_test(reference: npt.ArrayLike, current: npt.ArrayLike) -> Test:
    """The likelihood-ratio test G = 2 Σ O ln(O / E)."""
    table, expected = _expected(reference, current)
    if table.shape[1] < 2:
        return NOTHING
    held = table > 0.0
    value = 2.0 * float(np.sum(table[held] * np.log(table[held] / expected[held])))
    return Test(max(value, 0.0), chi_square_sf(value, table.shape[1] - 1))


def goodness_of_fit(reference: npt.ArrayLike, current: npt.ArrayLike) -> Test:
    """χ² of the current counts against the reference's shares, as if these were known exactly.

    What Evidently tests; a cell that the reference lacks makes the p-value 0 whatever its count.
    """
    then, now = _pair(reference, current)
    held = (then + now) > 0.0
    then, now = then[held], now[held]
    if then.sum() <= 0.0 or now.sum() <= 0.0:
        return NOTHING
    expected = then / then.sum() * now.sum()
    with np.errstate(divide="ignore"):
        value = float(((now - expected) ** 2 / expected).sum())
    return Test(value, chi_square_sf(value, now.size - 1))


def fisher_exact(reference: npt.ArrayLike, current: npt.ArrayLike) -> Test:
    """Fisher's exact test of a table of two by two, two-sided; the statistic is the odds ratio.

    As ``scipy.stats.fisher_exact([reference, current])``; NaN where the ratio is 0/0.
    """
    (a, b), (c, d) = (tuple(int(v) for v in row) for row in _pair(reference, current))
    ratio = a * d / (b * c) if b * c > 0 else (math.inf if a * d > 0 else math.nan)
    if 0 in (a + b, c + d, a + c, b + d):
        return Test(math.nan, 1.0)
    low, high = max(0, a - d), min(a + b, a + c)
    k = np.arange(low, high + 1, dtype=np.float64)
    fixed = [a + b, c + d, a + c, b + d]
    logs = float(log_factorial(np.array(fixed, dtype=np.float64)).sum())
    logs -= float(log_factorial(np.array([float(sum(fixed) // 2)]))[0])
    cells = log_factorial(k) + log_factorial(a + b - k) + log_factorial(a + c - k)
    chances = np.exp(logs - cells - log_factorial(np.maximum(d - a + k, 0.0)))
    likely = chances <= chances[a - low] * (1.0 + 1e-7)
    return Test(ratio, min(1.0, float(chances[likely].sum())))


def two_proportions(reference: npt.ArrayLike, current: npt.ArrayLike) -> Test:
    """The two-sided Z test of two shares with a pooled variance; counts of two cells."""
    (a, b), (c, d) = _pair(reference, current)
    if a + b <= 0.0 or c + d <= 0.0:
        return NOTHING
    pooled = (a + c) / (a + b + c + d)
    spread = math.sqrt(pooled * (1.0 - pooled) * (1.0 / (a + b) + 1.0 / (c + d)))
    difference = a / (a + b) - c / (c + d)
    if spread == 0.0:
        return Test(0.0, 1.0)
    return Test(difference / spread, 2.0 * normal_sf(abs(difference / spread)))


def largest_difference(reference: npt.ArrayLike, current: npt.ArrayLike) -> float:
    """L∞: the largest difference of a share."""
    shares = _shares(reference, current)
    return 0.0 if shares is None else float(np.abs(shares[0] - shares[1]).max())


def hellinger(reference: npt.ArrayLike, current: npt.ArrayLike) -> float:
    """Hellinger's distance √(½ Σ (√p − √q)²), in 0..1."""
    shares = _shares(reference, current)
    if shares is None:
        return 0.0
    return float(np.sqrt(0.5 * np.sum((np.sqrt(shares[0]) - np.sqrt(shares[1])) ** 2)))


def kullback_leibler(
    reference: npt.ArrayLike, current: npt.ArrayLike, floor: float = 1e-4
) -> float:
    """Σ p ln(p / q) of the reference's shares to the current's; empty cells are ``floor``."""
    shares = _shares(reference, current)
    if shares is None:
        return 0.0
    left, right = (np.where(part > 0.0, part, floor) for part in shares)
    left, right = left / left.sum(), right / right.sum()
    return float(np.sum(left * np.log(left / right)))


def _pair(reference: npt.ArrayLike, current: npt.ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)


def _shares(reference: npt.ArrayLike, current: npt.ArrayLike) -> tuple[Floats, Floats] | None:
    left, right = _pair(reference, current)
    if left.sum() <= 0.0 or right.sum() <= 0.0:
        return None
    return left / left.sum(), right / right.sum()


def _expected(reference: npt.ArrayLike, current: npt.ArrayLike) -> tuple[Floats, Floats]:
    table = np.array([reference, current], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0.0]
    rows = table.sum(axis=1)
    if not rows.all():
        return table[:, :0], table[:, :0]
    return table, np.outer(rows, table.sum(axis=0)) / table.sum()
