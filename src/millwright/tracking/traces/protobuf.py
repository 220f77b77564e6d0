"""Just enough of Protocol Buffers to read what OpenTelemetry exporters send.

Pure. The wire format is that of https://protobuf.dev/programming-guides/encoding/; fields are read
by number, unknown ones are skipped, and every length is checked against what is there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Field = tuple[int, int | bytes]
"""A field's number, and its value: a number, or bytes for text and messages."""
MAX_DEPTH = 32


class Malformed(ValueError):
    """The bytes are no message."""


class Unusable(Malformed):
    """A message, but of a span that cannot be one."""


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message in order.

    Raises:
        Malformed: it breaks off, or uses what the format does not know.

    >>> list(fields(bytes([0x08, 0x96, 0x01])))
    [(1, 150)]
    """
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("a field has the number 0")
        value: int | bytes
        if kind == 0:
            value, position = _varint(data, position)
        elif kind == 1:
            value, position = _fixed(data, position, 8), position + 8
        elif kind == 2:
            size, position = _varint(data, position)
            if size > end - position:
                raise Malformed("a field is longer than its message")
            value, position = data[position : position + size], position + size
        elif kind == 5:
            value, position = _fixed(data, position, 4), position + 4
        else:
            raise Malformed(f"a field has the unknown type {kind}")
        yield number, value


def as_bytes(value: int | bytes) -> bytes:
    """A field's bytes; raises where it is a number."""
    if isinstance(value, int):
        raise Malformed("a number stands where bytes should be")
    return value


def as_text(value: int | bytes) -> str:
    """A field's text."""
    try:
        return as_bytes(value).decode()
    except UnicodeDecodeError as cause:
        raise Malformed("text is not UTF-8") from cause


def as_int(value: int | bytes) -> int:
    """A field's number, unsigned."""
    if isinstance(value, bytes):
        raise Malformed("bytes stand where a number should be")
    return value


def as_signed(value: int | bytes) -> int:
    """A field's number as a 64-bit integer with sign.

    >>> as_signed(2**64 - 1)
    -1
    """
    number = as_int(value)
    return number - (1 << 64) if number >= 1 << 63 else number


def as_double(value: int | bytes) -> float:
    """A field's 64 bits as a floating-point number."""
    return float(struct.unpack("<d", struct.pack("<Q", as_int(value)))[0])


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number, shift = 0, 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & ((1 << 64) - 1), position
        shift += 7
    raise Malformed("a number breaks off")


def _fixed(data: bytes, position: int, size: int) -> int:
    if len(data) - position < size:
        raise Malformed("a number breaks off")
    return int.from_bytes(data[position : position + size], "little")
