"""The default preset: an effect worth having, and evidence that it is one.

A column has drifted where its effect is at least ``FLOOR`` *and* chance alone would show such a
difference in any of the columns in less than 1 % of looks (warn), or so rarely that a year of daily
looks stays below 5 % (page). Effect sizes are in a unit that does not grow with the rows: standard
deviations of the reference moved (Wasserstein) for numbers, the share of rows that would have to
change category (total variation) for categories.
"""

from __future__ import annotations

from millwright.monitoring.comparison.everything import all_of_levels, all_of_numbers
from millwright.monitoring.comparison.findings import level_findings, number_findings
from millwright.monitoring.comparison.measures import measure_levels, measure_numbers, pooled
from millwright.monitoring.comparison.records import ColumnComparison, Statistics, Tier
from millwright.monitoring.comparison.samples import Kind, Levels, Numbers
from millwright.monitoring.statistics.contingency import chi_square, two_proportions
from millwright.monitoring.statistics.kolmogorov import two_sample_sf

FLOOR = 0.05
WARN_RATE = 0.01
PAGE_RATE = 0.05
LOOKS = 365
"""Looks that the error budget of the page tier is spread over."""


def compare_numbers(
    name: str,
    reference: Numbers,
    current: Numbers,
    columns: int,
    statistics: Statistics = "usual",
) -> ColumnComparison:
    """Numbers by the Kolmogorov–Smirnov test and the normed Wasserstein distance."""
    measured = measure_numbers(reference, current)
    n, m = reference.held, current.held
    p = two_sample_sf(measured.distances.largest, n, m, exact=max(n, m) <= 1000)
    p = _with_missing(p, reference, current)
    change = _missing_change(reference, current)
    effects = {"normed_wasserstein": measured.normed, "missing_share": change}
    if any(side.finite.size != side.ordered.size for side in (reference, current)):
        # Infinities have no distance; their rank does.
        effects["kolmogorov_smirnov"] = measured.distances.largest
    method = max(effects, key=lambda name: effects[name])
    value = effects[method]
    tier = tier_of(value, p, columns)
    return ColumnComparison(
        name=name,
        kind="numeric",
        method=method,
        value=value,
        threshold=FLOOR,
        drifted=tier != "none",
        tier=tier,
        p_value=p,
        statistics=measured.statistics
        if statistics == "usual"
        else all_of_numbers(reference, current, measured),
        rows=(reference.rows, current.rows),
        missing=_missing(reference, current),
        distribution=measured.distribution,
        findings=tuple(number_findings(reference, current)),
    )


def compare_levels(
    name: str,
    reference: Levels,
    current: Levels,
    columns: int,
    statistics: Statistics = "usual",
) -> ColumnComparison:
    """Categories by χ² of homogeneity, rare ones together, and the total variation."""
    measured = measure_levels(reference, current)
    p = chi_square(*pooled(measured.then, measured.now)).p_value
    p = _with_missing(p, reference, current)
    change, moved = _missing_change(reference, current), measured.statistics["total_variation"]
    value = max(moved, change)
    kind: Kind = "text" if reference.text and current.text else "categorical"
    tier = tier_of(value, p, columns)
    return ColumnComparison(
        name=name,
        kind=kind,
        method="total_variation" if moved >= change else "missing_share",
        value=value,
        threshold=FLOOR,
        drifted=tier != "none",
        tier=tier,
        p_value=p,
        statistics=measured.statistics if statistics == "usual" else all_of_levels(measured),
        rows=(reference.rows, current.rows),
        missing=_missing(reference, current),
        distribution=measured.distribution,
        findings=tuple(level_findings(reference, current, measured)),
    )


def tier_of(effect: float, p: float, columns: int) -> Tier:
    """What an effect is worth that chance shows with probability ``p``, in one of so many columns."""
    if not effect >= FLOOR:
        return "none"
    if p <= PAGE_RATE / LOOKS / columns:
        return "page"
    return "warn" if p <= WARN_RATE / columns else "none"


def _with_missing(p: float, reference: Numbers | Levels, current: Numbers | Levels) -> float:
    if reference.missing == 0 and current.missing == 0:
        return p
    other = two_proportions(
        [reference.missing, reference.rows - reference.missing],
        [current.missing, current.rows - current.missing],
    )
    return min(1.0, 2.0 * min(p, other.p_value))


def _missing(reference: Numbers | Levels, current: Numbers | Levels) -> tuple[float, float]:
    return (
        reference.missing / reference.rows if reference.rows else 0.0,
        current.missing / current.rows if current.rows else 0.0,
    )


def _missing_change(reference: Numbers | Levels, current: Numbers | Levels) -> float:
    if not reference.rows or not current.rows:
        return 0.0
    then, now = _missing(reference, current)
    return abs(now - then)
