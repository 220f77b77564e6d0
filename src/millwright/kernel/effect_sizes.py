"""Effect sizes between two samples or two histograms.

All are sizes, not significances: they say how far apart two distributions are in a unit that does
not grow with the number of rows, so one threshold serves a window of 500 rows and one of 500,000.
Samples are one-dimensional float arrays without NaN; histograms are counts or shares over the same
cells, in any scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def kolmogorov_smirnov(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """The largest distance between the two empirical distribution functions, in 0..1.

    0 where either is empty. Infinities count as the largest or smallest value.

    >>> kolmogorov_smirnov([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    """
    left, right = _sorted(reference), _sorted(sample)
    if left.size == 0 or right.size == 0:
        return 0.0
    both = np.concatenate([left, right])
    below_left = np.searchsorted(left, both, side="right") / left.size
    below_right = np.searchsorted(right, both, side="right") / right.size
    return float(np.abs(below_left - below_right).max())


def wasserstein(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """The first Wasserstein distance (earth mover's), in the unit of the values.

    Infinities are left out: they would carry the whole distance. 0 where either is empty.

    >>> wasserstein([0.0, 1.0, 3.0], [5.0, 6.0, 8.0])
    5.0
    """
    left, right = _finite(_sorted(reference)), _finite(_sorted(sample))
    if left.size == 0 or right.size == 0:
        return 0.0
    both = np.sort(np.concatenate([left, right]))
    below_left = np.searchsorted(left, both[:-1], side="right") / left.size
    below_right = np.searchsorted(right, both[:-1], side="right") / right.size
    return float(np.sum(np.abs(below_left - below_right) * np.diff(both)))


def normed_wasserstein(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """``wasserstein`` in standard deviations of the reference.

    A constant reference has no such unit: the answer is then 0 where nothing moved and infinity
    otherwise.
    """
    distance = wasserstein(reference, sample)
    left = _finite(_sorted(reference))
    spread = float(left.std()) if left.size else 0.0
    if spread > 0.0:
        return distance / spread
    return 0.0 if distance == 0.0 else float("inf")


def jensen_shannon(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """The Jensen–Shannon *distance*: the square root of the divergence in base 2, in 0..1.

    0 for equal histograms, 1 for histograms without a common cell; a metric (Endres & Schindelin
    2003). 0 where either is empty.

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    return float(np.sqrt(jensen_shannon_divergence(reference, sample)))


def jensen_shannon_divergence(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """The Jensen–Shannon divergence in bits, in 0..1; 0 where either is empty."""
    shares = _shares(reference, sample)
    if shares is None:
        return 0.0
    left, right = shares
    middle = (left + right) / 2.0
    divergence = (_bits(left, middle) + _bits(right, middle)) / 2.0
    return float(min(max(divergence, 0.0), 1.0))


def population_stability_index(
    reference: npt.ArrayLike, sample: npt.ArrayLike, floor: float = 1e-4
) -> float:
    """PSI = Σ (q − p) ln(q / p); shares below ``floor`` are raised to it so that it stays finite."""
    shares = _shares(reference, sample)
    if shares is None:
        return 0.0
    left, right = np.maximum(shares[0], floor), np.maximum(shares[1], floor)
    return float(np.sum((right - left) * np.log(right / left)))


def cramers_v(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """Cramér's V of two histograms over the same cells: √(χ² / n), in 0..1.

    χ² is Pearson's statistic of the table of two rows; 0 where either is empty.

    >>> cramers_v([5, 0], [0, 5]), cramers_v([5, 5], [50, 50])
    (1.0, 0.0)
    """
    counts = np.array([reference, sample], dtype=np.float64)
    counts = counts[:, counts.sum(axis=0) > 0]
    rows, columns, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    if not rows.all() or counts.shape[1] < 2:
        return 0.0
    expected = np.outer(rows, columns) / total
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return float(np.sqrt(min(chi_square / total, 1.0)))


def total_variation(reference: npt.ArrayLike, sample: npt.ArrayLike) -> float:
    """The share of rows that would have to change cell, in 0..1.

    >>> total_variation([5, 5], [10, 0])
    0.5
    """
    shares = _shares(reference, sample)
    if shares is None:
        return 0.0
    return float(np.abs(shares[0] - shares[1]).sum() / 2.0)


def _sorted(values: npt.ArrayLike) -> Floats:
    return np.sort(np.asarray(values, dtype=np.float64))


def _finite(values: Floats) -> Floats:
    kept: Floats = values[np.isfinite(values)]
    return kept


def _shares(reference: npt.ArrayLike, sample: npt.ArrayLike) -> tuple[Floats, Floats] | None:
    left = np.asarray(reference, dtype=np.float64)
    right = np.asarray(sample, dtype=np.float64)
    if left.sum() <= 0.0 or right.sum() <= 0.0:
        return None
    return left / left.sum(), right / right.sum()


def _bits(part: Floats, whole: Floats) -> float:
    held = part > 0.0
    return float(np.sum(part[held] * np.log2(part[held] / whole[held])))
