"""What Linux filesystems offer beyond POSIX: attributes, clones, flushing all at once."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from contextlib import suppress
from functools import cache
from typing import Any

_GET_FLAGS = 0x80086601
_SET_FLAGS = 0x40086602
_IMMUTABLE = 0x10
_CLONE = 0x40049409
_LONG = struct.Struct("l")
_NO_FLAGS = bytes(_LONG.size)


def set_immutable(handle: int, wanted: bool) -> bool:
    """Set or clear the attribute that stops even root from changing a file; whether that changed.

    Nothing changes where the filesystem has no attributes or the process may not set them (it
    needs CAP_LINUX_IMMUTABLE).
    """
    try:
        flags = fcntl.ioctl(handle, _GET_FLAGS, _NO_FLAGS)
        changed = _changed(flags, wanted)
        if changed == flags:
            return False
        fcntl.ioctl(handle, _SET_FLAGS, changed)
    except OSError:
        return False
    return True


def lift_immutable(handle: int) -> bytes | None:
    """Clear the attribute for a moment: what ``put_flags`` sets again; None where nothing changed."""
    try:
        flags = fcntl.ioctl(handle, _GET_FLAGS, _NO_FLAGS)
        changed = _changed(flags, False)
        if changed == flags:
            return None
        fcntl.ioctl(handle, _SET_FLAGS, changed)
    except OSError:
        return None
    return flags


def put_flags(handle: int, flags: bytes) -> None:
    """Set the attributes that ``lift_immutable`` found."""
    with suppress(OSError):
        fcntl.ioctl(handle, _SET_FLAGS, flags)


@cache
def _changed(flags: bytes, wanted: bool) -> bytes:
    (number,) = _LONG.unpack(flags)
    return _LONG.pack(number | _IMMUTABLE if wanted else number & ~_IMMUTABLE)


def is_immutable(handle: int) -> bool:
    """Whether the attribute is set."""
    try:
        (flags,) = _LONG.unpack(fcntl.ioctl(handle, _GET_FLAGS, _NO_FLAGS))
    except OSError:
        return False
    return bool(flags & _IMMUTABLE)


def clone(source: int, target: int) -> bool:
    """Make a file share another's blocks until one of them changes; false where that cannot be."""
    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:
        return False
    return True


def sync_filesystem(handle: int) -> None:
    """Flush everything that was written to the filesystem of an open file."""
    if _libc().syncfs(handle) != 0:
        os.sync()


def sync_folder(path: str | os.PathLike[str]) -> None:
    """Flush a folder's entries."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
