"""How sure it is that a column has moved, over the last 1, 2, 4, 8 and 16 windows.

A jump shows in one window, a creep only in many together. Counts over the reference's cells add up,
so each scale costs an addition: numbers are tested by Kolmogorov–Smirnov over the cells (whose
p-value then errs on the safe side) and by the sum of ranks, categories by χ² of homogeneity.

**Rows that resemble one another** (an hour of weather, a day of one airline's delays) are fewer
than they seem. ``design_effect`` measures on consecutive stretches of the reference by how much
shares vary beyond chance; a window of n rows then counts as n / (1 + (d − 1) n / s) rows, where s is
the length of a stretch: the variance between stretches does not shrink with the rows. That is Rao
and Scott's (1981) correction, as a block permutation of the reference would find it. Where it is
needed the error rate rests on an estimate and cannot be promised, and ``promised`` says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from millwright.monitoring.statistics.contingency import chi_square
from millwright.monitoring.statistics.kolmogorov import one_sample_sf
from millwright.monitoring.statistics.special import chi_square_sf, normal_sf

Counts = npt.NDArray[np.int64]
Tier = Literal["page", "warn", "none"]

SCALES = (1, 2, 4, 8, 16)
FLOOR = 0.05
"""The least effect that anybody hears of."""
PAGE_RATE, LOOKS = 0.05, 365
"""False pages are less likely than this within so many looks at one model version."""
WARN_RATE = 0.01
"""False warnings are less likely than this per look."""
LASTING_P = 0.1
"""The newest window by itself must be less likely than this, or the drift counts as ended."""
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much alike neighbouring rows of the reference are.

    ``design_effect`` 1: as draws from one urn. ``stretch`` is the number of rows it was measured on.
    """

    design_effect: float = 1.0
    stretch: int = 1

    @property
    def promised(self) -> bool:
        """Whether the error rates hold without an estimate."""
        return self.design_effect <= 1.0

    def effective(self, rows: float) -> float:
        """As how many independent rows so many count."""
        return rows / (1.0 + (self.design_effect - 1.0) * rows / self.stretch)


