"""Two sorted samples in one pass: everything that depends on the order of their values.

One sort per column and one merge give every rank statistic and every distance between
distribution functions. The merge is a stable sort of two runs, which NumPy recognises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from millwright.monitoring.statistics.special import Floats

Ints = npt.NDArray[np.int64]
_BLOCK = 1 << 16
"""Values worked on at a time: their temporaries stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Distances:
    """What lies between two empirical distribution functions F (left) and G (right).

    Attributes:
        above: the largest F − G.
        below: the largest G − F.
        area: ∫ |F − G|, the first Wasserstein distance, over finite values.
        energy: ∫ (F − G)².
        at: the value at which they are farthest apart; NaN where nothing is.
    """

    above: float
    below: float
    area: float
    energy: float
    at: float

    @property
    def largest(self) -> float:
        """The Kolmogorov–Smirnov distance."""
        return max(self.above, self.below)


@dataclass(frozen=True, slots=True)
class Steps:
    """Two samples as counts at their distinct values, ascending."""

    values: Floats
    left: Ints
    right: Ints

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of each side."""
        return int(self.left.sum()), int(self.right.sum())


def sorted_values(values: Floats) -> Floats:
    """The values in order, without NaN (which sorts last)."""
    found = np.sort(values)
    return found[: found.size - int(np.isnan(found[-1:]).any() and np.isnan(found).sum())]


def distances(left: Floats, right: Floats) -> Distances:
    """Compare two sorted samples without NaN; all zero where either is empty.

    Infinities count in the distances of ranks and are left out of the integrals.
    """
    n, m = left.size, right.size
    if n == 0 or m == 0:
        return Distances(0.0, 0.0, 0.0, 0.0, float("nan"))
    both = np.concatenate([left, right])
    order = np.argsort(both, kind="stable")
    above = below = area = energy = 0.0
    at, farthest, held = float("nan"), 0.0, 0
    per_right, per_both = 1.0 / m + 1.0 / n, 1.0 / n
    total = n + m
    for start in range(0, total, _BLOCK):
        stop = min(start + _BLOCK, total)
        places = order[start : stop + 1]
        values = both[places]
        counted = np.cumsum(places[: stop - start] >= n) + held
        held = int(counted[-1])
        # F − G = (i − r)/n − r/m with i values seen, r of them on the right.
        gap = np.arange(start + 1, stop + 1) * per_both - counted * per_right
        if stop == total:
            gap[-1] = 0.0
            values = np.append(values, values[-1])
        with np.errstate(invalid="ignore"):
            width = values[1:] - values[:-1]
        if not np.isfinite(width[0] + width[-1]):
            width = np.where(np.isnan(width), 0.0, width)
        gap *= width > 0.0
        high, low = float(gap.max()), float(-gap.min())
        if max(high, low) > farthest:
            farthest = max(high, low)
            at = float(values[int(np.argmax(gap) if high >= low else np.argmin(gap))])
        above, below = max(above, high), max(below, low)
        if np.isinf(width).any():
            width = np.where(np.isinf(width), 0.0, width)
        # einsum, because a dot product of BLAS starts threads for a block that fits the cache.
        area += float(np.einsum("i,i->", np.abs(gap), width))
        energy += float(np.einsum("i,i,i->", gap, gap, width))
    return Distances(above, below, area, energy, at)


def finite_part(values: Floats) -> Floats:
    """A sorted sample without its infinities."""
    low = int(np.searchsorted(values, -np.inf, side="right"))
    high = int(np.searchsorted(values, np.inf, side="left"))
    return values[low:high]


def steps(left: Floats, right: Floats) -> Steps:
    """Two sorted samples without NaN as counts at their distinct values."""
    values = np.unique(np.concatenate([left, right]))
    return Steps(values, _counts(left, values), _counts(right, values))


def _counts(ordered: Floats, values: Floats) -> Ints:
    below = np.searchsorted(ordered, values, side="right")
    found: Ints = np.diff(below, prepend=0)
    return found
