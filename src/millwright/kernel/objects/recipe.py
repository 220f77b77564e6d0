"""Of which chunks an object consists, and the bytes that say so.

A recipe is held as those bytes, 36 for each chunk of about 40 KiB: a terabyte is 900 MB of recipe,
and would be several times that as objects of Python.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import overload

_CHUNK = struct.Struct("<32sI")
_AT_ONCE = 4096

Chunk = tuple[bytes, int]
"""32-byte BLAKE3 digest, and size in bytes."""


class Recipe:
    """An object's chunks in order: pairs of 32-byte BLAKE3 digest and size in bytes.

    >>> recipe = Recipe.of([(bytes(32), 2), (bytes(32), 3)])
    >>> Recipe.decoded(recipe.encoded()) == recipe, recipe.size, len(recipe.chunks)
    (True, 5, 2)
    """

    __slots__ = ("_content", "size")

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size: int = sum(size for _, size in _CHUNK.iter_unpack(content))
        """Bytes of the object."""

    @classmethod
    def of(cls, chunks: Iterable[Chunk]) -> Recipe:
        """The recipe with these chunks."""
        return cls(b"".join([_CHUNK.pack(*chunk) for chunk in chunks]))

    @classmethod
    def decoded(cls, content: bytes) -> Recipe:
        """The inverse of ``encoded``."""
        return cls(content)

    def encoded(self) -> bytes:
        """36 bytes per chunk: digest, then size as little-endian 32 bits."""
        return self._content

    @property
    def chunks(self) -> Chunks:
        """The chunks, made into pairs as they are asked for."""
        return Chunks(self._content)

    def batches(self) -> Iterator[list[Chunk]]:
        """The chunks, some thousand at a time."""
        chunks = self.chunks
        for start in range(0, len(chunks), _AT_ONCE):
            yield chunks[start : start + _AT_ONCE]

    def placed(self) -> Iterator[tuple[bytes, int, int]]:
        """Digest, size and offset of each chunk."""
        start = 0
        for chunk, size in self.chunks:
            yield chunk, size, start
            start += size

    def starts(self, every: int = 1) -> array[int]:
        """The offset of each chunk, or of one in so many, and the object's size as the last entry."""
        wanted = (start for number, (_, _, start) in enumerate(self.placed()) if not number % every)
        return array("Q", chain(wanted, (self.size,)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        return f"Recipe of {len(self.chunks):,} chunks, {self.size:,} bytes"


class Chunks(Sequence[Chunk]):
    """The chunks of a recipe as a sequence of pairs; a slice is a list."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        return len(self._content) // _CHUNK.size

    def __iter__(self) -> Iterator[Chunk]:
        return _CHUNK.iter_unpack(self._content)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> list[Chunk]: ...

    def __getitem__(self, place: int | slice) -> Chunk | list[Chunk]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            part = memoryview(self._content)[start * _CHUNK.size : stop * _CHUNK.size]
            found = list(_CHUNK.iter_unpack(part)) if start < stop else []
            return found[::step]
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(place)
        chunk, size = _CHUNK.unpack_from(self._content, number * _CHUNK.size)
        return chunk, size


class Listing:
    """A recipe in the making."""

    def __init__(self) -> None:
        self._content = bytearray()

    def add(self, chunks: Iterable[tuple[bytes, memoryview]]) -> None:
        """List chunks, given by digest and bytes."""
        self._content += b"".join([_CHUNK.pack(chunk, len(data)) for chunk, data in chunks])

    def recipe(self) -> Recipe:
        """What was listed."""
        return Recipe(bytes(self._content))
