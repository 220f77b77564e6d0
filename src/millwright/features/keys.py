"""Composite keys as dense integers, so that joins and windows are array searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import InvalidInput, nearest

Integers = npt.NDArray[np.int64]

NO_KEY = -1
"""The code of a row of which any key column is null: it matches nothing."""


def shared_codes(
    left: pa.Table, right: pa.Table, keys: Sequence[str], *, right_name: str = "the side table"
) -> tuple[Integers, Integers]:
    """Number the distinct keys of two tables alike: equal keys get equal codes.

    Args:
        left, right: tables that both have the key columns; a key column may be an integer in one
            and text in the other, it is then compared as text.
        keys: column names; with none, every row has the code 0.
        right_name: how to call the second table in an error.

    Returns:
        ``(left_codes, right_codes)``: int64 arrays with the lengths of the tables. A row with a
        null in any key column has the code ``NO_KEY``.

    Raises:
        InvalidInput: a table lacks a key column.
    """
    for key in keys:
        _require(left, key, "the main table")
        _require(right, key, right_name)
    count = left.num_rows
    combined = np.zeros(count + right.num_rows, dtype=np.int64)
    missing = np.zeros(len(combined), dtype=bool)
    size = 1
    for key in keys:
        column, distinct = _codes_of(left[key], right[key])
        missing |= column == NO_KEY
        if size * max(distinct, 1) > 2**62:
            combined, size = _densified(combined)
        combined = combined * distinct + column
        size *= max(distinct, 1)
    combined[missing] = NO_KEY
    if size > 4 * len(combined) + 16:
        known = combined != NO_KEY
        combined[known], _ = _densified(combined[known])
    return combined[:count], combined[count:]


def codes(table: pa.Table, keys: Sequence[str]) -> Integers:
    """Number the distinct keys of one table; null keys have the code ``NO_KEY``."""
    return shared_codes(table, table.slice(0, 0), keys)[0]


def microseconds(column: pa.ChunkedArray) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """A timestamp column as int64 microseconds since 1970 UTC, with the mask of known values."""
    moments = pc.cast(column, pa.timestamp("us", tz=column.type.tz), safe=False)
    known = pc.is_valid(moments).to_numpy()
    numbers = pc.fill_null(pc.cast(moments, pa.int64()), 0).to_numpy()
    return numbers, known


def _codes_of(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[Integers, int]:
    if left.type != right.type:
        left, right = pc.cast(left, pa.string()), pc.cast(right, pa.string())
    both = pa.chunked_array([*left.chunks, *right.chunks], type=left.type)
    encoded = both.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    indices = pc.fill_null(pc.cast(encoded.indices, pa.int64()), NO_KEY)
    return indices.to_numpy(zero_copy_only=False), len(encoded.dictionary)


def _densified(numbers: Integers) -> tuple[Integers, int]:
    distinct, dense = np.unique(numbers, return_inverse=True)
    return dense.astype(np.int64), len(distinct)


def _require(table: pa.Table, key: str, name: str) -> None:
    if key in table.column_names:
        return
    guess = nearest(key, table.column_names)
    raise InvalidInput(
        "features.unknown_key",
        f"Key column '{key}' is not in {name}.",
        hint=f"Did you mean '{guess}'?" if guess else f"It has: {', '.join(table.column_names)}.",
        value=key,
    )
