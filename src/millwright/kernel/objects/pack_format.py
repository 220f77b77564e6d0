"""The bytes of a pack: records one after the other, then an index of them, sealed by its digest.

One format here and on remotes; ``docs/formats.md`` has it byte by byte. Each record names the
BLAKE3 of what it holds, so a pack whose end was torn off is readable up to its last whole record.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from blake3 import blake3

from millwright.kernel.objects.codec import decode

LARGEST_PACK = 64 << 20
MAGIC = b"MWPACK1\n"

HEADER = struct.Struct("<32sIIBBH")
"""Digest of the decoded bytes, stored length, decoded length, kind, codec, 0."""

ENTRY = struct.Struct("<32sIIIBBH")
"""As HEADER, with the offset of the stored bytes before the lengths."""

_TRAILER = struct.Struct("<32sII8s")
"""BLAKE3 of the footer, its offset, its number of entries, FOOT."""

FOOT = b"MWINDEX1"
_OBJECT_ID = 32

Content = bytes | memoryview | mmap.mmap
"""The bytes of a pack, in memory or mapped."""


class Kind(IntEnum):
    """What a record holds."""

    CHUNK = 0
    RECIPE = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of a pack: ``offset`` and ``stored`` say where its payload is in the file."""

    id: bytes
    offset: int
    stored: int
    size: int
    kind: int
    codec: int


def recipe_content(object_id: bytes, encoded: bytes) -> bytes:
    """What a recipe's record holds: the object's digest, then the recipe."""
    return object_id + encoded


def parse_recipe(content: bytes) -> tuple[bytes, bytes]:
    """The inverse of ``recipe_content``."""
    return content[:_OBJECT_ID], content[_OBJECT_ID:]


def footer(entries: list[Entry], start: int) -> bytes:
    """Footer and trailer of a pack whose records end at ``start``."""
    index = b"".join(
        ENTRY.pack(entry.id, entry.offset, entry.stored, entry.size, entry.kind, entry.codec, 0)
        for entry in entries
    )
    return sealed(index, start)


def sealed(index: bytes, start: int) -> bytes:
    """Footer and trailer of a pack whose entries are written already (``ENTRY`` each)."""
    count = len(index) // ENTRY.size
    return index + _TRAILER.pack(blake3(index).digest(), start, count, FOOT)


def footer_size(entries: int) -> int:
    """The bytes that footer and trailer of so many records take."""
    return entries * ENTRY.size + _TRAILER.size


def read_footer(content: Content) -> list[Entry] | None:
    """The records that a sealed pack's footer lists; none where there is no whole footer."""
    if len(content) < len(MAGIC) + _TRAILER.size:
        return None
    digest, start, count, mark = _TRAILER.unpack_from(content, len(content) - _TRAILER.size)
    index = content[start : len(content) - _TRAILER.size]
    if mark != FOOT or len(index) != count * ENTRY.size or blake3(index).digest() != digest:
        return None
    return [
        Entry(digest, offset, stored, size, kind, codec)
        for digest, offset, stored, size, kind, codec, _ in ENTRY.iter_unpack(index)
    ]


def headers(content: Content, stop: int | None = None) -> Iterator[Entry]:
    """The records up to ``stop`` by their headers, payloads unread; ends where one is not whole."""
    stop = len(content) if stop is None else stop
    if bytes(content[: len(MAGIC)]) != MAGIC:
        return
    place = len(MAGIC)
    while place + HEADER.size <= stop:
        digest, stored, size, kind, codec, zero = HEADER.unpack_from(content, place)
        place += HEADER.size
        if place + stored > stop or zero or kind > max(Kind):
            return
        yield Entry(digest, place, stored, size, kind, codec)
        place += stored


@contextmanager
def mapped(handle: int) -> Iterator[Content]:
    """The bytes of an open pack, mapped: reading 64 MiB costs more than looking at all of them."""
    if not os.fstat(handle).st_size:
        yield b""
        return
    with mmap.mmap(handle, 0, access=mmap.ACCESS_READ) as content:
        yield content


def whole_records(content: Content) -> Iterator[Entry]:
    """The records whose bytes are what their headers name, up to the first that is not."""
    for entry in headers(content):
        try:
            decoded(entry, content[entry.offset : entry.offset + entry.stored])
        except ValueError:
            return
        yield entry


def decoded(entry: Entry, payload: bytes | memoryview) -> bytes:
    """What a record holds, verified.

    Raises:
        ValueError: the payload is not what was written.
    """
    content = decode(entry.codec, bytes(payload), entry.size)
    if len(content) != entry.size or blake3(content).digest() != entry.id:
        raise ValueError("the record does not hold what its digest names")
    return content
