"""Metrics on parts of the rows, and the part on which the model is worst."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from millwright.evaluation.intervals import intervals
from millwright.evaluation.metrics import METRICS, Metric, point_metrics
from millwright.evaluation.observed import Observed
from millwright.evaluation.segments import segments
from millwright.kernel.model_package import Field
from millwright.kernel.record import Record

MIN_ROWS = 50
MIN_SHARE = 0.01
RESAMPLES = 100
_DEFAULT_COLUMNS = 8
_DEFAULT_LEVELS = (2, 30)


class Slice(Record):
    """The rows where a column has a value, and how the model does on them."""

    column: str
    name: str
    """The value, or the range of values, of the column."""
    rows: int
    share: float
    metrics: dict[str, float]
    low: float | None = None
    high: float | None = None
    """The interval of the primary metric; None where it is undefined on these rows."""
    supported: bool
    """Whether there are enough rows to rest a judgement on."""


def slice_metrics(
    table: pa.Table, columns: Sequence[str], observed: Observed, metric: Metric, seed: int = 7
) -> tuple[Slice, ...]:
    """Every metric on every segment of each column, with an interval for ``metric``.

    Raises:
        InvalidInput: a column does not exist.
    """
    least = max(MIN_ROWS, int(MIN_SHARE * len(observed)))
    found: list[Slice] = []
    for column in columns:
        for name, mask in segments(table, column).masks():
            part = observed.rows(mask)
            interval = None
            if len(part) >= least:
                interval = intervals(part, [metric], count=RESAMPLES, seed=seed).get(metric.name)
            found.append(
                Slice(
                    column=column,
                    name=name,
                    rows=len(part),
                    share=len(part) / len(observed),
                    metrics=point_metrics(part),
                    low=interval.low if interval else None,
                    high=interval.high if interval else None,
                    supported=len(part) >= least,
                )
            )
    return tuple(found)


def worst_slice(slices: Sequence[Slice], metric: str) -> Slice | None:
    """The supported slice with the worst value; None where no slice has one."""
    candidates = [s for s in slices if s.supported and metric in s.metrics]
    sign = METRICS[metric].sign
    return min(candidates, key=lambda s: sign * s.metrics[metric], default=None)


def default_columns(table: pa.Table, fields: Sequence[Field]) -> tuple[str, ...]:
    """Columns worth slicing by where none is named: categories and booleans with few values."""
    low, high = _DEFAULT_LEVELS
    names = [
        field.name
        for field in fields
        if field.kind != "numeric" and low <= len(table[field.name].unique()) <= high
    ]
    return tuple(names[:_DEFAULT_COLUMNS])
