"""Where a table is cut into Parquet row groups: by content, so that inserted rows move no cut.

Cuts after a fixed number of rows would all shift when a row is inserted, and everything behind it
would be stored anew. Here a cut stands after a row whose neighbourhood hashes to a rare value; the
same neighbourhood is cut in every version of a table. Like content-defined chunking of bytes
(Xia et al., FastCDC, USENIX ATC 2016), with rows in place of bytes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WINDOW: Final = 16
"""Rows that decide together whether there is a cut after the last of them."""
HASHED_COLUMNS: Final = 3
"""So many columns enter the hash. Few, so that a column computed anew everywhere seldom moves the
cuts of all others; more than one, as a column may hold the same value throughout."""
MOST_VALUES: Final = 1 << 23
"""A group of usual size has at most so many values, however many columns the table has."""
MOST_BYTES: Final = 256 << 20
"""A group is cut when it holds so much, whatever its content."""

_Rows = np.ndarray[Any, np.dtype[np.uint64]]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def usual_rows(columns: int) -> int:
    """How many rows a group has on average: a power of two, fewer for wider tables.

    >>> usual_rows(1), usual_rows(20), usual_rows(1000)
    (262144, 262144, 8192)
    """
    fitting = max(MOST_VALUES // max(columns, 1), 1).bit_length() - 1
    return 1 << min(max(fitting, 10), 18)


class RowGroupCutter:
    """Takes a table in pieces of any size and says where the groups end.

    The cuts depend on the rows alone, never on how they were split into pieces.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = _hashed_columns(schema)
        self._texts = [f.name for f in schema if _text(f.type)]
        usual = usual_rows(len(schema))
        self._fewest, self._most = usual // 2, usual * 4
        # Cuts become possible after half the usual size, and take half of it more to come.
        self._unset = np.uint64(64 - (usual.bit_length() - 2))
        self._fixed = 8 * (len(schema) - len(self._texts))
        self._before = np.zeros(0, np.uint64)
        self._rows = 0
        self._bytes = 0

    def ends(self, piece: pa.Table) -> list[int]:
        """The rows of this piece (counted in it) after which a group ends."""
        if piece.num_rows == 0:
            return []
        candidates = self._candidates(piece)
        sizes = self._sizes(piece)
        ends: list[int] = []
        start = 0
        while (end := self._end(start, piece.num_rows, candidates, sizes)) is not None:
            ends.append(end)
            self._rows = self._bytes = 0
            start = end
        self._rows += piece.num_rows - start
        self._bytes += int(sizes[-1]) - (int(sizes[start - 1]) if start else 0)
        return ends

    def _end(self, start: int, rows: int, candidates: Any, sizes: Any) -> int | None:
        full = start + self._most - self._rows
        spent = int(sizes[start - 1]) if start else 0
        heavy = int(np.searchsorted(sizes, spent + MOST_BYTES - self._bytes)) + 1
        at = int(np.searchsorted(candidates, start + self._fewest - self._rows))
        natural = int(candidates[at]) if at < len(candidates) else rows + 1
        end = max(min(full, heavy, natural), start + 1)
        return end if end <= rows else None

    def _candidates(self, piece: pa.Table) -> Any:
        """Rows counted from one (so: possible ends) whose window hashes to a rare value."""
        hashes = np.zeros(piece.num_rows, np.uint64)
        for name in self._columns:
            hashes = hashes * _ODD + _bits(piece[name])
        hashes = (hashes ^ (hashes >> np.uint64(29))) * _MIX
        joined = np.concatenate([self._before, hashes])
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(joined, dtype=np.uint64)])
        known = len(self._before)
        self._before = joined[-(WINDOW - 1) :]
        if len(joined) < WINDOW or not self._columns:
            return np.zeros(0, np.int64)
        windows = (sums[WINDOW:] - sums[:-WINDOW]) * _ODD
        found = np.flatnonzero(windows >> self._unset == 0)
        return found + WINDOW - known

    def _sizes(self, piece: pa.Table) -> Any:
        sizes = np.full(piece.num_rows, self._fixed, np.int64)
        for name in self._texts:
            sizes += pc.fill_null(pc.binary_length(piece[name]), 0).to_numpy()
        return np.cumsum(sizes)


def _text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _hashed_columns(schema: pa.Schema) -> list[str]:
    """The first columns that name or date things; measured and computed ones only for want of it."""
    ranks = {f.name: _rank(f.type) for f in schema}
    naming = [name for name, rank in ranks.items() if rank == 0]
    measured = [name for name, rank in ranks.items() if rank == 1]
    return naming[:HASHED_COLUMNS] if len(naming) > 1 else [*naming, *measured][:2]


def _rank(kind: pa.DataType) -> int | None:
    if _text(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return 0
    return 1 if pa.types.is_float64(kind) or pa.types.is_boolean(kind) else None


def _bits(values: pa.ChunkedArray) -> _Rows:
    """One number per row that mostly differs where the values do."""
    if _text(values.type):
        return np.concatenate([_text_bits(chunk) for chunk in values.chunks if len(chunk)])
    filled = pc.fill_null(values, pa.scalar(0, pa.int64()).cast(values.type))
    numbers: np.ndarray[Any, Any] = filled.to_numpy()
    if numbers.dtype == np.bool_:
        numbers = numbers.astype(np.int64)
    if numbers.dtype.itemsize != 8:
        numbers = numbers.astype(np.int64)
    bits: _Rows = numbers.view(np.uint64)
    return bits


def _text_bits(chunk: pa.Array) -> _Rows:
    """Length and last three bytes of every text."""
    width = (
        np.int64
        if pa.types.is_large_string(chunk.type) or pa.types.is_large_binary(chunk.type)
        else np.int32
    )
    _, offsets_buffer, data = chunk.buffers()
    offsets = np.frombuffer(offsets_buffer, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    starts, ends = offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)
    bits = (ends - starts).astype(np.uint64)
    if data is None or len(data) == 0:
        return bits
    content = np.frombuffer(data, np.uint8)
    for back in (1, 2, 3):
        at = ends - back
        last = np.where(at >= starts, content[np.clip(at, 0, len(content) - 1)], np.uint8(0))
        bits = (bits << np.uint64(8)) | last.astype(np.uint64)
    # What lies under a null is anything: it must not count.
    return np.where(chunk.is_valid().to_numpy(zero_copy_only=False), bits, np.uint64(0))
