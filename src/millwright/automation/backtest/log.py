"""A table of labelled rows in the order of time, as a replay reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.arrow_kinds import is_number
from millwright.kernel.errors import InvalidInput, nearest

Floats = npt.NDArray[np.float64]
MOST_LEVELS = 200
"""Text with more different values than this names rows rather than describing them."""
MOST_CLASSES = 50


@dataclass(frozen=True, eq=False)
class Log:
    """Rows that were labelled.

    Attributes:
        inputs: shape ``(n, k)``; levels are numbered, what is missing is NaN.
        categorical: positions of the inputs that are numbers of levels.
        truth: shape ``(n,)``; the number of the class, or the value.
        classes: how many there are; 0 where values are predicted.
        moments: event milliseconds, ascending.
    """

    inputs: Floats
    categorical: tuple[int, ...]
    truth: Floats
    classes: int
    moments: npt.NDArray[np.int64]

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.truth.size)


def log_of(
    table: pa.Table,
    target: str,
    time: str | None = None,
    ignore: Sequence[str] = (),
    task: Literal["auto", "classification", "regression"] = "auto",
    interval_ms: int = 1_800_000,
) -> Log:
    """The log in a table.

    Args:
        table: a row for each prediction, with what came true.
        target: column of what came true; rows without it are left out.
        time: column with the moment of the prediction. Without one the rows are taken to be in
            order, ``interval_ms`` apart.
        ignore: columns that no model may use.
        task: ``auto`` takes numbers with more than ten different values for regression.
        interval_ms: see ``time``.

    Raises:
        InvalidInput: a column is missing or there is nothing to learn from.
    """
    for name in [target, *([time] if time else []), *ignore]:
        _require(table, name)
    table = table.filter(pc.is_valid(table[target]))
    if time is not None:
        table = table.sort_by(time)
        moments = _milliseconds(table[time], time)
    else:
        moments = np.arange(table.num_rows, dtype=np.int64) * interval_ms
    used = [name for name in table.column_names if name not in {target, time, *ignore}]
    inputs: list[Floats] = []
    categorical: list[int] = []
    for name in used:
        column = table[name]
        if _is_text(column.type):
            levels = column.dictionary_encode().combine_chunks()
            if len(levels.dictionary) > MOST_LEVELS:
                continue
            categorical.append(len(inputs))
            inputs.append(levels.indices.cast(pa.float64()).to_numpy(zero_copy_only=False))
        elif is_number(column.type):
            values = column.cast(pa.float64(), safe=False)
            inputs.append(values.combine_chunks().to_numpy(zero_copy_only=False))
    if not inputs or table.num_rows == 0:
        raise InvalidInput(
            "backtest.no_inputs",
            "The log has no labelled rows with columns to learn from.",
            hint="Name the column of what came true with --target; text needs few different values.",
        )
    truth, classes = _truth(table[target], task)
    return Log(np.column_stack(inputs), tuple(categorical), truth, classes, moments)


def _truth(column: pa.ChunkedArray, task: str) -> tuple[Floats, int]:
    numeric = is_number(column.type) and not pa.types.is_boolean(column.type)
    distinct = pc.count_distinct(column).as_py()
    if task == "regression" or (task == "auto" and numeric and distinct > 10):
        if not numeric:
            raise InvalidInput("backtest.no_numbers", "What came true is no number.")
        values = column.cast(pa.float64(), safe=False).combine_chunks()
        return np.array(values.to_numpy(zero_copy_only=False)), 0
    if not 2 <= distinct <= MOST_CLASSES:
        raise InvalidInput(
            "backtest.classes",
            f"What came true has {distinct} different values, and 2 to {MOST_CLASSES} can be told"
            " apart.",
            hint="Choose another --target, or --task regression.",
            value=distinct,
        )
    coded = pc.rank(column.combine_chunks().cast(pa.string()), tiebreaker="dense")
    return coded.to_numpy(zero_copy_only=False).astype(np.float64) - 1.0, int(distinct)


def _milliseconds(column: pa.ChunkedArray, name: str) -> npt.NDArray[np.int64]:
    try:
        if is_number(column.type):
            return np.array(column.cast(pa.int64(), safe=False).to_numpy())
        stamps = column.cast(pa.timestamp("ms"), safe=False)
        return np.array(stamps.cast(pa.int64()).to_numpy())
    except pa.ArrowInvalid as cause:
        raise InvalidInput(
            "backtest.time",
            f"The column '{name}' holds no times.",
            hint="Give a column of dates, of timestamps, or of Unix milliseconds.",
            value=name,
        ) from cause


def _require(table: pa.Table, name: str) -> None:
    if name in table.column_names:
        return
    guess = nearest(name, table.column_names)
    hint = f"Did you mean '{guess}'?" if guess else f"It has: {', '.join(table.column_names[:20])}."
    raise InvalidInput(
        "backtest.unknown_column", f"The log has no column '{name}'.", hint=hint, value=name
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind)) or (
        pa.types.is_dictionary(kind)
    )
