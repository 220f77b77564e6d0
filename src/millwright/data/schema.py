"""What each column is: numeric, categorical, boolean, time, text or id."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.record import Record

ColumnKind = Literal["numeric", "categorical", "boolean", "time", "text", "id", "unusable"]

MAX_LEVELS: Final = 150
"""Text with more distinct values than this names single things (planes, users): an id."""
MIN_ROWS_PER_LEVEL: Final = 3
"""Text whose values occur less often than this on average is an id too, however few there are."""
TEXT_LENGTH: Final = 40
"""Mean length, in characters, from which varied text counts as prose."""

_FEWEST_NUMBERED: Final = 20

_ID_NAME = re.compile(r"(^|_)(id|uuid|guid|key|hash)$", re.IGNORECASE)


class Column(Record):
    """One column: its name, Arrow type, kind, and how many values are null or distinct."""

    name: str
    type: str
    kind: ColumnKind
    nulls: int
    distinct: int


class Schema(Record):
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name; ``KeyError`` if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def infer_schema(table: pa.Table) -> Schema:
    """The kind of every column, from its Arrow type and its cardinality.

    - ``boolean``, ``time``: by type.
    - ``numeric``: numbers; except whole numbers that number the rows (``id``): all distinct, and
      either rising by row or named like one (``id``, ``user_id``, ``uuid``, ``key``).
    - text: ``text`` when long and varied; ``categorical`` up to 150 levels that each occur at
      least three times on average; else ``id``.
    - ``unusable``: nested or binary values, and columns of nulls.
    """
    return Schema(columns=tuple(describe_column(name, table[name]) for name in table.column_names))


def describe_column(name: str, values: pa.ChunkedArray) -> Column:
    """The description of one column (see ``infer_schema``)."""
    distinct = 0
    if not (pa.types.is_nested(values.type) or pa.types.is_null(values.type)):
        distinct = pc.count_distinct(values, mode="only_valid").as_py()
    kind = kind_of(
        name,
        values.type,
        len(values) - values.null_count,
        distinct,
        rising_by_one=lambda: _rises_by_one(values),
        mean_length=lambda: _mean_length(values),
    )
    return Column(
        name=name,
        type=str(values.type),
        kind=kind,
        nulls=values.null_count,
        distinct=distinct,
    )


def kind_of(
    name: str,
    kind: pa.DataType,
    known: int,
    distinct: int,
    *,
    rising_by_one: Callable[[], bool],
    mean_length: Callable[[], float],
) -> ColumnKind:
    """The kind of a column (see ``infer_schema``), from what is known of its values.

    Args:
        name: the column's.
        kind: its Arrow type.
        known: rows with a value.
        distinct: how many of those differ.
        rising_by_one: whether each whole number is the one before and one.
        mean_length: the mean length of texts, in characters.
    """
    if known == 0 or pa.types.is_nested(kind) or pa.types.is_null(kind) or is_binary(kind):
        return "unusable"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_temporal(kind):
        return "time"
    if is_text(kind):
        if distinct <= MAX_LEVELS and (distinct <= 2 or known >= MIN_ROWS_PER_LEVEL * distinct):
            return "categorical"
        return "text" if mean_length() >= TEXT_LENGTH else "id"
    whole = pa.types.is_integer(kind) and distinct >= known >= _FEWEST_NUMBERED
    return "id" if whole and (_ID_NAME.search(name) or rising_by_one()) else "numeric"


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text, plain or dictionary-encoded."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_binary(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds raw bytes."""
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _mean_length(values: pa.ChunkedArray) -> float:
    return float(pc.mean(pc.utf8_length(pc.cast(values, pa.string()))).as_py() or 0.0)


def _rises_by_one(values: pa.ChunkedArray) -> bool:
    numbers = values.drop_null().to_numpy()
    return bool((numbers[1:] - numbers[:-1] == 1).all())
