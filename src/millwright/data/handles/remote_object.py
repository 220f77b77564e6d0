"""An object behind the door as a seekable file, of which only what is read is brought over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from millwright.kernel.door import Door
from millwright.kernel.seekable import SeekableFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK: Final = 1 << 20
_KEPT: Final = 16
_MOST_AT_ONCE: Final = 32 << 20


class RemoteObject(SeekableFile):
    """Reads ranges of an object through the door.

    Small reads bring whole blocks of 1 MiB, of which the last sixteen stay; large reads bring what
    is asked for. The other side verifies every chunk that it reads.

    Args:
        door: the way to the control plane.
        project, digest: which object.
        size: its bytes.
        owner: what has to stay for the door to stay open.
    """

    def __init__(
        self, door: Door, project: str, digest: str, size: int, *, owner: object = None
    ) -> None:
        super().__init__(size)
        self._door, self._project, self.digest = door, project, digest
        self._owner = owner
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def again(self) -> RemoteObject:
        """The same object opened anew, at its start; blocks already here are shared."""
        fresh = RemoteObject(self._door, self._project, self.digest, self.size, owner=self._owner)
        fresh._blocks, fresh._lock = self._blocks, self._lock
        return fresh

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer from the position on; the bytes read."""
        target = memoryview(buffer).cast("B")
        content = self.read_at(self.position, len(target))
        target[: len(content)] = content
        self.position += len(content)
        return len(content)

    def readall(self) -> bytes:
        """Everything from the position on."""
        content = self.read_at(self.position, self.size - self.position)
        self.position += len(content)
        return content

    def read_at(self, start: int, length: int) -> bytes:
        """Bytes from ``start`` on, fewer at the end; the position stays."""
        length = max(min(length, self.size - start), 0)
        if length == 0:
            return b""
        if length >= BLOCK:
            pieces = range(start, start + length, _MOST_AT_ONCE)
            return b"".join(
                self._fetch(at, min(_MOST_AT_ONCE, start + length - at)) for at in pieces
            )
        first, last = start // BLOCK, (start + length - 1) // BLOCK
        content = b"".join(self._block(number) for number in range(first, last + 1))
        return content[start - first * BLOCK :][:length]

    def _block(self, number: int) -> bytes:
        with self._lock:
            known = self._blocks.get(number)
            if known is not None:
                self._blocks.move_to_end(number)
                return known
        start = number * BLOCK
        content = self._fetch(start, min(BLOCK, self.size - start))
        with self._lock:
            self._blocks[number] = content
            while len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return content

    def _fetch(self, start: int, length: int) -> bytes:
        return self._door.fetch_range(self._project, self.digest, start, length)
