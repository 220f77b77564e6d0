"""``preset="evidently"``: the choice of test, thresholds and binning of Evidently 0.7.

The cut is 1,000 cleaned rows of the reference. Up to it numbers are tested by Kolmogorov–Smirnov
(p ≤ 0.05), columns of at most five distinct values by χ² goodness of fit or, with two, by the Z
test (p < 0.05); above it numbers by the normed Wasserstein distance (≥ 0.1), and categories and few
values by the Jensen–Shannon distance (≥ 0.1, natural logarithm). A table drifts at half its
columns. Infinities and missing values are left out first.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import Column
from millwright.kernel.effect_sizes import jensen_shannon
from millwright.monitoring.comparison.records import ColumnComparison
from millwright.monitoring.comparison.samples import (
    Ints,
    Kind,
    aligned,
    count_distinct,
    levels_of,
    numbers_of,
)
from millwright.monitoring.statistics.binning import counts_between, edges_of
from millwright.monitoring.statistics.contingency import goodness_of_fit, two_proportions
from millwright.monitoring.statistics.kolmogorov import two_sample_sf
from millwright.monitoring.statistics.merged import distances, steps
from millwright.monitoring.statistics.special import Floats

DATASET_SHARE = 0.5
CUT = 1000
WHOLE_LEVELS = 10
_P, _DISTANCE = 0.05, 0.1
_TEXT = "abs_text_content_drift"


def compare(name: str, reference: Column, current: Column) -> ColumnComparison:
    """One column by Evidently's rules; one that it refuses has no value."""
    kind = kind_of(current)
    rows = (len(reference), len(current))
    missing = tuple(c.null_count / len(c) if len(c) else 0.0 for c in (reference, current))
    if kind == "unsupported":
        return _undecided(name, kind, rows, "Evidently compares no columns of this type.")
    if kind == "text":
        return _undecided(name, kind, rows, "Text is compared by a domain classifier.")
    then, now = _distinct_counts(reference, current, numeric=kind == "numeric")
    if min(int(then.sum()), int(now.sum())) == 0:
        return _undecided(name, kind, rows, "A side without values cannot be compared.")
    if kind == "numeric" and then.size > 5:
        method, value, threshold = _of_numbers(
            numbers_of(reference).finite, numbers_of(current).finite
        )
    else:
        method, value, threshold = _of_levels(then, now)
    tested = method.endswith("p_value")
    limit = value <= threshold if method == "K-S p_value" else value < threshold
    return ColumnComparison(
        name=name,
        kind=kind,
        method=method,
        value=value,
        threshold=threshold,
        drifted=limit if tested else value >= threshold,
        p_value=value if tested else None,
        rows=rows,
        missing=(missing[0], missing[1]),
    )


def kind_of(column: Column) -> Kind:
    """Evidently's type of a column, as Pandas would hold it.

    An integer with missing values is a float in Pandas, and so numeric whatever it holds.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        return "numeric"
    if pa.types.is_signed_integer(kind):
        if column.null_count:
            return "numeric" if column.null_count < len(column) else "unsupported"
        return "categorical" if _distinct(column) <= WHOLE_LEVELS else "numeric"
    if pa.types.is_dictionary(kind):
        return "categorical"
    if pa.types.is_boolean(kind):
        return "unsupported" if column.null_count else "categorical"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        held = len(column) - column.null_count
        if held == 0:
            return "unsupported"
        return "text" if _distinct(column.drop_null()) > held * 0.5 else "categorical"
    return "unsupported"


def binned(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Shares over "sturges" bins of both samples; over distinct values of a reference of ≤ 20."""
    if count_distinct(left) > 20:
        edges = edges_of(np.sort(np.concatenate([left, right])), "sturges")
        return counts_between(left, edges), counts_between(right, edges)
    values = np.unique(np.concatenate([left, right]))
    return (
        np.diff(np.searchsorted(left, values, side="right"), prepend=0).astype(np.float64),
        np.diff(np.searchsorted(right, values, side="right"), prepend=0).astype(np.float64),
    )


def without_zeros(shares: Floats) -> Floats:
    """Shares in which PSI and KL can be taken: an empty cell gets 1e-4, or a millionth of the
    smallest where that is no larger than 1e-4."""
    smallest = float(shares[shares > 0.0].min())
    return np.where(shares == 0.0, smallest / 10**6 if smallest <= 1e-4 else 1e-4, shares)


def stability_index(left: Floats, right: Floats) -> float:
    """Evidently's PSI of two sorted samples of numbers."""
    then, now = (without_zeros(part / part.sum()) for part in binned(left, right))
    return float(np.sum((then - now) * np.log(then / now)))


def _of_numbers(left: Floats, right: Floats) -> tuple[str, float, float]:
    found = distances(left, right)
    if left.size <= CUT:
        return "K-S p_value", two_sample_sf(found.largest, left.size, right.size), _P
    norm = max(float(left.std()), 0.001)
    return "Wasserstein distance (normed)", found.area / norm, _DISTANCE


def _of_levels(then: Ints, now: Ints) -> tuple[str, float, float]:
    if then.sum() <= CUT:
        if then.size > 2:
            return "chi-square p_value", goodness_of_fit(then, now).p_value, _P
        if then.size == 1:
            return "Z-test p_value", 1.0, _P
        return "Z-test p_value", two_proportions(then, now).p_value, _P
    # Natural logarithms: the base-2 distance shrinks by √ln 2.
    value = jensen_shannon(then, now) * math.sqrt(math.log(2.0))
    return "Jensen-Shannon distance", value, _DISTANCE


def _distinct_counts(reference: Column, current: Column, *, numeric: bool) -> tuple[Ints, Ints]:
    if not numeric:
        _, then, now = aligned(levels_of(reference), levels_of(current))
        return then, now
    pair = steps(numbers_of(reference).finite, numbers_of(current).finite)
    return pair.left, pair.right


def _distinct(column: Column) -> int:
    return int(pc.count_distinct(column, mode="only_valid").as_py())


def _undecided(name: str, kind: Kind, rows: tuple[int, int], why: str) -> ColumnComparison:
    return ColumnComparison(
        name=name,
        kind=kind,
        method=_TEXT if kind == "text" else "none",
        value=None,
        threshold=None,
        drifted=False,
        rows=rows,
        findings=(why,),
    )
