"""Linking files of one chunk, of which a folder may have a hundred thousand.

What is done to each file costs more than its bytes do, so that is kept to what cannot be left out:
names are looked up in folders that are open, the file's last look is its state for the caller, and
one loop does it all, since calls of our own would cost as much as some of those to the system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from stat import S_IFMT, S_IFREG, S_IMODE
from types import TracebackType

from blake3 import blake3

from millwright.kernel.objects.chunking import MINIMUM
from millwright.kernel.objects.link_shelf import OPEN_LINKED, LinkShelf
from millwright.kernel.objects.linked import State, protect, state_of

Kept = tuple[bytes, State | None]
"""The digest of a file, and what it is now; None where that has to be looked at again."""

LinkRow = tuple[int, bytes, int, int]
"""Number, digest of the object, size, and mtime in nanoseconds."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(slots=True)
class Taken:
    """What was done to the files so far."""

    kept: list[Kept] = field(default_factory=list)
    """In the order of the files that were given."""
    numbers: list[int] = field(default_factory=list)
    """Of each in ``kept`` the number of its link; 0 where it has none."""
    rows: list[LinkRow] = field(default_factory=list)
    """Of the linked files that are one chunk by their size."""
    undo: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """By number of the link: the file's permission bits before, and whether the immutable attribute
    is our doing."""


class SmallFiles:
    """Links and protects small files; what is done to each is in ``taken.undo`` before it is done.

    ``flush`` makes each file durable by itself.
    """

    def __init__(self, shelf: LinkShelf, taken: Taken, *, attribute: bool, flush: bool) -> None:
        self._shelf, self._taken = shelf, taken
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

    def link(self, paths: Iterable[str], other: Callable[[str], None]) -> None:
        """Link files in turn; ``other`` is given those that are larger or cannot be linked so."""
        taken, attribute, flush = self._taken, self._attribute, self._flush
        rows, kept, numbers, undo = taken.rows, taken.kept, taken.numbers, taken.undo
        sources, targets, next_place = self._sources, self._targets, self._shelf.next_place
        link, opened, look, read, close = os.link, os.open, os.fstat, os.read, os.close
        for path in paths:
            cut = path.rfind("/") + 1
            number, folder, name = next_place()
            try:
                source = sources.handle if sources.name == path[:cut] else sources.at(path[:cut])
                target = targets.handle if targets.name == folder else targets.at(folder)
                link(path[cut:], name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            except OSError:
                # ``LinkShelf.link`` finds out why.
                other(path)
                continue
            try:
                handle = opened(name, OPEN_LINKED, dir_fd=target)
            except OSError:
                os.unlink(name, dir_fd=target)
                other(path)
                continue
            try:
                found = look(handle)
                mode, size = found.st_mode, found.st_size
                fits = size <= MINIMUM and S_IFMT(mode) == S_IFREG
                content = read(handle, size + 1) if fits else b""
                if fits and len(content) == size:
                    bits = S_IMODE(mode)
                    undo[number] = bits, False
                    if protect(handle, bits, attribute=attribute):
                        undo[number] = bits, True
                    if flush:
                        os.fsync(handle)
                    digest = blake3(content).digest()
                    rows.append((number, digest, size, found.st_mtime_ns))
                    kept.append((digest, state_of(look(handle))))
                    numbers.append(number)
                    continue
            finally:
                close(handle)
            os.unlink(name, dir_fd=target)
            other(path)


class _OpenFolder:
    """The folder that was asked for last, open, as files come folder by folder."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.handle = -1

    def at(self, name: str) -> int:
        if name != self.name:
            self.close()
            self.handle = os.open(name or ".", _FOLDER)
            self.name = name
        return self.handle

    def close(self) -> None:
        if self.name is not None:
            os.close(self.handle)
            self.name = None
