"""Of which chunks an object consists, and the bytes that say so."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

_CHUNK = struct.Struct("<32sI")


@dataclass(frozen=True, slots=True)
class Recipe:
    """An object's chunks in order: pairs of 32-byte BLAKE3 digest and size in bytes.

    >>> recipe = Recipe(5, ((bytes(32), 2), (bytes(32), 3)))
    >>> Recipe.decoded(recipe.encoded()) == recipe
    True
    """

    size: int
    chunks: tuple[tuple[bytes, int], ...]

    @classmethod
    def of(cls, chunks: Iterable[tuple[bytes, int]]) -> Recipe:
        """The recipe with these chunks."""
        kept = tuple(chunks)
        return cls(sum(size for _, size in kept), kept)

    @classmethod
    def decoded(cls, content: bytes) -> Recipe:
        """The inverse of ``encoded``."""
        return cls.of(_CHUNK.iter_unpack(content))

    def encoded(self) -> bytes:
        """36 bytes per chunk: digest, then size as little-endian 32 bits."""
        return b"".join([_CHUNK.pack(*chunk) for chunk in self.chunks])

    def starts(self) -> list[int]:
        """The offset of each chunk, and the object's size as the last entry."""
        return list(accumulate((size for _, size in self.chunks), initial=0))
