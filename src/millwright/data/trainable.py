"""Whether a table can be learned from at all, said before minutes are spent on it."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.record import Record

MIN_ROWS: Final = 50
"""Rows with a known target below which nothing can be trained and honestly validated."""


class Trainable(Record):
    """A table that can be trained on."""

    rows: int
    labelled: int
    """Rows whose target is known."""
    empty_columns: tuple[str, ...]
    """Columns without any value; they are left out of training."""


def check_trainable(table: pa.Table, target: str, name: str = "the data") -> Trainable:
    """Check that a target can be learned from a table.

    Raises:
        InvalidInput: the target is not a column, has no value, has one value only, or there are
            fewer than 50 rows with a known target, or no other column with a value.
    """
    if target not in table.column_names:
        guess = nearest(target, table.column_names)
        known = ", ".join(table.column_names[:20])
        raise InvalidInput(
            "data.unknown_target",
            f"Target column '{target}' is not in {name}.",
            hint=f"Did you mean '{guess}'?" if guess else f"It has: {known}.",
            value=target,
        )
    values = table[target]
    labelled = table.num_rows - values.null_count
    if labelled == 0:
        raise InvalidInput(
            "data.empty_target",
            f"Target column '{target}' of {name} is empty in all {table.num_rows:,} rows.",
            hint="Name another column with --target, or give rows whose outcome is known.",
            value=target,
        )
    if labelled < MIN_ROWS:
        raise InvalidInput(
            "data.too_few_rows",
            f"{name} has {labelled:,} rows with a known '{target}'; at least {MIN_ROWS} are needed.",
            hint="Collect more rows: with fewer, training and validation would tell you nothing.",
            value=labelled,
        )
    distinct = pc.count_distinct(values, mode="only_valid").as_py()
    if distinct < 2:
        only = next(value for value in values.unique().to_pylist() if value is not None)
        raise InvalidInput(
            "data.one_class",
            f"Target column '{target}' of {name} is {only!r} in every row where it is known.",
            hint="There is nothing to tell apart: give rows with at least two outcomes.",
            value=target,
        )
    empty = tuple(c for c in table.column_names if table[c].null_count == table.num_rows)
    if len(empty) + 1 >= table.num_columns:
        raise InvalidInput(
            "data.no_inputs",
            f"{name} has no column with values besides the target '{target}'.",
            hint="Give the columns that the target is to be predicted from.",
        )
    return Trainable(rows=table.num_rows, labelled=labelled, empty_columns=empty)
