"""Putting one file's bytes in two places: reflink, hard link, symbolic link or copy."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

KINDS = ("reflink", "hardlink", "symlink", "copy")
READ_ONLY = 0o444
_FICLONE = 0x40049409
_cannot_clone: set[int] = set()
"""Devices whose file systems have no clones, which need not be asked for every file."""
_devices: dict[str, int] = {}


def place(source: str, target: str, kinds: tuple[str, ...]) -> str:
    """Make ``target`` hold what ``source`` holds, by the first kind that works; says which.

    The target appears whole or not at all. Hard links and symbolic links share the source's
    bytes, so the source is made read-only by whoever keeps it.
    """
    temporary = temporary_name(target)
    for kind in kinds:
        if kind == "reflink" and kind != kinds[-1] and _device(target) in _cannot_clone:
            continue
        try:
            _ONE[kind](source, temporary)
        except OSError:
            if os.path.lexists(temporary):
                os.unlink(temporary)
            if kind == kinds[-1]:
                raise
            continue
        os.replace(temporary, target)
        if kind == "hardlink" and os.path.lexists(temporary):
            os.unlink(temporary)  # rename between two names of one file does nothing
        return kind
    raise OSError(f"no kind of link given for {target}")


def _device(target: str) -> int:
    folder = target.rpartition("/")[0] or "."
    if folder not in _devices:
        _devices[folder] = os.stat(folder).st_dev
    return _devices[folder]


_serial = 0


def temporary_name(target: str) -> str:
    """A name beside a file under which it is written first."""
    global _serial
    _serial += 1
    folder, _, name = target.rpartition("/")
    return f"{folder or '.'}/.{name[:60]}.{os.getpid()}.{_serial}.tmp"


def _clone(source: str, target: str) -> None:
    import fcntl

    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
        except OSError:
            if os.fstat(reading).st_dev == os.fstat(writing).st_dev:
                _cannot_clone.add(os.fstat(writing).st_dev)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


_SMALL = 64 << 10
"""Read at once, from memory that needs no mapping of its own."""
_BLOCK = 1 << 20


def _copy(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            block = os.read(reading, _SMALL)
            write_all(writing, block)
            if len(block) == _SMALL:
                _copy_rest(reading, writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_rest(reading: int, writing: int) -> None:
    try:
        while os.copy_file_range(reading, writing, 1 << 30):
            pass
    except OSError:
        while block := os.read(reading, _BLOCK):
            write_all(writing, block)


def write_all(descriptor: int, content: bytes) -> None:
    """Write bytes to a descriptor until all are written."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _hardlink(source: str, target: str) -> None:
    # An empty file is not worth a link, and DVC makes it anew, too.
    if os.stat(source).st_size == 0:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    else:
        os.link(source, target)


_ONE: dict[str, Callable[[str, str], None]] = {
    "reflink": _clone,
    "hardlink": _hardlink,
    "symlink": os.symlink,
    "copy": _copy,
}


def write_file(target: str, content: bytes, mode: int | None = None) -> None:
    """Write a whole file so that it appears at once."""
    temporary = temporary_name(target)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        write_all(descriptor, content)
        if mode is not None:
            os.fchmod(descriptor, mode)
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)
    os.replace(temporary, target)


def remove(path: str) -> None:
    """Remove a file, link or folder."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)


def make_executable(path: str) -> None:
    """Let everyone who may read a file execute it; a link into the cache becomes a copy first."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
        place(os.path.realpath(path), path, ("reflink", "copy"))
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.chmod(path, mode | (mode & 0o444) >> 2)


def make_writable(path: str) -> None:
    """Turn a link into the cache into a private copy that may be written."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode) or status.st_nlink > 1:
        place(os.path.realpath(path), path, ("reflink", "copy"))
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | stat.S_IWUSR)