INDEPENDENT = Resemblance()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the windows up to now say of a column.

    Attributes:
        tier: page, warn or none.
        effect: how far it moved at the scale that decided: in standard deviations of the reference
            (numbers), or the share of rows that changed category.
        p_value: chance of such a difference at this scale, before any correction.
        windows: how many windows were taken together.
        rows: rows in them.
        cell: the cell whose share changed most, as its position.
        then: its share in the reference.
        now: its share in these windows.
        promised: whether rows are independent enough for the error rate to be a promise.
    """

    tier: Tier
    effect: float
    p_value: float
    windows: int
    rows: int
    cell: int
    then: float
    now: float
    promised: bool


def evidence(
    reference: Counts,
    windows: Sequence[Counts],
    columns: int,
    *,
    widths: npt.NDArray[np.float64] | None = None,
    resemblance: Resemblance = INDEPENDENT,
    floor: float = FLOOR,
) -> Evidence | None:
    """Judge a column by its latest windows; None where there are no rows.

    Args:
        reference: counts over the cells; the last cell holds missing values.
        windows: counts of consecutive windows over the same cells, oldest first.
        columns: how many columns are looked at, which the error rates are divided by.
        widths: of a column of numbers: the width of each cell but the last, in standard deviations;
            None for categories.
        resemblance: of neighbouring rows.
        floor: the least effect that counts.
    """
    then = int(reference.sum())
    best: Evidence | None = None
    lasting = True
    for scale in SCALES:
        if scale > max(len(windows), 1):
            break
        pooled = np.sum(windows[-scale:], axis=0) if windows else reference * 0
        now = int(pooled.sum())
        if then == 0 or now == 0:
            return best
        p = _chance(reference, pooled, widths is not None, resemblance)
        effect = effect_of(reference, pooled, widths)
        if scale == 1:
            # What has ended is no news, however strong the windows before still make it look.
            lasting = effect >= floor and p <= LASTING_P
        tier = _tier(effect, p, columns, floor) if lasting else "none"
        cell, before, after = _moved_cell(reference / then, pooled / now)
        found = Evidence(tier, effect, p, scale, now, cell, before, after, resemblance.promised)
        best = found if best is None or _rank(found) > _rank(best) else best
    return best


def effect_of(reference: Counts, counts: Counts, widths: npt.NDArray[np.float64] | None) -> float:
    """The effect between two rows of counts; at least the change of the share of missing values."""
    p, q = reference / reference.sum(), counts / counts.sum()
    if widths is None:
        return float(np.abs(p - q).sum() / 2.0)
    missing = abs(float(p[-1] - q[-1]))
    held_p, held_q = p[:-1].sum(), q[:-1].sum()
    if held_p <= 0.0 or held_q <= 0.0:
        return missing
    gap = np.abs(np.cumsum(p[:-1]) / held_p - np.cumsum(q[:-1]) / held_q)
    # Between two cells' middles the functions are so far apart.
    middles = (widths[:-1] + widths[1:]) / 2.0
    return max(float(np.dot(gap[:-1], middles)), missing)


def design_effect(stretches: Sequence[Counts]) -> Resemblance:
    """By how much the shares of consecutive stretches vary beyond what chance explains.

    χ² of homogeneity of all stretches over its degrees of freedom; 1 where chance explains it (up
    to its 99th percentile).
    """
    table = np.array([counts for counts in stretches if counts.sum() > 0], dtype=np.float64)
    if len(table) < 3:
        return INDEPENDENT
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    usual = expected.min(axis=0) >= _LEAST_EXPECTED
    table, expected = table[:, usual], expected[:, usual]
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    if freedom < 1:
        return INDEPENDENT
    value = float(((table - expected) ** 2 / expected).sum())
    if chi_square_sf(value, freedom) > 0.01:
        return INDEPENDENT
    return Resemblance(max(1.0, value / freedom), int(np.median(table.sum(axis=1))))


def _chance(reference: Counts, counts: Counts, ordered: bool, resemblance: Resemblance) -> float:
    now = float(counts.sum())
    thin = resemblance.effective(now) / now
    if not ordered:
        left, right = _pooled(reference, counts)
        found = chi_square(left, right)
        cells = int(np.count_nonzero(left + right))
        return chi_square_sf(found.statistic * thin, cells - 1)
    missing = chi_square([reference[:-1].sum(), reference[-1]], [counts[:-1].sum(), counts[-1]])
    p_missing = chi_square_sf(missing.statistic * thin, 1) if missing.statistic > 0.0 else 1.0
    n, m = float(reference[:-1].sum()), float(counts[:-1].sum())
    if n == 0.0 or m == 0.0:
        return p_missing
    before, after = reference[:-1] / n, counts[:-1] / m
    m = resemblance.effective(m)
    # The distance sees any change; the sum of ranks sees a shift with half the rows.
    gap = float(np.abs(np.cumsum(before - after)).max())
    p_gap = one_sample_sf(gap, max(1, math.floor(n * m / (n + m))))
    p = min(1.0, 2.0 * min(p_gap, _rank_sum(before, after, n, m)))
    if reference[-1] == 0 and counts[-1] == 0:
        return p
    return min(1.0, 2.0 * min(p, p_missing))


def _rank_sum(
    left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], n: float, m: float
) -> float:
    """Mann and Whitney's test on shares of n and m rows over ordered cells, ties corrected."""
    superior = float(np.dot(right, np.cumsum(left) - left / 2.0))
    both = (n * left + m * right) / (n + m)
    variance = (1.0 / n + 1.0 / m) / 12.0 * (1.0 - float(np.sum(both**3)))
    if variance <= 0.0:
        return 1.0
    return 2.0 * normal_sf(abs(superior - 0.5) / math.sqrt(variance))


def _pooled(reference: Counts, counts: Counts) -> tuple[Counts, Counts]:
    both = reference + counts
    share = min(reference.sum(), counts.sum()) / both.sum()
    rare = both * share < _LEAST_EXPECTED
    if np.count_nonzero(rare) < 2:
        return reference, counts
    return (
        np.append(reference[~rare], reference[rare].sum()),
        np.append(counts[~rare], counts[rare].sum()),
    )


def _tier(effect: float, p: float, columns: int, floor: float) -> Tier:
    if effect < floor:
        return "none"
    tests = columns * len(SCALES)
    if p <= PAGE_RATE / LOOKS / tests:
        return "page"
    return "warn" if p <= WARN_RATE / tests else "none"


def _rank(found: Evidence) -> tuple[int, float]:
    return ("none", "warn", "page").index(found.tier), -found.p_value


def _moved_cell(
    then: npt.NDArray[np.float64], now: npt.NDArray[np.float64]
) -> tuple[int, float, float]:
    cell = int(np.argmax(np.abs(now - then)))
    return cell, float(then[cell]), float(now[cell])
