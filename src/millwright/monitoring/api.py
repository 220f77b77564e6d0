"""The Python API of monitoring: ``mw.drift``, ``mw.sketch``, estimates without labels, changes.

Example:
    >>> import millwright as mw                                          # doctest: +SKIP
    >>> report = mw.drift("january.parquet", "february.parquet")         # doctest: +SKIP
    >>> [column.name for column in report.columns if column.drifted]     # doctest: +SKIP
    ['humidity']
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from millwright.data import read_table
from millwright.kernel.cells import numeric_values
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.comparison import Preset, TableComparison, compare_tables
from millwright.monitoring.comparison.records import Statistics
from millwright.monitoring.detectors import Change, change_detector
from millwright.monitoring.estimation import (
    Loss,
    LossEstimate,
    LossEstimator,
    PerformanceChange,
    PerformanceEstimate,
    PerformanceEstimator,
    RowLoss,
    performance_change,
)
from millwright.monitoring.sketches import TableSketch, sketch_of
from millwright.monitoring.sketches.profile import SUFFIX

__all__ = [
    "change_detector",
    "changes_of",
    "drift",
    "estimate_losses",
    "estimate_performance",
    "explain_performance",
    "sketch",
    "table_of",
]


def drift(
    reference: Any,
    current: Any,
    *,
    preset: Preset = "millwright",
    columns: Sequence[str] | None = None,
    statistics: Statistics = "usual",
) -> TableComparison:
    """Compare two tables column by column.

    Args:
        reference: how it was: an Arrow table, a Pandas or Polars frame, a dictionary of columns, or
            the path of a CSV, Parquet or Arrow file; or what
            ``sketch`` kept of one, or the path of that.
        current: how it is now, in any of these forms.
        preset: whose rules decide: ``millwright``, ``evidently`` or ``nannyml``.
        columns: only these; by default all that both have.
        statistics: ``all`` for every statistic and p-value, with the default preset.

    Raises:
        InvalidInput: one of the two is no table, the preset is unknown, or no column is common.
    """
    known = _sketched(reference)
    if known is not None:
        return _against(known, table_of(current), preset, columns)
    left, right = table_of(reference), table_of(current)
    if columns is not None:
        left, right = chosen_columns(left, columns), chosen_columns(right, columns)
    return compare_tables(left, right, preset, statistics)


def sketch(data: Any) -> TableSketch:
    """What to keep of a table so that later ones can be compared with it: kilobytes.

    Sketches merge (``sketch(monday).merge(sketch(tuesday))``) and are stored by ``to_bytes``.

    Raises:
        InvalidInput: it is no table.
        Unavailable: Apache DataSketches is not installed.
    """
    return sketch_of(table_of(data))


def changes_of(data: Any, column: str, method: str, **options: Any) -> list[Change]:
    """Where the values of a column changed, in the order of its rows; missing ones are passed over.

    Args:
        data: a table in any form that ``drift`` takes.
        column: of numbers or truth values.
        method: and ``options``: see ``change_detector``. Positions count rows of the table.

    Raises:
        InvalidInput: no such column, it holds no numbers, or the detector cannot take them.
    """
    values = numeric_values(chosen_columns(table_of(data), [column])[column])
    present = np.flatnonzero(~np.isnan(values))
    found = change_detector(method, **options).update(values[present])
    return [replace(change, at=int(present[change.at])) for change in found]


def estimate_performance(
    reference: Any,
    current: Any,
    *,
    target: str,
    score: str,
    prediction: str | None = None,
    threshold: float = 0.5,
    inputs: Sequence[str] | None = None,
) -> PerformanceEstimate:
    """How good a binary classifier is to be expected on rows whose truth is not known yet.

    Args:
        reference: labelled rows that the model was not trained on, in any form ``drift`` takes.
        current: rows without labels.
        target: column of truth in the reference, 0 or 1.
        score: column of the positive class's score in both.
        prediction: column of the class given; by default whether ``score`` reaches ``threshold``.
        threshold: see ``prediction``.
        inputs: columns whose move can make the estimate unbelievable; by default all others.

    Raises:
        InvalidInput: a column is missing, or nothing is labelled.
    """
    estimator = PerformanceEstimator(
        table_of(reference),
        target=target,
        score=score,
        prediction=prediction,
        threshold=threshold,
        inputs=inputs,
    )
    return estimator.estimate(table_of(current))


def estimate_losses(
    reference: Any,
    current: Any,
    *,
    target: str,
    prediction: str,
    inputs: Sequence[str] | None = None,
    losses: Sequence[Loss] = ("mae", "rmse"),
) -> LossEstimate:
    """How far off a regression is to be expected on rows whose truth is not known yet.

    Args:
        reference: labelled rows that the model was not trained on, in the order of time, in any form
            ``drift`` takes.
        current: rows without labels.
        target: column of truth in the reference.
        prediction: column of the model's answer in both.
        inputs: columns of inputs; by default all others.
        losses: of ``mae``, ``mse``, ``rmse``, ``mape`` and ``rmsle``.

    Raises:
        InvalidInput: a column is missing, too little is labelled, or a loss is not defined.
        Unavailable: LightGBM, of the extra ``train``, is not installed.
    """
    estimator = LossEstimator(
        table_of(reference), target=target, prediction=prediction, inputs=inputs, losses=losses
    )
    return estimator.estimate(table_of(current))


def explain_performance(
    reference: Any,
    current: Any,
    *,
    target: str,
    prediction: str,
    loss: RowLoss,
    inputs: Sequence[str] | None = None,
) -> PerformanceChange:
    """Why a model has become better or worse: other inputs, or another relation to the truth.

    Args:
        reference: labelled rows of then, in the order of time, in any form ``drift`` takes; not
            those that the model was trained on.
        current: labelled rows of now.
        target: column of truth in both.
        prediction: column of the answer: a value, a class for ``error``, a score for ``brier``.
        loss: of a row: ``absolute``, ``squared``, ``error`` or ``brier``.
        inputs: columns of inputs; by default all others.

    Raises:
        InvalidInput: a column is missing, too little is labelled, or the loss is unknown.
        Unavailable: LightGBM, of the extra ``train``, is not installed.
    """
    return performance_change(
        table_of(reference),
        table_of(current),
        target=target,
        prediction=prediction,
        loss=loss,
        inputs=inputs,
    )


def _sketched(reference: Any) -> TableSketch | None:
    if isinstance(reference, TableSketch):
        return reference
    if isinstance(reference, str | os.PathLike) and str(reference).endswith(SUFFIX):
        return TableSketch.from_bytes(Path(reference).read_bytes())
    return None


def _against(
    known: TableSketch, current: pa.Table, preset: Preset, columns: Sequence[str] | None
) -> TableComparison:
    if preset != "millwright":
        raise InvalidInput(
            "monitoring.preset_needs_rows",
            f"The preset '{preset}' needs the rows of the reference, not a profile of them.",
            hint="Give the reference table, or use the preset millwright.",
            value=preset,
        )
    return known.compare(current if columns is None else chosen_columns(current, columns))


def table_of(data: Any) -> pa.Table:
    """Whatever holds a table, as an Arrow table.

    Raises:
        InvalidInput: it is none of the forms that ``drift`` takes.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, str | os.PathLike):
        return read_table(Path(data))
    try:
        found = pa.table(data)
    except (TypeError, ValueError, pa.ArrowInvalid) as cause:
        raise InvalidInput(
            "monitoring.no_table",
            f"A {type(data).__name__} is no table.",
            hint="Give an Arrow table, a Pandas or Polars frame, a dictionary of columns, or a path.",
            value=type(data).__name__,
        ) from cause
    return found.select([name for name in found.column_names if not name.startswith("__index_")])


def chosen_columns(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Only these columns of a table; raises ``InvalidInput`` where it lacks one."""
    unknown = [name for name in columns if name not in table.column_names]
    if unknown:
        raise InvalidInput(
            "monitoring.unknown_column",
            f"There is no column '{unknown[0]}'.",
            hint=f"The table has: {', '.join(table.column_names[:20])}.",
            value=unknown[0],
        )
    return table.select(list(columns))
