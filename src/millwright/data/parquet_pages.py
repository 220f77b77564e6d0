"""Columns of numbers straight out of Parquet's pages.

Arrow sets up a decompressor for every page and looks at every value's definition level. With the
small pages that Millwright writes (see ``parquet``) the first alone is a third of decoding. Here one
decompressor serves all pages, and a column chunk that is known to miss nothing is copied as it lies.

What a chunk may be: zstd or not compressed, data pages of version 1, flat, no missing values, numbers or booleans, plain
or by dictionary (https://parquet.apache.org/docs/file-format/data-pages/encodings/). Everything else,
and every chunk that does not hold what it says, is left to Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import zstandard

Numbers = np.ndarray[Any, Any]

_KINDS: Final = {"INT32": "<i4", "INT64": "<i8", "FLOAT": "<f4", "DOUBLE": "<f8"}
_MOST_PAGE_BYTES: Final = 1 << 26
_WIDEST: Final = 24
"""Bits of an index that is read out of one 32-bit word, wherever in a byte it begins."""
_GROUPS: Final = 63
"""Arrow writes indices in runs of so many times eight, each with one byte before it …"""
_HEADER: Final = 2 * _GROUPS + 1
"""… which is this."""
_SHORT: Final = 2.5
"""Bytes per value, unpacked, up to which all pages hold indices, which Arrow reads as fast."""
_DATA, _DICTIONARY = 0, 2
_PLAIN, _BY_DICTIONARY = 0, (2, 8)
_I32: Final = 0x15
"""A field's first byte: the field after the one before, a whole number …"""
_DATA_HEADER, _DICTIONARY_HEADER = b"\x2c", b"\x4c"
"""… or a structure, two or four fields further."""
_TRUTHS, _WHOLE, _BYTES, _STRUCTURE = (1, 2), (4, 5, 6), 8, 12
"""Kinds of fields: truths, which are their own value, whole numbers, bytes, and structures."""
_PACKED: Final = "ZSTD"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class Unexpected(Exception):
    """The bytes are no such chunk; Arrow may know better."""


class _Page(NamedTuple):
    kind: int
    values: int
    encoding: int
    content: bytes | memoryview


def is_plain(chunk: Any, kind: pa.DataType) -> bool:
    """Whether ``decode`` knows chunks like this one, and is faster than Arrow.

    Args:
        chunk: the chunk's ``pyarrow.parquet.ColumnChunkMetaData``.
        kind: the column's type; times have to be in microseconds to be whole numbers as they lie.
    """
    if chunk.compression not in (_PACKED, "UNCOMPRESSED") or not set(chunk.encodings) <= {
        "PLAIN",
        "RLE",
        "RLE_DICTIONARY",
    }:
        return False
    statistics = chunk.statistics
    if statistics is None or not statistics.has_null_count or statistics.null_count:
        return False
    physical = chunk.physical_type
    if pa.types.is_boolean(kind):
        return bool(physical == "BOOLEAN" and "RLE_DICTIONARY" not in chunk.encodings)
    if chunk.has_dictionary_page and chunk.total_uncompressed_size <= _SHORT * chunk.num_values:
        return False
    known = (
        pa.types.is_integer(kind)
        or pa.types.is_float32(kind)
        or pa.types.is_float64(kind)
        or (pa.types.is_timestamp(kind) and kind.unit == "us")
    )
    return known and physical in _KINDS


