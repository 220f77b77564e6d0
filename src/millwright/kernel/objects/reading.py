"""Reading stored bytes: each chunk is verified before anybody sees it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from blake3 import blake3

from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects.codec import decode
from millwright.kernel.objects.index import ELSEWHERE, Index, Location
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.seekable import SeekableFile

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

Fetch = Callable[[list[bytes]], bool]
"""Brings chunks here from a remote; false where there is nobody to ask."""

_OPEN_FILES = 32
_CACHED_BYTES = 16 << 20
_AHEAD = 256


class ChunkReader:
    """Chunks of one project by digest, from packs and linked files."""

    def __init__(self, index: Index, place: Callable[[int], Path], fetch: Fetch) -> None:
        self._index = index
        self._place = place
        self.fetch = fetch
        self._lock = threading.Lock()
        self._files: OrderedDict[int, int] = OrderedDict()
        self._cache: OrderedDict[bytes, bytes] = OrderedDict()
        self._cached = 0
        self._process = os.getpid()

    def locate(self, ids: list[bytes]) -> dict[bytes, Location]:
        """Where chunks are; what is only on a remote is fetched first.

        Raises:
            NotFound: a chunk is unknown.
            Unavailable: its bytes are on a remote only, and nobody fetches.
        """
        found = self._index.locate(ids)
        away = [chunk for chunk in ids if chunk not in found or found[chunk].source == ELSEWHERE]
        if away and self.fetch(list(dict.fromkeys(away))):
            found |= self._index.locate(away)
        for chunk in away:
            if chunk not in found:
                raise missing(chunk.hex())
            if found[chunk].source == ELSEWHERE:
                raise remote_only(chunk.hex())
        return found

    def chunk(self, location: Location) -> bytes:
        """A chunk's bytes, verified.

        Raises:
            Corrupt: they are not what was stored.
        """
        with self._lock:
            known = self._cache.get(location.id)
            if known is not None:
                self._cache.move_to_end(location.id)
                return known
        content = self._verified(location)
        with self._lock:
            if location.id not in self._cache:
                self._cache[location.id] = content
                self._cached += len(content)
            while self._cached > _CACHED_BYTES:
                self._cached -= len(self._cache.popitem(last=False)[1])
        return content

    def chunk_once(self, location: Location) -> bytes:
        """As ``chunk``, for what will not be asked for again soon."""
        return self._verified(location)

    def raw(self, location: Location) -> bytes:
        """A chunk's bytes as they are written, unverified.

        Raises:
            OSError: the file they are in is gone.
        """
        with self._lock:
            if self._process != os.getpid():
                self._files.clear()
                self._process = os.getpid()
            handle = self._files.get(location.source)
            if handle is None:
                handle = os.open(self._place(location.source), os.O_RDONLY | os.O_CLOEXEC)
                self._files[location.source] = handle
                if len(self._files) > _OPEN_FILES:
                    os.close(self._files.popitem(last=False)[1])
            else:
                self._files.move_to_end(location.source)
            # Within the lock, so that nobody closes the file meanwhile.
            return os.pread(handle, location.stored, location.offset)

    def stream(self, recipe: Recipe) -> Iterator[bytes]:
        """An object's chunks in order, each verified."""
        for batch in recipe.batches(_AHEAD):
            ids = [chunk for chunk, _ in batch]
            found = self.locate(ids)
            for chunk in ids:
                yield self._verified(found[chunk])

    def forget_files(self, sources: Iterable[int] | None = None) -> None:
        """Close files, because they are gone; without ``sources`` all, and nothing is kept."""
        with self._lock:
            if sources is None:
                self._cache.clear()
                self._cached = 0
            for source in list(self._files if sources is None else sources):
                handle = self._files.pop(source, None)
                if handle is not None and self._process == os.getpid():
                    os.close(handle)

    def _verified(self, location: Location) -> bytes:
        try:
            return verified(location, self.raw(location))
        except (OSError, ValueError) as cause:
            # Garbage collection may have moved it to another pack since it was looked up.
            self.forget_files([location.source])
            again = self._index.locate([location.id]).get(location.id)
            if again is None or again.source == ELSEWHERE:
                again = self.locate([location.id])[location.id]
            try:
                return verified(again, self.raw(again))
            except (OSError, ValueError):
                raise damaged(location.id.hex(), self._place(again.source)) from cause


def verified(location: Location, payload: bytes) -> bytes:
    """The decoded bytes of a chunk.

    Raises:
        ValueError: they are not those of the chunk.
    """
    if len(payload) != location.stored:
        raise ValueError("the file ends too early")
    content = decode(location.codec, payload, location.size)
    if blake3(content).digest() != location.id:
        raise ValueError("the bytes are not those of the chunk")
    return content


class ObjectFile(SeekableFile):
    """An object as a seekable file; reading a range reads the chunks it touches."""

    def __init__(self, recipe: Recipe, reader: ChunkReader) -> None:
        super().__init__(recipe.size)
        self._recipe = recipe
        self._reader = reader

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        written = 0
        for piece in self.pieces(self.position, len(target)):
            target[written : written + len(piece)] = piece
            written += len(piece)
        self.position += written
        return written

    def readall(self) -> bytes:
        content = b"".join(self.pieces(self.position, self._recipe.size))
        self.position += len(content)
        return content

    def pieces(self, start: int, length: int) -> Iterator[bytes | memoryview]:
        """The bytes of a range, chunk by chunk."""
        stop = min(start + length, self._recipe.size)
        if start >= stop:
            return
        for wanted in self._recipe.within(start, stop):
            found = self._reader.locate([chunk for chunk, _, _ in wanted])
            for chunk, size, begin in wanted:
                content = self._reader.chunk(found[chunk])
                if begin >= start and begin + size <= stop:
                    yield content
                else:
                    yield memoryview(content)[max(start - begin, 0) : stop - begin]


def missing(digest: str) -> NotFound:
    """What to say of an object that nobody stored."""
    return NotFound(
        "objects.unknown",
        f"There is no object {digest[:12]}.",
        hint="Its bytes may be on a remote (mw data fetch), or were let go by retention or gc.",
        value=digest,
    )


def remote_only(digest: str) -> Unavailable:
    """What to say of an object whose bytes are on a remote only."""
    return Unavailable(
        "objects.remote",
        f"The bytes of object {digest[:12]} are on a remote, not here.",
        hint="Bring them here with: mw data pull",
        value=digest,
    )


def damaged(digest: str, path: Path) -> Corrupt:
    """What to say of bytes that changed."""
    return Corrupt(
        "objects.corrupt",
        f"Object {digest[:12]} no longer has the bytes that were written; they are in {path}.",
        hint="Repair it from a remote or a backup with: mw data fsck --repair-from REMOTE",
        value=digest,
    )
