"""One 64-bit number for each value of a column, equal for equal values."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bits = npt.NDArray[np.uint64]
MISSING: Final = np.uint64(0xD6E8FEB86659FD93)
"""What stands for a missing value."""
_LONG: Final = 2048
"""Bytes from which a text is hashed by itself: there are few such, or they take their time anyway."""
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_MASKS: Final = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)


def known_rows(values: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Which rows have a value; None where all have."""
    if values.null_count == 0:
        return None
    bits = np.frombuffer(values.buffers()[0], np.uint8)
    first = values.offset // 8
    last = -(-(values.offset + len(values)) // 8)
    rows = np.unpackbits(bits[first:last], bitorder="little")[values.offset - 8 * first :]
    known: npt.NDArray[np.bool_] = rows[: len(values)].view(np.bool_)
    return known


def with_missing(bits: Bits, known: npt.NDArray[np.bool_] | None) -> Bits:
    """The numbers with ``MISSING`` where there is no value: what lies there may be anything."""
    return bits if known is None else np.where(known, bits, MISSING)


def fixed_width(values: pa.Array, kind: Any) -> Any:
    """The values of an 8-byte Arrow array as they lie in memory, without a copy."""
    data = values.buffers()[1]
    if data is None or len(values) == 0:
        return np.empty(0, kind)
    return np.frombuffer(data, kind, count=len(values), offset=values.offset * 8)


def text_bits(values: pa.Array) -> Bits:
    """Numbers for texts or bytes, eight bytes at a time; anything where one is missing.

    Two different texts share a number once in about 2⁶⁴ pairs.
    """
    if len(values) == 0:
        return np.empty(0, np.uint64)
    wide = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    _, offsets_buffer, data = values.buffers()
    kind, width = (np.int64, 8) if wide else (np.int32, 4)
    offsets = np.frombuffer(
        offsets_buffer, kind, count=len(values) + 1, offset=values.offset * width
    ).astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if data is not None:
        padded[: last - first] = np.frombuffer(data, np.uint8, count=last - first, offset=first)
    return _spans(padded, offsets[:-1] - first, np.diff(offsets))


def _spans(content: Any, starts: Any, lengths: Any) -> Bits:
    # Words that begin at every byte; those of a text are every eighth of them.
    words: Any = np.ndarray((len(content) - 7,), "<u8", content, strides=(1,))
    bits: Bits = lengths.astype(np.uint64) * _ODD
    rows: Any = slice(None)
    left = lengths
    if len(left) and left.max() >= _LONG:
        for row in np.flatnonzero(left >= _LONG).tolist():
            text = content[starts[row] : starts[row] + lengths[row]].tobytes()
            digest = hashlib.blake2b(text, digest_size=8).digest()
            bits[row] = int.from_bytes(digest, "little")
        rows = np.flatnonzero(left < _LONG)
        starts, left = starts[rows], left[rows]
    while True:
        word = words[starts] & _MASKS[np.minimum(left, 8)]
        mixed = (bits[rows] ^ word) * _ODD
        bits[rows] = mixed ^ (mixed >> np.uint64(32))
        more = np.flatnonzero(left > 8)
        if len(more) == 0:
            return bits
        if len(more) == len(left):
            starts, left = starts + 8, left - 8
            continue
        rows = more if isinstance(rows, slice) else rows[more]
        starts, left = starts[more] + 8, left[more] - 8


def as_text(values: pa.Array) -> pa.Array:
    """Values of any type as texts; bytes stay bytes."""
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return values
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return values
    if pa.types.is_fixed_size_binary(values.type) or pa.types.is_binary_view(values.type):
        return pc.cast(values, pa.binary())
    return pc.cast(values, pa.string())
