"""Rows that occur more than once, by a hash of all their cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.kernel.cells import Column, level_values, numeric_values
from millwright.monitoring.comparison.samples import is_numeric

_Words = npt.NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_LEAST_CHANGE = 0.01


def duplicate_share(table: pa.Table) -> float:
    """The share of rows that an earlier row of the table equals in every column."""
    if table.num_rows == 0 or table.num_columns == 0:
        return 0.0
    hashes = np.zeros(table.num_rows, dtype=np.uint64)
    for name in table.column_names:
        hashes ^= _words(table[name])
        hashes *= _ODD
        hashes ^= hashes >> np.uint64(29)
    hashes.sort()
    return float(np.count_nonzero(hashes[1:] == hashes[:-1]) / table.num_rows)


def duplicate_finding(reference: pa.Table, current: pa.Table) -> tuple[str, ...]:
    """A sentence where the current table repeats rows that the reference does not."""
    names = [name for name in current.column_names if name in set(reference.column_names)]
    now = duplicate_share(current.select(names))
    if now < _LEAST_CHANGE:
        return ()
    then = duplicate_share(reference.select(names))
    if now - then < _LEAST_CHANGE:
        return ()
    return (f"{now:.1%} of the rows repeat an earlier row; in the reference {then:.1%} did.",)


def _words(column: Column) -> _Words:
    if is_numeric(column.type) and not pa.types.is_temporal(column.type):
        # A copy: the column may own the memory. Adding 0 makes −0 equal 0.
        return (numeric_values(column) + 0.0).view(np.uint64)
    codes = level_values(column).dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.unify_dictionaries().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):
        codes = (
            codes.chunk(0) if codes.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    places: npt.NDArray[np.int64] = codes.indices.fill_null(-1).to_numpy().astype(np.int64)
    return places.view(np.uint64) * _ODD
