"""Tests on the order of values: whether two samples of numbers come of one distribution.

Each takes two samples as ``Steps`` (counts at distinct values) or sorted, and answers statistic and
p-value as SciPy does, ties included. An empty sample is no evidence: statistic 0, p-value 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from millwright.monitoring.statistics.kolmogorov import kuiper_sf, two_sample_sf
from millwright.monitoring.statistics.merged import Distances, Steps
from millwright.monitoring.statistics.special import (
    Floats,
    bessel_k_quarter_scaled,
    log_factorial,
    normal_sf,
)


@dataclass(frozen=True, slots=True)
class Test:
    """The outcome of a test."""

    __test__ = False

    statistic: float
    p_value: float


NOTHING = Test(0.0, 1.0)
"""What an empty sample says."""


def kolmogorov_smirnov(found: Distances, n: int, m: int, *, exact: bool | None = None) -> Test:
    """The two-sided test, as ``scipy.stats.ks_2samp``."""
    if n == 0 or m == 0:
        return NOTHING
    return Test(found.largest, two_sample_sf(found.largest, n, m, exact=exact))


def kuiper(found: Distances, n: int, m: int) -> Test:
    """Kuiper's V = D⁺ + D⁻, the same wherever a cyclic column (hour, angle) is cut."""
    if n == 0 or m == 0:
        return NOTHING
    distance = found.above + found.below
    return Test(distance, kuiper_sf(distance, n, m))


def energy_distance(found: Distances) -> float:
    """√(2 ∫ (F − G)²), as ``scipy.stats.energy_distance``."""
    return math.sqrt(2.0 * found.energy)


def mann_whitney(sample: Steps) -> Test:
    """Mann and Whitney's U of the left sample, two-sided with continuity correction.

    Exact for at most 8 rows on a side without ties, as ``scipy.stats.mannwhitneyu``.
    """
    n, m = sample.rows
    if n == 0 or m == 0:
        return NOTHING
    both = (sample.left + sample.right).astype(np.float64)
    below = np.cumsum(both) - both
    ranks = float(np.dot(below + (both + 1.0) / 2.0, sample.left))
    u = ranks - n * (n + 1) / 2.0
    larger = max(u, n * m - u)
    tied = float(np.sum(both**3 - both))
    if min(n, m) <= 8 and tied == 0.0:
        return Test(u, min(1.0, 2.0 * _u_tail(round(larger), n, m)))
    total = n + m
    spread = math.sqrt(n * m / 12.0 * ((total + 1) - tied / (total * (total - 1))))
    if spread == 0.0:
        return Test(u, 1.0)
    return Test(u, min(1.0, 2.0 * normal_sf((larger - n * m / 2.0 - 0.5) / spread)))


def _u_tail(u: int, n: int, m: int) -> float:
    # How many arrangements have each U: the coefficients of a Gaussian binomial.
    small, large = sorted((n, m))
    counts = np.zeros(n * m + 1)
    counts[0] = 1.0
    for j in range(1, small + 1):
        up = large + j
        counts[up:] -= counts[: counts.size - up].copy() if up < counts.size else 0.0
        for residue in range(j):
            counts[residue::j] = np.cumsum(counts[residue::j])
    return float(counts[u:].sum() / counts.sum())


def cramer_von_mises(sample: Steps) -> Test:
    """The two-sample statistic T with its asymptotic p-value.

    As ``scipy.stats.cramervonmises_2samp(method="asymptotic")`` (Anderson 1962).
    """
    n, m = sample.rows
    if n == 0 or m == 0:
        return NOTHING
    a, b = sample.left.astype(np.float64), sample.right.astype(np.float64)
    above, beside = np.cumsum(a) - a, np.cumsum(b) - b
    middle = above + beside + (a + b + 1.0) / 2.0
    u = n * _squared_offsets(middle - above, a) + m * _squared_offsets(middle - beside, b)
    total, pairs = n + m, n * m
    statistic = u / (pairs * total) - (4.0 * pairs - 1.0) / (6.0 * total)
    mean = (1.0 + 1.0 / total) / 6.0
    variance = (
        (total + 1.0)
        * (4.0 * pairs * total - 3.0 * (n * n + m * m) - 2.0 * pairs)
        / (45.0 * total**2 * 4.0 * pairs)
    )
    if variance <= 0.0:
        return Test(statistic, 1.0)
    normed = 1.0 / 6.0 + (statistic - mean) / math.sqrt(45.0 * variance)
    return Test(statistic, 1.0 if normed < 0.003 else max(0.0, 1.0 - _cramer_cdf(normed)))


