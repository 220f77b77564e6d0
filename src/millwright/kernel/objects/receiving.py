"""A stream of bytes becoming an object as it arrives: written, cut and flushed at the same time.

What has arrived lies in a file beside the store's own, which is linked into it at the end. Nothing
is copied and nothing is read again, so large uploads cost little more than writing a file.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from types import TracebackType

from blake3 import blake3

from millwright.kernel.errors import disk_full
from millwright.kernel.objects.chunking import cut
from millwright.kernel.objects.linked import remove
from millwright.kernel.objects.linking import link_many
from millwright.kernel.objects.parts import Parts

Pieces = list[bytes]
"""Bytes in order, as they arrived; at most ``MOST_PIECES`` of them."""
MOST_PIECES = 256
_WAITING = 8
_FLUSH_BYTES = 16 << 20


class Receiving:
    """A context that takes pieces and then the end; left without it, nothing was stored.

    Two threads work beside the caller: one writes, the other cuts what was written.
    """

    def __init__(self, parts: Parts) -> None:
        folder = parts.root / "cache"
        folder.mkdir(parents=True, exist_ok=True)
        self._parts = parts
        # Garbage collection removes files of this name that a killed process left.
        self._path = folder / f".mw-{os.urandom(8).hex()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._handle = os.open(self._path, flags, 0o600)
        self._arrived: queue.Queue[Pieces | None] = queue.Queue(_WAITING)
        self._written: queue.Queue[Pieces | None] = queue.Queue(_WAITING)
        self._rest: list[memoryview] = []
        self._whole = blake3()
        self._listing = parts.listing()
        self._failed: list[BaseException] = []
        self._ended = False
        self._workers = [
            threading.Thread(target=self._guarded, args=(work, source), name=name, daemon=True)
            for name, work, source in (
                ("object-writer", self._write_all, self._arrived),
                ("object-cutter", self._cut_all, self._written),
            )
        ]
        for worker in self._workers:
            worker.start()

    def offer(self, pieces: Pieces) -> bool:
        """Take the next pieces, unless too many are waiting; whether they were taken.

        Raises:
            Unavailable: the disk is full.
        """
        self._refuse_failed()
        try:
            self._arrived.put_nowait(pieces)
        except queue.Full:
            return False
        return True

    def write(self, pieces: Pieces) -> None:
        """As ``offer``, but wait until there is room."""
        self._refuse_failed()
        self._arrived.put(pieces)

    def finish(self) -> str:
        """The object's digest; it is durable on return."""
        self._end()
        self._refuse_failed()
        found = (self._whole.digest(), self._listing.recipe())
        return link_many(self._parts, [self._path], {}, cuts={str(self._path): found})[0][0].hex()

    def close(self) -> None:
        """Let go of everything that was not finished."""
        self._end()
        os.close(self._handle)
        remove(self._path)

    def __enter__(self) -> Receiving:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _refuse_failed(self) -> None:
        if self._failed:
            raise self._failed[0]

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._arrived.put(None)
            for worker in self._workers:
                worker.join()

    def _guarded(self, work: Callable[[], None], source: queue.Queue[Pieces | None]) -> None:
        try:
            work()
        except Exception as cause:
            self._failed.append(cause)
            # Nobody before us may wait for room that never comes.
            while source.get() is not None:
                pass
        finally:
            if source is self._arrived:
                self._written.put(None)

    def _write_all(self) -> None:
        size = flushed = 0
        while (pieces := self._arrived.get()) is not None:
            try:
                size += _write(self._handle, pieces)
            except OSError as cause:
                raise disk_full(cause, str(self._path.parent)) or cause from cause
            self._written.put(pieces)
            if size - flushed >= _FLUSH_BYTES and hasattr(os, "posix_fadvise"):
                # Begins to write what is dirty, so that the flush at the end has little left to do.
                os.posix_fadvise(self._handle, flushed, size - flushed, os.POSIX_FADV_DONTNEED)
                flushed = size

    def _cut_all(self) -> None:
        for window in cut(self._read_into, self._whole):
            self._listing.add(window)

    def _read_into(self, view: memoryview) -> int:
        if not self._rest:
            pieces = self._written.get()
            if pieces is None:
                return 0
            self._rest = [memoryview(piece) for piece in reversed(pieces)]
        piece = self._rest.pop()
        count = min(len(view), len(piece))
        view[:count] = piece[:count]
        if count < len(piece):
            self._rest.append(piece[count:])
        return count


def _write(handle: int, pieces: Pieces) -> int:
    """Write all of the pieces; how many bytes they were."""
    size = sum(map(len, pieces))
    done = os.writev(handle, pieces)
    if done < size:
        view = memoryview(b"".join(pieces))
        while done < size:
            done += os.write(handle, view[done:])
    return size
