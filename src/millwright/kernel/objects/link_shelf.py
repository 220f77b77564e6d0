"""The shelf of linked files: users' own under second names, or clones of them, by number."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import disk_full
from millwright.kernel.objects.filesystem import clone
from millwright.kernel.objects.linked import NOT_LINKABLE, link, not_a_file, remove

_PER_FOLDER = 1024
_USED = 320
"""So many numbers of a folder are given out: ext4 holds their names in one block, which it searches
from its start for every name; with all of them, that was a tenth of adding a small file."""
OPEN_LINKED = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""How what was linked is opened: opening a pipe would wait for its writer."""
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(slots=True)
class Linked:
    """A file that was linked into the store, open for reading; ``path`` is its new name."""

    number: int
    path: str
    handle: int
    state: os.stat_result

    def close(self) -> None:
        """Close the file; its name in the store stays."""
        os.close(self.handle)


class LinkShelf:
    """The linked files of one project, by number: ``links/<number / 1024>/<number % 1024>``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._base = str(folder)
        self._next = 1
        self._made: dict[int, str] = {}

    def path(self, number: int) -> Path:
        """Where a linked file is."""
        return Path(self.name(number))

    def name(self, number: int) -> str:
        """As ``path``, for those who ask a thousand times a second."""
        return f"{self._base}/{number // _PER_FOLDER:x}/{number % _PER_FOLDER:x}"

    def number(self, path: Path) -> int:
        """The inverse of ``path``."""
        return int(path.parent.name, 16) * _PER_FOLDER + int(path.name, 16)

    def start_at(self, number: int) -> None:
        """Numbers below this are taken."""
        self._next = max(self._next, number)

    def next_place(self, step: int = 1) -> tuple[int, str, str]:
        """The next number, the folder that its file is in, and its name there.

        ``step`` is how far from it the one after that is.
        """
        number = self._next
        folder, within = divmod(number, _PER_FOLDER)
        if within >= _USED:
            number, folder, within = (folder + 1) * _PER_FOLDER, folder + 1, 0
        self._next = number + step
        path = self._made.get(folder)
        if path is None:
            path = f"{self._base}/{folder:x}"
            Path(path).mkdir(exist_ok=True)
            self._made[folder] = path
        return number, path, f"{within:x}"

    def link(self, path: str | Path) -> Linked | None:
        """Link a regular file under the next free number; none where links cannot be.

        Raises:
            InvalidInput: it is no regular file.
            OSError: it cannot be read.
        """
        step = 1
        while True:
            number, folder, name = self.next_place(step)
            target = f"{folder}/{name}"
            try:
                try:
                    os.link(path, target, follow_symlinks=False)
                except PermissionError:
                    link(path, target)
                break
            except FileExistsError:
                # Somebody else is adding too: go far enough away to be alone.
                step = min(step * 2, 1 << 20)
            except OSError as cause:
                if cause.errno in NOT_LINKABLE:
                    return None
                raise disk_full(cause, str(self.folder)) or cause from cause
        try:
            handle = os.open(target, OPEN_LINKED)
        except OSError:
            Path(target).unlink()
            if not Path(path).is_file() or Path(path).is_symlink():
                raise not_a_file(path) from None
            return None
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            os.close(handle)
            Path(target).unlink()
            raise not_a_file(path)
        return Linked(number, target, handle, state)

    def clone(self, path: str | Path) -> Linked | None:
        """Clone a regular file under the next free number; none where files cannot be cloned.

        The file itself stays as it is: what is in the store is another one with its blocks.
        """
        source = os.open(path, OPEN_LINKED)
        try:
            mode = os.fstat(source).st_mode
            if not stat.S_ISREG(mode):
                return None
            number, target, handle = self._created()
            if not clone(source, handle):
                os.close(handle)
                Path(target).unlink()
                return None
            os.fchmod(handle, stat.S_IMODE(mode))
            return Linked(number, target, handle, os.fstat(handle))
        finally:
            os.close(source)

    def _created(self) -> tuple[int, str, int]:
        step = 1
        while True:
            number, folder, name = self.next_place(step)
            target = f"{folder}/{name}"
            try:
                return number, target, os.open(target, _CREATE, 0o600)
            except FileExistsError:
                step = min(step * 2, 1 << 20)
            except OSError as cause:
                raise disk_full(cause, str(self.folder)) or cause from cause

    def drop(self, number: int) -> bool:
        """Remove a file's name in the store, which needs it no more; whether it was the last."""
        path = self.path(number)
        try:
            last = path.stat().st_nlink == 1
        except FileNotFoundError:
            return False
        remove(path, keep_protected=False)
        return last
