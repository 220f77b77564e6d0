"""Users' own files as part of the store: linked under a second name, and protected from change.

Adding a file this way costs no second copy. The bytes are no longer ours alone, though: permission
bits stop everybody but root, and the immutable attribute stops root where the filesystem has it.
Whatever gets past both is noticed, because every chunk is verified when it is read.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import InvalidInput, disk_full
from millwright.kernel.objects.filesystem import clone, is_immutable, set_immutable

_PER_FOLDER = 1024
_USED = 320
"""So many numbers of a folder are given out: ext4 holds their names in one block, which it searches
from its start for every name; with all of them, that was a tenth of adding a small file."""
_WRITE_BITS = 0o222
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_LINKED = _READ | os.O_NONBLOCK
"""How what was linked is opened: opening a pipe would wait for its writer."""
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NOT_LINKABLE = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP)

State = tuple[int, int, int, int, int]
"""What a file is: mtime and ctime in microseconds, size, inode, mode. As numbers rather than as
``os.stat_result``, which is a kilobyte: folders have a hundred thousand files."""


def state_of(found: os.stat_result) -> State:
    """What a file is, as the system told it."""
    modified, changed = found.st_mtime_ns // 1000, found.st_ctime_ns // 1000
    return modified, changed, found.st_size, found.st_ino, found.st_mode


def uses_attribute() -> bool:
    """Whether protecting a file sets the immutable attribute as well.

    ``MILLWRIGHT_PROTECT`` says ``mode`` or ``immutable``; by default root gets the attribute, since
    permission bits do not hold root back.
    """
    wanted = os.environ.get("MILLWRIGHT_PROTECT", "")
    if wanted in ("mode", "immutable"):
        return wanted == "immutable"
    return os.geteuid() == 0


def protect(handle: int, mode: int, *, attribute: bool) -> bool:
    """Take away everybody's permission to write to an open file with these permission bits.

    Says whether the immutable attribute was set by this.
    """
    if mode & _WRITE_BITS:
        os.fchmod(handle, mode & ~_WRITE_BITS)
    return attribute and set_immutable(handle, True)


def writable(mode: int) -> int:
    """The permission bits of a private working file that had ``mode``."""
    mask = os.umask(0)
    os.umask(mask)
    return stat.S_IMODE(mode) | 0o200 | (0o022 & ~mask & (stat.S_IMODE(mode) >> 1))


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
                    _link(path, target)
                break
            except FileExistsError:
                # Somebody else is adding too: go far enough away to be alone.
                step = min(step * 2, 1 << 20)
            except OSError as cause:
                if cause.errno in _NOT_LINKABLE:
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


def not_a_file(path: str | Path) -> InvalidInput:
    """What to say of something that cannot be added as a file."""
    return InvalidInput(
        "objects.not_a_file",
        "Only a regular file can be added to the object store.",
        hint="Give a file, not a folder, a symbolic link or a device.",
        value=str(path),
    )


def remove(path: Path, *, keep_protected: bool = True) -> None:
    """Unlink a file even if the immutable attribute is set; its other names stay protected."""
    try:
        path.unlink(missing_ok=True)
        return
    except PermissionError:
        handle = os.open(path, _READ)
    try:
        protected = set_immutable(handle, False)
        path.unlink()
        if protected and keep_protected and os.fstat(handle).st_nlink:
            set_immutable(handle, True)
    finally:
        os.close(handle)


def replace(temporary: Path, path: Path) -> None:
    """Rename over a file even if the immutable attribute is set on it, or on the one renamed."""
    try:
        temporary.replace(path)
    except PermissionError:
        if path.is_symlink() or not (path.is_file() or _is_protected(temporary)):
            raise
        _replace_protected(temporary, path)
    if temporary.exists():
        # Renaming one name of a file to another name of it does nothing.
        remove(temporary)


def _replace_protected(temporary: Path, path: Path) -> None:
    handles = [_readable(name) for name in (temporary, path) if name.is_file()]
    try:
        unprotected = [h for h in handles if set_immutable(h, False)]
        try:
            temporary.replace(path)
        finally:
            for handle in unprotected:
                if os.fstat(handle).st_nlink:
                    set_immutable(handle, True)
    finally:
        for handle in handles:
            os.close(handle)


def _is_protected(path: Path) -> bool:
    handle = _readable(path)
    try:
        return is_immutable(handle)
    finally:
        os.close(handle)


def _readable(path: Path) -> int:
    return os.open(path, _READ)


def hard_link(source: str | Path, target: str | Path) -> bool:
    """Give a stored file another name; false where that cannot be."""
    try:
        _link(source, target)
    except OSError as cause:
        if cause.errno in _NOT_LINKABLE:
            return False
        raise
    return True


def unprotect(path: Path) -> None:
    """Make a working file a private, writable copy: the bytes in the store are left alone."""
    source = os.open(path, _READ)
    temporary: Path | None = None
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            raise not_a_file(path)
        if found.st_nlink == 1:
            set_immutable(source, False)
            os.fchmod(source, writable(found.st_mode))
            return
        temporary = path.with_name(f".mw-{os.urandom(8).hex()}")
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if not clone(source, target):
                copy(source, target)
            os.fchmod(target, writable(found.st_mode))
        finally:
            os.close(target)
        replace(temporary, path)
    except OSError as cause:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise disk_full(cause, str(path.parent)) or cause from cause
    finally:
        os.close(source)


def copy(source: int, target: int) -> None:
    """Copy an open file's bytes inside the kernel."""
    while os.copy_file_range(source, target, 1 << 30):
        pass


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except PermissionError:
        # An immutable file takes no new names until the attribute is off for a moment.
        handle = os.open(source, _READ)
        try:
            if not (set_immutable(handle, False)):
                raise
            try:
                os.link(source, target, follow_symlinks=False)
            finally:
                set_immutable(handle, True)
        finally:
            os.close(handle)
