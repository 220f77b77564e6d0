"""Users' own files as part of the store: linked under a second name, and protected from change.

Adding a file this way costs no second copy. The bytes are no longer ours alone, though: permission
bits stop everybody but root, and the immutable attribute stops root where the filesystem has it.
Whatever gets past both is noticed, because every chunk is verified when it is read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from millwright.kernel.errors import InvalidInput, disk_full
from millwright.kernel.objects.filesystem import (
    clone,
    is_immutable,
    lift_immutable,
    put_flags,
    set_immutable,
)

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE_BITS = 0o222
NOT_LINKABLE = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP)
"""Why a file may not get another name."""

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
        link(source, target)
    except OSError as cause:
        if cause.errno in NOT_LINKABLE:
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


def link(source: str | Path, target: str | Path) -> None:
    """Give a file another name, also where the immutable attribute is set on it."""
    try:
        os.link(source, target, follow_symlinks=False)
    except PermissionError:
        link_protected(source, target)


def link_protected(source: str | Path, target: str | Path) -> None:
    """As ``link``, quicker where the attribute is set and slower where it is not.

    An immutable file takes no new names until the attribute is off for a moment.
    """
    handle = os.open(source, _READ)
    try:
        flags = lift_immutable(handle)
        try:
            os.link(source, target, follow_symlinks=False)
        finally:
            if flags is not None:
                put_flags(handle, flags)
    finally:
        os.close(handle)
