"""Values as machine words, so that a million of them are compared in one instruction stream.

Numbers, times and booleans are themselves. Text, bytes and nested values become a 64-bit hash: two
different values at the same key look equal once in 1.8e19 such pairs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.comparison.memory import Room
from millwright.data.duckdb_engine import open_duckdb

Family = Literal["int", "float", "bool", "time", "text", "other", "null"]


@dataclass(frozen=True, slots=True)
class Words:
    """One word per row; ``nulls`` marks missing values, None where there are none."""

    family: Family
    values: np.ndarray[Any, Any]
    nulls: np.ndarray[Any, Any] | None

    def __len__(self) -> int:
        return len(self.values)

    def of(self, rows: Any, room: Room) -> Words:
        """The words of some rows: a slice, or an array of row numbers, where -1 is any row."""
        nulls = None if self.nulls is None else self.nulls[rows]
        if isinstance(rows, slice):
            return Words(self.family, self.values[rows], nulls)
        values = room.of(len(rows), self.values.dtype)
        self.values.take(rows, mode="clip", out=values)
        return Words(self.family, values, nulls)

    def some(self, rows: np.ndarray[Any, Any]) -> Words:
        """The words of some rows, by their numbers."""
        nulls = None if self.nulls is None else self.nulls[rows]
        return Words(self.family, self.values[rows], nulls)


def family_of(kind: pa.DataType) -> Family:
    """Which values a type can be compared with: those of its own family, and ints with floats."""
    types = pa.types
    if types.is_dictionary(kind):
        return family_of(kind.value_type)
    if types.is_boolean(kind):
        return "bool"
    if types.is_integer(kind):
        return "int"
    if types.is_floating(kind):
        return "float"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "time"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    return "null" if types.is_null(kind) else "other"


def kind_of_words(family: Family) -> np.dtype[Any]:
    """What the words of a family are."""
    kinds = {"float": np.float64, "bool": np.bool_, "text": np.uint64, "other": np.uint64}
    return np.dtype(kinds.get(family, np.int64))


def words_of(column: pa.ChunkedArray) -> Words:
    """The words of a column."""
    family = family_of(column.type)
    if family == "null":
        return Words("null", np.zeros(len(column), np.int64), np.ones(len(column), np.bool_))
    nulls = pc.is_null(column).to_numpy() if column.null_count else None
    if family in ("text", "other"):
        return Words(family, _hashes(column), nulls)
    if family == "time":
        column = column.cast(pa.timestamp("us", _zone(column.type)), safe=False).cast(pa.int64())
    elif family == "int":
        # Numbers beyond int64 wrap, in both versions alike.
        column = column.cast(pa.int64(), safe=False)
    elif family == "float":
        column = column.cast(pa.float64())
    if nulls is not None:
        column = column.fill_null(False if family == "bool" else 0)
    return Words(family, column.to_numpy(), nulls)


def hashes_of(column: pa.ChunkedArray, salt: int) -> np.ndarray[Any, Any]:
    """A hash of text or other values; those of two salts do not follow from one another."""
    return _in_duckdb(column.cast(pa.string()) if _is_dictionary(column) else column, salt)


def differ(left: Words, right: Words) -> np.ndarray[Any, Any]:
    """Whether the values differ, row by row; see ``TableDiff`` for what equal means."""
    unequal = _values_differ(left, right)
    if left.nulls is None and right.nulls is None:
        return unequal
    missing_left = np.zeros(len(left), np.bool_) if left.nulls is None else left.nulls
    missing_right = np.zeros(len(right), np.bool_) if right.nulls is None else right.nulls
    found: np.ndarray[Any, Any] = (missing_left != missing_right) | (
        unequal & ~missing_left & ~missing_right
    )
    return found


def _values_differ(left: Words, right: Words) -> np.ndarray[Any, Any]:
    families = {left.family, right.family}
    if families == {"int", "float"}:
        whole, broken = (left, right) if left.family == "int" else (right, left)
        equal: np.ndarray[Any, Any] = _equal_numbers(whole.values, broken.values)
        return ~equal
    if len(families) > 1:
        return np.ones(len(left), np.bool_)
    unequal: np.ndarray[Any, Any] = left.values != right.values
    if left.family == "float" and unequal.any():
        at = np.flatnonzero(unequal)
        unequal[at] = ~(np.isnan(left.values[at]) & np.isnan(right.values[at]))
    return unequal


def _equal_numbers(whole: np.ndarray[Any, Any], broken: np.ndarray[Any, Any]) -> Any:
    """Equal as numbers: beyond 2**53 a float is compared as the whole number that it is."""
    inside = (broken >= -(2.0**63)) & (broken < 2.0**63)
    as_whole = np.where(inside, broken, 0.0).astype(np.int64)
    return inside & (as_whole == whole) & (as_whole.astype(np.float64) == broken)


def _hashes(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    if not _is_dictionary(column):
        return _in_duckdb(column, 0)
    parts = []
    for chunk in column.chunks:
        known = np.append(_of_dictionary(chunk.dictionary), np.uint64(0))
        indices = chunk.indices
        if indices.null_count:
            indices = indices.fill_null(len(known) - 1)
        parts.append(known.take(indices.to_numpy()))
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint64), *parts])


_met: dict[str, int | None] = {}
"""Hashes of texts that stood in dictionaries, as those of one column's row groups are alike."""
_MOST_MET = 1 << 16


def _of_dictionary(dictionary: pa.Array) -> np.ndarray[Any, Any]:
    texts = dictionary.to_pylist()
    known = {text: _met.get(text) for text in texts}
    new = [text for text, number in known.items() if number is None]
    if new:
        found = _in_duckdb(pa.chunked_array([pa.array(new, pa.string())]), 0)
        known.update(zip(new, found.tolist(), strict=True))
        if len(_met) + len(new) > _MOST_MET:
            _met.clear()
        _met.update((text, known[text]) for text in new[:_MOST_MET])
    return np.fromiter((known[text] for text in texts), np.uint64, len(texts))


def _in_duckdb(column: pa.ChunkedArray, salt: int) -> np.ndarray[Any, Any]:
    if len(column) == 0:
        return np.zeros(0, np.uint64)
    value = f"'{int(salt)}:' || v::VARCHAR" if salt else "v"
    with _engine().cursor() as engine:
        engine.register("t", pa.table({"v": column}))
        found = engine.execute(f"SELECT hash({value}) AS h FROM t").fetchnumpy()["h"]  # noqa: S608
    return np.ma.filled(found, 0).astype(np.uint64, copy=False)


@functools.cache
def _engine() -> Any:
    return open_duckdb(threads=1)


def _is_dictionary(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _zone(kind: pa.DataType) -> str | None:
    return kind.tz if pa.types.is_timestamp(kind) else None