def _squared_offsets(offset: Floats, count: Floats) -> float:
    # Σ over i = 1..c of (offset − i)², for every distinct value.
    return float(
        np.sum(
            count * offset**2
            - offset * count * (count + 1.0)
            + count * (count + 1.0) * (2.0 * count + 1.0) / 6.0
        )
    )


def _cramer_cdf(x: float) -> float:
    k = np.arange(0, 60, dtype=np.float64)
    y = 4.0 * k + 1.0
    q = y * y / (16.0 * x)
    logs = np.array([math.lgamma(i + 0.5) for i in k]) - log_factorial(k)
    scale = np.exp(logs) / (math.pi**1.5 * math.sqrt(x))
    return float(np.sum(scale * np.sqrt(y) * np.exp(-2.0 * q) * bessel_k_quarter_scaled(q)))


def anderson_darling(sample: Steps) -> Test:
    """The normalised k-sample statistic for two samples, with mid-ranks (Scholz & Stephens 1987).

    The p-value is interpolated between their table's 0.001 and 0.25, as
    ``scipy.stats.anderson_ksamp``.
    """
    n, m = sample.rows
    total = n + m
    if n == 0 or m == 0 or sample.values.size < 2 or total < 4:
        return NOTHING
    ties = (sample.left + sample.right).astype(np.float64)
    below = np.cumsum(ties) - ties / 2.0
    weight = below * (total - below) - total * ties / 4.0
    a2 = 0.0
    for part, rows in ((sample.left, n), (sample.right, m)):
        reached = np.cumsum(part) - part / 2.0
        a2 += float(np.sum(ties / total * (total * reached - below * rows) ** 2 / weight)) / rows
    a2 *= (total - 1.0) / total
    statistic = (a2 - 1.0) / math.sqrt(_darling_variance(n, m))
    return Test(statistic, _darling_p(statistic))


def _darling_variance(n: int, m: int) -> float:
    total = n + m
    inverse = 1.0 / np.arange(1, total, dtype=np.float64)
    harmonic = float(inverse.sum())
    # g = Σ_{i<j} 1/((N − i) j)
    tails = np.cumsum(inverse[::-1])[::-1]
    g = float(np.sum(inverse[::-1][: total - 2] * tails[1:])) if total > 2 else 0.0
    sizes, k = 1.0 / n + 1.0 / m, 2
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * sizes
    b = (2 * g - 4) * k**2 + 8 * harmonic * k
    b += (2 * g - 14 * harmonic - 4) * sizes - 8 * harmonic + 4 * g - 6
    c = (6 * harmonic + 2 * g - 2) * k**2 + (4 * harmonic - 4 * g + 6) * k
    c += (2 * harmonic - 6) * sizes + 4 * harmonic
    d = (2 * harmonic + 6) * k**2 - 4 * harmonic * k
    return float(
        (a * total**3 + b * total**2 + c * total + d)
        / ((total - 1.0) * (total - 2.0) * (total - 3.0))
    )


def _darling_p(statistic: float) -> float:
    b0 = np.array([0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085])
    b1 = np.array([-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615])
    b2 = np.array([-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154])
    critical = b0 + b1 + b2
    levels = np.array([0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001])
    if statistic < critical.min():
        return 0.25
    if statistic > critical.max():
        return 0.001
    fitted = np.polyfit(critical, np.log(levels), 2)
    return float(math.exp(np.polyval(fitted, statistic)))
