"""Linking files of one chunk, of which a folder may have a hundred thousand.

What is done to each file costs more than its bytes do, so that is kept to what cannot be left out:
names are looked up in folders that are open, and the file's last look is its state for the caller.
"""

from __future__ import annotations

import os
import stat
from types import TracebackType
from typing import NamedTuple

from blake3 import blake3

from millwright.kernel.objects.chunking import MINIMUM
from millwright.kernel.objects.linked import OPEN_LINKED, Linked, LinkShelf, protect

Undo = dict[int, tuple[int, bool]]
"""By number of the link: the file's permission bits before, and whether the immutable attribute is
our doing."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class SmallLink(NamedTuple):
    """A file that was linked: number, digest, and what it was before and is now."""

    number: int
    id: bytes
    before: os.stat_result
    now: os.stat_result


class SmallFiles:
    """Links and protects small files; what was done to each is in ``undo`` before it is done.

    ``flush`` makes each file durable by itself.
    """

    def __init__(self, shelf: LinkShelf, undo: Undo, *, attribute: bool, flush: bool) -> None:
        self._shelf, self._undo = shelf, undo
        self._attribute, self._flush = attribute, flush
        self._sources, self._targets = _OpenFolder(), _OpenFolder()

    def __enter__(self) -> SmallFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sources.close()
        self._targets.close()

    def link(self, path: str) -> SmallLink | Linked | None:
        """Link one: a larger file is linked and open, what cannot be linked so is None."""
        cut = path.rfind("/") + 1
        number, folder, name = self._shelf.next_place()
        try:
            source, target = self._sources.at(path[:cut]), self._targets.at(folder)
            os.link(path[cut:], name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        except OSError:
            # ``LinkShelf.link`` finds out why.
            return None
        try:
            handle = os.open(name, OPEN_LINKED, dir_fd=target)
        except OSError:
            os.unlink(name, dir_fd=target)
            return None
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            os.unlink(name, dir_fd=target)
            return None
        try:
            if found.st_size > MINIMUM:
                return Linked(number, f"{folder}/{name}", handle, found)
            content = os.read(handle, found.st_size + 1)
            if len(content) != found.st_size:
                return Linked(number, f"{folder}/{name}", handle, found)
            mode = stat.S_IMODE(found.st_mode)
            self._undo[number] = (mode, False)
            if protect(handle, mode, attribute=self._attribute):
                self._undo[number] = (mode, True)
            if self._flush:
                os.fsync(handle)
            now = os.fstat(handle)
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        return SmallLink(number, blake3(content).digest(), found, now)


class _OpenFolder:
    """The folder that was asked for last, open, as files come folder by folder."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._handle = -1

    def at(self, name: str) -> int:
        if name != self._name:
            self.close()
            self._handle = os.open(name or ".", _FOLDER)
            self._name = name
        return self._handle

    def close(self) -> None:
        if self._name is not None:
            os.close(self._handle)
            self._name = None
