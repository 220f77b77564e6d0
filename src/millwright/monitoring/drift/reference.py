"""The reference: a model's training sample, reduced to counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.kernel.cells import (
    Bins,
    Column,
    boolean_values,
    count_cells,
    level_bins,
    level_values,
    numeric_bins,
    numeric_values,
    ordered_levels,
)
from millwright.kernel.model_package import Field
from millwright.monitoring.drift.columns import column_drift
from millwright.monitoring.drift.records import ColumnReference, Reference
from millwright.monitoring.policy.evidence import design_effect

SCORE = "score"
"""The column of ``reference.arrow``, and of the prediction log, that holds the model's score."""
MAX_KNOWN_LEVELS = 10_000
STRETCHES = 10
"""Into how many consecutive parts the sample is cut to see how much it varies by itself."""
LEAST_STRETCH_ROWS = 100


def make_reference(sample: pa.Table, signature: Sequence[Field]) -> Reference:
    """The reference of a model from its package's ``reference.arrow``.

    Args:
        sample: training rows, a column per field and ``score``.
        signature: the model's fields; those with ``monitored=False`` and those that the sample
            lacks are left out.
    """
    present = set(sample.column_names)
    columns = tuple(
        with_ordinary(column_reference(sample[field.name], field), sample[field.name])
        for field in signature
        if field.monitored and field.name in present
    )
    score = None
    if SCORE in present and all(field.name != SCORE for field in signature):
        score = column_reference(sample[SCORE], Field(name=SCORE, kind="numeric"))
        score = with_ordinary(score, sample[SCORE])
    return Reference(columns=columns, score=score)


def column_reference(column: Column, field: Field) -> ColumnReference:
    """Bins chosen on this column, and how its own rows fall into them."""
    if field.kind == "numeric":
        bins = numeric_bins(numeric_values(column))
        return ColumnReference(
            feature=field.name,
            bins=bins,
            counts=tuple(count_cells(column, bins).tolist()),
            widths=_widths(numeric_values(column), bins),
        )
    values = boolean_values(column) if field.kind == "boolean" else level_values(column)
    bins = level_bins(values, field.kind)
    known = tuple(level for level, _ in ordered_levels(values)[:MAX_KNOWN_LEVELS])
    return ColumnReference(
        feature=field.name,
        bins=bins,
        counts=tuple(count_cells(values, bins).tolist()),
        known_levels=known,
    )


def with_ordinary(reference: ColumnReference, column: Column) -> ColumnReference:
    """The reference with the column's ordinary variation: the farthest stretch of the sample.

    A week of weather is never like a whole quarter, and the delays of one day resemble each other.
    Rows of a window are not independent draws, so a window is news only when it is farther from
    the training period than that period's own tenths were. The sample keeps the order of time; in
    rows without order the tenths are alike, and the variation is near zero.
    """
    rows = len(column) // STRETCHES
    if rows < LEAST_STRETCH_ROWS:
        return reference
    drifts = [
        column_drift(reference, column.slice(start * rows, rows), 0.0) for start in range(STRETCHES)
    ]
    alike = design_effect([np.asarray(drift.counts, dtype=np.int64) for drift in drifts])
    return reference.model_copy(
        update={
            "ordinary": max(drift.value for drift in drifts),
            "design_effect": alike.design_effect,
            "stretch": alike.stretch,
        }
    )


def _widths(values: npt.NDArray[np.float64], bins: Bins) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    spread = float(finite.std()) if finite.size else 0.0
    # What lies beyond the sample's range is taken to lie one standard deviation beyond.
    inner = np.diff(np.array([bins.low, *bins.edges])) / spread if spread > 0.0 else None
    within = [0.0] * len(bins.edges) if inner is None else inner.tolist()
    return (1.0, *within, 1.0)
