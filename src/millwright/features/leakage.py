"""Columns that know the outcome: found by what they reveal, kept out before they flatter a model.

Three kinds of evidence, each with its threshold beside it. None needs a person to know the
columns, and a person may overrule any of them (``features.leakage: report``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.features.keys import microseconds
from millwright.features.power import power_of_column
from millwright.features.target import target_values
from millwright.kernel.record import Record

Evidence = Literal["predictive_power", "missingness", "recorded_later"]

MAX_AUC: Final = 0.90
"""A column that alone ranks the classes better than this is taken to be a form of the answer."""
MAX_CORRELATION: Final = 0.97
"""The same for numeric targets: absolute rank correlation of one column alone."""
MIN_NULL_WHERE_UNKNOWN: Final = 0.5
MAX_NULL_WHERE_KNOWN: Final = 0.01
"""Null for at least half of the rows without outcome and for at most 1 % of those with one: the
value is written down together with the outcome."""
MIN_UNKNOWN_ROWS: Final = 20
"""Rows without outcome needed before their nulls mean anything."""
MAX_LATER_SHARE: Final = 0.5
"""A timestamp later than the prediction time in more rows than this is from the future."""
SAMPLE_ROWS: Final = 50_000
"""Rows, evenly spread over the table, on which predictive power is measured."""


class Leak(Record):
    """A column that leaks the outcome, the kind of evidence, and a sentence for people."""

    column: str
    evidence: Evidence
    reason: str


def find_leaks(
    table: pa.Table,
    target: str,
    time: str | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> tuple[Leak, ...]:
    """The columns of a table that reveal the target, one leak per column, in column order.

    Args:
        table: the rows, with outcome and without.
        target: the column to be predicted.
        time: the timestamp column of the moment of prediction, if there is one.
        columns: the columns to look at; all but target and time when not given.
    """
    looked_at = [c for c in (columns or table.column_names) if c not in (target, time)]
    outcome = target_values(table[target], target)
    known = pc.is_valid(outcome).to_numpy()
    sample = _spread(np.flatnonzero(known), SAMPLE_ROWS)
    sampled_outcome = outcome.take(pa.array(sample))
    leaks = []
    for name in looked_at:
        column = table[name]
        leak = _recorded_later(name, column, table, time) or _missing_with_outcome(
            name, column, known, target
        )
        leak = leak or _too_predictive(name, column.take(pa.array(sample)), sampled_outcome, target)
        if leak is not None:
            leaks.append(leak)
    return tuple(leaks)


def _recorded_later(
    name: str, column: pa.ChunkedArray, table: pa.Table, time: str | None
) -> Leak | None:
    if time is None or not pa.types.is_timestamp(column.type):
        return None
    moments, timed = microseconds(table[time])
    values, known = microseconds(column)
    both = timed & known
    if not both.any():
        return None
    share = float(np.mean(values[both] > moments[both]))
    if share <= MAX_LATER_SHARE:
        return None
    reason = f"{share:.0%} of its times are later than '{time}', the moment of the prediction."
    return Leak(column=name, evidence="recorded_later", reason=reason)


def _missing_with_outcome(
    name: str, column: pa.ChunkedArray, known: npt.NDArray[np.bool_], target: str
) -> Leak | None:
    unknown = int(np.count_nonzero(~known))
    if unknown < MIN_UNKNOWN_ROWS or unknown == len(known):
        return None
    null = pc.is_null(column).to_numpy()
    without, within = float(null[~known].mean()), float(null[known].mean())
    if without < MIN_NULL_WHERE_UNKNOWN or within > MAX_NULL_WHERE_KNOWN:
        return None
    reason = (
        f"It is empty in {without:.0%} of the rows where '{target}' is unknown and in "
        f"{within:.1%} of the others: it is recorded together with the outcome."
    )
    return Leak(column=name, evidence="missingness", reason=reason)


def _too_predictive(
    name: str, column: pa.ChunkedArray, outcome: pa.ChunkedArray, target: str
) -> Leak | None:
    power = power_of_column(column, outcome)
    if power is None:
        return None
    limit, measure = (
        (MAX_CORRELATION, "rank correlation")
        if pa.types.is_floating(outcome.type)
        else (MAX_AUC, "AUC")
    )
    if power < limit:
        return None
    reason = (
        f"Alone it predicts '{target}' with {measure} {power:.3f}: too good to be known before."
    )
    return Leak(column=name, evidence="predictive_power", reason=reason)


def _spread(rows: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
