"""Where bytes are cut into chunks: by content, so that an edit changes the chunks it touches only.

FastCDC (Xia and others, USENIX ATC 2016) with the Gear table of its reference implementation, as in
``pyfastcdc``. It starts afresh at each cut, and whether it cuts depends on the bytes of the chunk
and the one byte after them. So where an earlier recipe is at hand, a chunk of it that is found
again at the expected place, followed by the next one of it, *is* what the chunker would have cut;
only around edits is the chunker asked. The cuts are the same with and without an earlier recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from millwright.kernel.errors import MillwrightError
from millwright.kernel.objects.recipe import Recipe

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

MINIMUM, AVERAGE, MAXIMUM = 16 << 10, 32 << 10, 128 << 10
"""Sizes of chunks in bytes. ``docs/formats.md`` says why these."""

_WINDOW = 1 << 20
"""Small enough for a processor's second cache: each byte is looked at two or three times."""

_GUIDES = 1 << 17
"""Chunks of an earlier version that are in memory at a time, about 5 GB of it."""

ReadInto = Callable[[memoryview], int]
Chunk = tuple[bytes, memoryview]


class Hasher(Protocol):
    """What digests the whole while it is cut."""

    def update(self, content: memoryview, /) -> object: ...


def cut(
    read_into: ReadInto, whole: Hasher, previous: Recipe | None = None
) -> Iterator[list[Chunk]]:
    """The chunks of a stream, window by window: digest and bytes of each.

    Args:
        read_into: fills a buffer from its start and says how much; 0 at the end.
        whole: is updated with every byte.
        previous: the recipe of bytes that are probably much the same, for speed only.

    The bytes are views of one buffer that the next window overwrites.
    """
    window = _Window(read_into, whole)
    cutter = _Guided(previous) if previous is not None and previous.several else _Plain()
    while window.fill():
        found = cutter.cut(window)
        yield found
        window.advance(sum(len(data) for _, data in found))


def cut_bytes(content: bytes) -> list[Chunk]:
    """The chunks of bytes that are in memory."""
    view = memoryview(content)
    if len(content) <= MINIMUM:
        return [(blake3(view).digest(), view)]
    found = [(piece.offset, piece.length) for piece in _chunker().cut_buf(view)]
    views = (view[start : start + size] for start, size in found)
    return [(blake3(data).digest(), data) for data in views]


def _chunker() -> FastCDC:
    from pyfastcdc import FastCDC

    return FastCDC(AVERAGE, min_size=MINIMUM, max_size=MAXIMUM)


class _Window:
    """A stretch of the stream: at least two of the largest chunks, or all that is left."""

    def __init__(self, read_into: ReadInto, whole: Hasher) -> None:
        self._read_into = read_into
        self._whole = whole
        self._buffer = memoryview(bytearray(_WINDOW))
        self._start = self._stop = 0
        self.at_end = False

    @property
    def bytes(self) -> memoryview:
        return self._buffer[self._start : self._stop]

    def fill(self) -> bool:
        """Read on; false when nothing is left."""
        rest = self._stop - self._start
        self._buffer[:rest] = self._buffer[self._start : self._stop]
        self._start, self._stop = 0, rest
        while not self.at_end and self._stop < len(self._buffer):
            count = self._read_into(self._buffer[self._stop :])
            self.at_end = count == 0
            self._whole.update(self._buffer[self._stop : self._stop + count])
            self._stop += count
        return self._stop > 0

    def advance(self, count: int) -> None:
        self._start += count


class _Plain:
    """Cuts by the chunker alone."""

    def __init__(self) -> None:
        self._chunker = _chunker()

    def cut(self, window: _Window) -> list[Chunk]:
        view, found, start = window.bytes, [], 0
        pieces = iter(self._chunker.cut_buf(view))
        while len(view) - start >= MAXIMUM or (window.at_end and start < len(view)):
            data = view[start : start + next(pieces).length]
            found.append((blake3(data).digest(), data))
            start += len(data)
        return found


class _Guided:
    """Cuts where an earlier recipe says, as long as its chunks are found there."""

    def __init__(self, previous: Recipe) -> None:
        self._chunker = _chunker()
        self._rest = iter(previous)
        self._old: list[tuple[bytes, int]] = []
        self._places: dict[bytes, int] = {}
        self._next: int | None = 0
        """Which old chunk is expected next; none after an edit, until a known one is met."""
        self._look_ahead(0)

    def _look_ahead(self, done: int) -> None:
        """Let go of so many old chunks, and read on."""
        kept = self._old[done:]
        try:
            more = list(islice(self._rest, _GUIDES - len(kept)))
        except MillwrightError:
            # It only saves time, so a page that is damaged or far away is done without.
            self._rest, more = iter(()), []
        if more:
            self._old = kept + more
            self._places = {chunk: number for number, (chunk, _) in enumerate(self._old)}
            self._next = (self._next or 0) - done

    def cut(self, window: _Window) -> list[Chunk]:
        if self._next is not None and self._next > _GUIDES // 2:
            # One behind stays, which may be expected again.
            self._look_ahead(self._next - 1)
        view, found = window.bytes, []
        start = 0
        # A chunk found as expected waits until the next one is, which confirms where it ends.
        waiting: Chunk | None = None
        while start < len(view):
            ahead = start + (len(waiting[1]) if waiting else 0)
            if not window.at_end and len(view) - ahead < MAXIMUM:
                break
            expected = self._expected(view, ahead)
            if expected is not None:
                if waiting is not None:
                    found.append(waiting)
                    start = ahead
                waiting = expected
                continue
            if waiting is not None and ahead == len(view):
                found.append(waiting)
                return found
            waiting = None
            chunk = self._chunked(view, start)
            found.append(chunk)
            start += len(chunk[1])
        if waiting is not None and self._next is not None:
            # Its successor is beyond the window: it is looked at again in the next one.
            self._next -= 1
        return found

    def _expected(self, view: memoryview, start: int) -> Chunk | None:
        if self._next is None or self._next >= len(self._old) or start >= len(view):
            return None
        chunk, size = self._old[self._next]
        data = view[start : start + size]
        if len(data) != size or blake3(data).digest() != chunk:
            return None
        self._next += 1
        return chunk, data

    def _chunked(self, view: memoryview, start: int) -> Chunk:
        piece = next(iter(self._chunker.cut_buf(view[start : start + MAXIMUM])))
        data = view[start : start + piece.length]
        chunk = blake3(data).digest()
        place = self._places.get(chunk)
        self._next = None if place is None else place + 1
        return chunk, data