def chunk_bytes(source: pa.NativeFile, chunk: Any) -> bytes:
    """A column chunk as it lies in its file: a dictionary, if there is one, comes first."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page:
        start = min(start, chunk.dictionary_page_offset)
    content: bytes = source.read_at(chunk.total_compressed_size, start)
    return content


def decode(raw: bytes, chunk: Any, unsigned: bool, nullable: bool, into: Numbers) -> None:
    """Write all values of a column chunk into an array.

    Args:
        raw: the chunk as it lies in the file, pages and their headers.
        chunk: its ``pyarrow.parquet.ColumnChunkMetaData``.
        unsigned: whether its whole numbers have no sign.
        nullable: whether the column may miss values, so that pages begin with levels.
        into: as long as the chunk has values; of a type that holds them.

    Raises:
        Unexpected: the chunk is another; ``into`` holds anything then.
    """
    physical = chunk.physical_type
    kind = _KINDS.get(physical, "<u1")
    if unsigned:
        kind = kind.replace("i", "u")
    dictionary: Numbers | None = None
    done = 0
    for page in _packed(raw) if chunk.compression == _PACKED else _unpacked(raw):
        if page.kind == _DICTIONARY:
            if page.encoding not in (_PLAIN, 2) or len(page.content) % np.dtype(kind).itemsize:
                raise Unexpected
            dictionary = np.frombuffer(page.content, kind)
            continue
        if page.values == 0:
            continue
        start = _after_levels(page.content) if nullable else 0
        target = into[done : done + page.values]
        if len(target) != page.values:
            raise Unexpected
        if page.encoding == _PLAIN:
            _plain(page.content, start, kind, physical == "BOOLEAN", target)
        elif page.encoding in _BY_DICTIONARY and dictionary is not None:
            indices = _indices(page.content, start, page.values)
            if len(indices) and int(indices.max()) >= len(dictionary):
                raise Unexpected
            target[:] = dictionary.take(indices)
        else:
            raise Unexpected
        done += page.values
    if done != len(into):
        raise Unexpected


def _plain(content: bytes | memoryview, start: int, kind: str, bits: bool, target: Numbers) -> None:
    if bits:
        if len(content) - start != -(-len(target) // 8):
            raise Unexpected
        packed = np.frombuffer(content, np.uint8, offset=start)
        target[:] = np.unpackbits(packed, count=len(target), bitorder="little").view(np.bool_)
        return
    if len(content) - start != len(target) * np.dtype(kind).itemsize:
        raise Unexpected
    target[:] = np.frombuffer(content, kind, offset=start)


def _after_levels(content: bytes | memoryview) -> int:
    if len(content) < 4:
        raise Unexpected
    return 4 + int.from_bytes(content[:4], "little")


def _indices(content: bytes | memoryview, start: int, count: int) -> Numbers:
    """Indices into a dictionary: their width in bits, then runs of packed or repeated ones."""
    if start >= len(content) or content[start] > _WIDEST:
        raise Unexpected
    width, at = content[start], start + 1
    if width == 0:
        return np.zeros(count, np.int64)
    packed = np.frombuffer(content, np.uint8)
    stride = 1 + _GROUPS * width
    usual = max(min(count // (8 * _GROUPS), (len(content) - at) // stride), 0)
    heads = packed[at : at + usual * stride : stride]
    odd = np.flatnonzero(heads != _HEADER)
    usual = int(odd[0]) if len(odd) else usual
    found = np.empty(count, np.int64)
    done = usual * 8 * _GROUPS
    end = at + usual * stride
    runs = packed[at:end].reshape(usual, stride)[:, 1:]
    _unpack(runs.reshape(-1), width, found[:done])
    at = end
    while done < count:
        head, at = _varint(content, at)
        if head & 1:
            groups = head >> 1
            if groups == 0 or at + groups * width > len(content):
                raise Unexpected
            run = np.empty(groups * 8, np.int64)
            _unpack(packed[at : at + groups * width], width, run)
            at += groups * width
        else:
            size = -(-width // 8)
            value = int.from_bytes(content[at : at + size], "little")
            if head == 0 or at + size > len(content):
                raise Unexpected
            run = np.full(min(head >> 1, count - done), value, np.int64)
            at += size
        run = run[: count - done]
        found[done : done + len(run)] = run
        done += len(run)
    return found


def _unpack(packed: Numbers, width: int, into: Numbers) -> None:
    """Packed numbers of ``width`` bits; eight of them take ``width`` bytes."""
    groups = len(into) // 8
    if groups == 0:
        return
    # Words that begin near the end reach beyond it.
    content = np.zeros(len(packed) + 4, np.uint8)
    content[:-4] = packed
    mask = np.uint32((1 << width) - 1)
    for place in range(8):
        byte, bit = divmod(place * width, 8)
        words: Numbers = np.ndarray((groups,), "<u4", content, byte, (width,))
        into[place::8] = (words >> np.uint32(bit)) & mask


def _packed(raw: bytes) -> Iterator[_Page]:
    decompress = zstandard.ZstdDecompressor().decompress
    view, at = memoryview(raw), 0
    while at < len(raw):
        kind, size, packed, values, encoding, at = _head(raw, at)
        # Statistics that hold these four bytes make the page one that cannot be unpacked.
        at = raw.find(_ZSTD, at)
        if at < 0:
            raise Unexpected
        try:
            frame = view[at : at + packed]
            # A frame may say that it is greater than the page, and would be given the memory.
            if zstandard.frame_content_size(frame) > size:
                raise Unexpected
            content = decompress(frame, max_output_size=size)
        except zstandard.ZstdError as cause:
            raise Unexpected from cause
        if len(content) != size:
            raise Unexpected
        at += packed
        yield _Page(kind, values, encoding, content)


def _unpacked(raw: bytes) -> Iterator[_Page]:
    view, at = memoryview(raw), 0
    while at < len(raw):
        kind, size, packed, values, encoding, at = _head(raw, at)
        # The rest of the inner structure, and of the one that it stands in.
        at = _after(raw, _after(raw, at))
        content = view[at : at + size]
        if size != packed or len(content) != size:
            raise Unexpected
        at += size
        yield _Page(kind, values, encoding, content)


def _head(raw: bytes, at: int) -> tuple[int, int, int, int, int, int]:
    """A page's kind, sizes, number of values and encoding, and how far its header was read.

    A header is a structure in Thrift's compact protocol. Of its fields the first three and the first
    two of the structure that follows are read; what comes then is statistics, to be passed over. A
    header in which something else is does not read as a number where one should be.
    """
    kind, at = _number(raw, at, _I32)
    size, at = _number(raw, at, _I32)
    packed, at = _number(raw, at, _I32)
    if raw[at : at + 1] != (_DATA_HEADER if kind == _DATA else _DICTIONARY_HEADER):
        raise Unexpected
    values, at = _number(raw, at + 1, _I32)
    encoding, at = _number(raw, at, _I32)
    if kind not in (_DATA, _DICTIONARY) or not 0 < size <= _MOST_PAGE_BYTES:
        raise Unexpected
    if packed < 0 or values < 0:
        raise Unexpected
    return kind, size, packed, values, encoding, at


def _after(raw: bytes, at: int, depth: int = 0) -> int:
    """Where a structure ends that was read up to ``at``, in Thrift's compact protocol."""
    while at < len(raw):
        field = raw[at]
        at += 1
        if field == 0:
            return at
        if field >> 4 == 0:
            _, at = _varint(raw, at)
        kind = field & 15
        if kind in _WHOLE:
            _, at = _varint(raw, at)
        elif kind == _BYTES:
            length, at = _varint(raw, at)
            at += length
        elif kind == _STRUCTURE and depth < 4:
            at = _after(raw, at, depth + 1)
        elif kind not in _TRUTHS:
            raise Unexpected
    raise Unexpected


def _number(raw: bytes, at: int, field: int) -> tuple[int, int]:
    if at + 1 >= len(raw) or raw[at] != field:
        raise Unexpected
    value = raw[at + 1]
    if value < 128:
        at += 2
    else:
        value, at = _varint(raw, at + 1)
    return (value >> 1) ^ -(value & 1), at


def _varint(raw: bytes | memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64 and at < len(raw):
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise Unexpected
