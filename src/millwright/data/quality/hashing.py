"""Hashes of the values of whole columns: how many differ, and how many rows repeat."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_LARGE: Final = 100_000
"""Smaller columns are counted as fast without."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


class Hashed(NamedTuple):
    """A column as 64-bit numbers (equal ones for equal values) and how many differ."""

    numbers: npt.NDArray[np.uint64]
    distinct: int


def column_hashes(table: pa.Table) -> dict[str, Hashed]:
    """Numbers for every column of plain values.

    Fixed-width values are their own bits; text is numbered in the order of its first occurrence.
    Both are exact: different values have different numbers.
    """
    found = {}
    for name in table.column_names:
        numbers = _numbers(table[name])
        if numbers is not None:
            known = numbers if table[name].null_count == 0 else _known(table[name], numbers)
            found[name] = Hashed(numbers, _distinct(known))
    return found


def duplicate_rows(hashes: dict[str, Hashed], rows: int) -> int | None:
    """Rows that are surplus; None without columns that can be compared.

    A column that never repeats settles it. Otherwise the columns are mixed into one 64-bit hash
    per row, which two different rows share once in about 2⁶⁴ pairs.
    """
    if not hashes or rows == 0:
        return None
    if any(column.distinct == rows for column in hashes.values()):
        return 0
    mixed = np.zeros(rows, np.uint64)
    for column in hashes.values():
        mixed ^= column.numbers + _SPREAD + (mixed << np.uint64(6)) + (mixed >> np.uint64(2))
        mixed *= np.uint64(0xFF51AFD7ED558CCD)
        mixed ^= mixed >> np.uint64(33)
    return rows - _distinct(mixed)


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.uint64] | None:
    kind = values.type
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return None
    if pa.types.is_floating(kind):
        plain = pc.fill_null(pc.cast(values, pa.float64()), float("nan"))
        floats: Any = plain.to_numpy() + 0.0
        return np.ascontiguousarray(floats).view(np.uint64)
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        whole: Any = pc.fill_null(pc.cast(values, pa.int64()), -(2**63) + 1).to_numpy()
        return np.ascontiguousarray(whole).view(np.uint64)
    encoded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    indices: Any = encoded.indices.to_numpy(zero_copy_only=False)
    numbers: npt.NDArray[np.uint64] = indices.astype(np.uint64)
    return numbers


def _known(values: pa.ChunkedArray, numbers: npt.NDArray[np.uint64]) -> Any:
    return numbers[pc.is_valid(values).to_numpy()]


def _distinct(numbers: npt.NDArray[np.uint64]) -> int:
    if len(numbers) == 0:
        return 0
    ordered = np.sort(numbers)
    return 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
