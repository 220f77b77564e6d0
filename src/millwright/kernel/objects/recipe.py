"""Of which chunks an object consists, and the bytes that say so.

Up to 65,536 chunks (about 2.6 GB) a recipe is those bytes, 36 for each chunk. Beyond, it lists pages:
each page is such a list of some thousand chunks, stored as a chunk itself and read when it is needed.
So a file of any size takes hardly any memory, and versions of it share the pages that are the same.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator
from itertools import islice

from blake3 import blake3

_CHUNK = struct.Struct("<32sI")
_OF_PAGES = _CHUNK.pack(bytes(32), 1)
"""What a list of pages begins with: no chunk has this digest."""
_AT_ONCE = 4096
_EVERY = 256

MOST_LISTED = 65_536
"""Chunks of an object whose recipe has no pages."""
_LEAST_IN_PAGE, _MOST_IN_PAGE = 1024, 16_384
_ENDS_BELOW = 16
"""A page ends behind a chunk whose digest begins with 0 and a byte below this: one in 4,096."""

Chunk = tuple[bytes, int]
"""32-byte BLAKE3 digest, and size in bytes."""
Placed = tuple[bytes, int, int]
"""Digest, size, and offset in the object."""
Load = Callable[[bytes], bytes]
"""Reads a page by its digest, verified."""
Keep = Callable[[list[bytes]], None]
"""Stores pages; they are durable when an object is that refers to them."""


def _no_pages(page: bytes) -> bytes:
    raise LookupError(page.hex())


class Recipe:
    """An object's chunks in order: pairs of 32-byte BLAKE3 digest and size in bytes.

    Reading pages raises ``Corrupt``, ``NotFound`` or ``Unavailable``, as reading chunks does.

    >>> recipe = Recipe.of([(bytes([7] * 32), 2), (bytes([8] * 32), 3)])
    >>> Recipe.decoded(recipe.encoded()) == recipe, recipe.size, len(list(recipe))
    (True, 5, 2)
    """

    __slots__ = ("_content", "_last", "_listed", "_load", "_starts", "size")

    def __init__(self, content: bytes, load: Load = _no_pages) -> None:
        self._content = content
        self._load = load
        paged = content.startswith(_OF_PAGES)
        self._listed = content[_CHUNK.size :] if paged else content
        self.size: int = sum(size for _, size in _CHUNK.iter_unpack(self._listed))
        """Bytes of the object."""
        self._starts: array[int] | None = None
        self._last: tuple[int, Recipe] | None = None

    @classmethod
    def of(cls, chunks: Iterable[Chunk]) -> Recipe:
        """The recipe with these chunks."""
        return cls(b"".join([_CHUNK.pack(*chunk) for chunk in chunks]))

    @classmethod
    def decoded(cls, content: bytes, load: Load = _no_pages) -> Recipe:
        """The inverse of ``encoded``; ``load`` reads the pages, if there are any."""
        return cls(content, load)

    def encoded(self) -> bytes:
        """36 bytes per chunk or page: digest, then bytes of the object as little-endian 32 bits."""
        return self._content

    @property
    def several(self) -> bool:
        """Whether it is more than one chunk."""
        return len(self._content) > _CHUNK.size

    @property
    def pages(self) -> list[bytes]:
        """The digests of its pages; none where it lists its chunks itself."""
        if not self._paged:
            return []
        return [page for page, _ in _CHUNK.iter_unpack(self._listed)]

    @property
    def _paged(self) -> bool:
        return self._listed is not self._content

    def __iter__(self) -> Iterator[Chunk]:
        if not self._paged:
            return _CHUNK.iter_unpack(self._listed)
        return (chunk for page in self.pages for chunk in _CHUNK.iter_unpack(self._load(page)))

    def ids(self) -> Iterator[bytes]:
        """The digests of all that has to be there to read the object: chunks, and pages before them."""
        yield from self.pages
        for chunk, _ in self:
            yield chunk

    def batches(self, most: int = _AT_ONCE) -> Iterator[list[Chunk]]:
        """The chunks, some thousand at a time."""
        chunks = iter(self)
        while batch := list(islice(chunks, most)):
            yield batch

    def placed(self, but: Container[bytes] = ()) -> Iterator[Placed]:
        """Digest, size and offset of each chunk; pages in ``but`` are passed by unread."""
        start = 0
        if not self._paged:
            for chunk, size in self:
                yield chunk, size, start
                start += size
            return
        for page, covered in _CHUNK.iter_unpack(self._listed):
            if page not in but:
                for chunk, size, at in Recipe(self._load(page)).placed():
                    yield chunk, size, start + at
            start += covered

    def within(self, start: int, stop: int) -> Iterator[list[Placed]]:
        """The chunks that a range of bytes touches, at most some hundred at a time."""
        starts = self._offsets()
        for number in range(max(bisect_right(starts, start) - 1, 0), len(starts) - 1):
            begin = starts[number]
            if begin >= stop:
                return
            if self._paged:
                for found in self._page(number).within(start - begin, stop - begin):
                    yield [(chunk, size, begin + at) for chunk, size, at in found]
                continue
            some = []
            for chunk, size in self._some(number):
                if begin < stop and begin + size > start:
                    some.append((chunk, size, begin))
                begin += size
            yield some

    def _offsets(self) -> array[int]:
        """Where each page begins, or one chunk in so many, and the end."""
        if self._starts is None:
            every, at, found = 1 if self._paged else _EVERY, 0, array("Q")
            for number, (_, size) in enumerate(_CHUNK.iter_unpack(self._listed)):
                if not number % every:
                    found.append(at)
                at += size
            found.append(at)
            self._starts = found
        return self._starts

    def _page(self, number: int) -> Recipe:
        last = self._last
        if last is None or last[0] != number:
            page, _ = _CHUNK.unpack_from(self._listed, number * _CHUNK.size)
            self._last = last = (number, Recipe(self._load(page)))
        return last[1]

    def _some(self, number: int) -> Iterator[Chunk]:
        width = _EVERY * _CHUNK.size
        return _CHUNK.iter_unpack(memoryview(self._listed)[number * width : (number + 1) * width])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        return f"Recipe of {self.size:,} bytes"


class Listing:
    """A recipe in the making. Pages are given to ``keep`` as they are full.

    Pages end where their chunks say, so that versions of a file share those that are the same.
    """

    def __init__(self, keep: Keep, load: Load) -> None:
        self._keep, self._load = keep, load
        self._content = bytearray()
        self._pages = bytearray()

    def add(self, chunks: Iterable[tuple[bytes, memoryview]]) -> None:
        """List chunks, given by digest and bytes."""
        self._content += b"".join([_CHUNK.pack(chunk, len(data)) for chunk, data in chunks])
        if len(self._content) > MOST_LISTED * _CHUNK.size:
            self._turn(_MOST_IN_PAGE)

    def recipe(self) -> Recipe:
        """What was listed."""
        if not self._pages:
            return Recipe(bytes(self._content))
        self._turn(1)
        return Recipe(_OF_PAGES + bytes(self._pages), self._load)

    def _turn(self, least: int) -> None:
        """Make pages as long as so many chunks are left, and keep them."""
        pages: list[bytes] = []
        start, count = 0, len(self._content) // _CHUNK.size
        while count - start >= least:
            stop = _end_of_page(self._content, start, count)
            page = bytes(self._content[start * _CHUNK.size : stop * _CHUNK.size])
            covered = sum(size for _, size in _CHUNK.iter_unpack(page))
            self._pages += _CHUNK.pack(blake3(page).digest(), covered)
            pages.append(page)
            start = stop
        self._keep(pages)
        del self._content[: start * _CHUNK.size]


def _end_of_page(content: bytearray, start: int, count: int) -> int:
    last = min(start + _MOST_IN_PAGE, count)
    for number in range(start + _LEAST_IN_PAGE, last + 1):
        at = (number - 1) * _CHUNK.size
        if content[at] == 0 and content[at + 1] < _ENDS_BELOW:
            return number
    return last
