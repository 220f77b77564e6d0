"""Whether a column has drifted.

The statistic is the Jensen–Shannon distance (base 2) over cells chosen on the reference: its
quantiles, or its levels, plus one cell each for values outside them and for missing ones. One
bounded, symmetric size for numbers and for categories means one threshold that a person can learn;
it sees shifts, spreads, new levels and missing values alike, and extreme values cannot dominate it
as they do a mean or a Wasserstein distance.

**Small samples.** Between two samples of n and m rows from *one* distribution over K cells,
8 ln 2 · JSD / (1/n + 1/m) is asymptotically χ² with K−1 degrees of freedom (the divergence is an
f-divergence; Pardo 2006, *Statistical Inference Based on Divergence Measures*, ch. 3). So by chance
alone JSD is about (K−1)(1/n + 1/m) / (8 ln 2): 0.05 in distance for 1,000 rows, half of a usual
threshold. That expectation is subtracted, and besides, the raw distance must exceed what chance
reaches once in a million columns. With no drift, sixty windows of thirty columns then raise a
false flag about once in five hundred deployments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import Column, boolean_values, count_cells, level_values
from millwright.kernel.effect_sizes import jensen_shannon_divergence
from millwright.monitoring.drift.records import ColumnDrift, ColumnReference, Reference

STATISTIC = "jensen_shannon"
FALSE_FLAG_RATE = 1e-6
_DEVIATE = NormalDist().inv_cdf(1.0 - FALSE_FLAG_RATE)


def column_drift(reference: ColumnReference, column: Column, threshold: float = 0.1) -> ColumnDrift:
    """Compare one column of a window with its reference.

    ``threshold`` is the least effect that counts; a column that varied more than this within its
    own training period has to exceed that variation.

    Defined answers at the edges: an empty window, or an empty reference, has value 0 and no drift;
    a column that is all missing where the reference was not has moved altogether; a constant
    reference has the cells below, equal and above; infinities lie outside the range.
    """
    if reference.bins.kind == "boolean":
        column = boolean_values(column)
    elif reference.bins.kind == "categorical":
        column = level_values(column)
    counts = count_cells(column, reference.bins)
    then = np.asarray(reference.counts, dtype=np.int64)
    divergence = jensen_shannon_divergence(then, counts)
    expected, floor = chance_divergence(then, counts)
    value = math.sqrt(max(divergence - expected, 0.0))
    threshold = max(threshold, reference.ordinary)
    rows = int(counts.sum())
    missing = int(counts[-1]) / rows if rows else 0.0
    return ColumnDrift(
        feature=reference.feature,
        statistic=STATISTIC,
        value=value,
        threshold=threshold,
        drifted=value >= threshold and divergence > floor,
        noise_floor=math.sqrt(floor),
        rows=rows,
        missing_share=missing,
        missing_change=missing - reference.missing_share if rows else 0.0,
        new_share=_new_share(reference, column, counts),
        counts=tuple(counts.tolist()),
    )


def table_drift(
    reference: Reference, window: pa.Table, threshold: float = 0.1, prefix: str = ""
) -> tuple[ColumnDrift, ...]:
    """Drift of every monitored column; ``prefix`` precedes field names in ``window``.

    A monitored column that the window lacks counts as all missing.
    """
    absent = pa.nulls(window.num_rows)
    present = set(window.column_names)
    return tuple(
        column_drift(
            column,
            window[prefix + column.feature] if prefix + column.feature in present else absent,
            threshold,
        )
        for column in reference.columns
    )


def drifted_share(columns: Sequence[ColumnDrift]) -> float:
    """The share of columns that drifted; 0 where none is monitored."""
    return sum(column.drifted for column in columns) / len(columns) if columns else 0.0


def chance_divergence(
    reference: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """What the divergence is without drift: its expectation, and its one-in-a-million quantile."""
    then, now = int(reference.sum()), int(counts.sum())
    freedom = int(np.count_nonzero(reference + counts)) - 1
    if then == 0 or now == 0 or freedom < 1:
        return 0.0, 0.0
    unit = (1.0 / then + 1.0 / now) / (8.0 * math.log(2.0))
    # Wilson & Hilferty (1931): the cube root of a chi-square is nearly normal.
    spread = 2.0 / (9.0 * freedom)
    quantile = freedom * (1.0 - spread + _DEVIATE * math.sqrt(spread)) ** 3
    return freedom * unit, min(quantile * unit, 1.0)


def _new_share(reference: ColumnReference, column: Column, counts: npt.NDArray[np.int64]) -> float:
    rows = int(counts.sum())
    if rows == 0 or reference.rows == 0:
        return 0.0
    if reference.bins.kind == "numeric":
        return float(counts[0] + counts[-2]) / rows
    if counts[-2] == 0:
        return 0.0
    known = pc.is_in(column.drop_null(), value_set=pa.array(reference.known_levels, pa.string()))
    return float(rows - counts[-1] - (pc.sum(known).as_py() or 0)) / rows
