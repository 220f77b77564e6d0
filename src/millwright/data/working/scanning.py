"""What is in a folder now, from its entries and their ``stat`` alone."""

from __future__ import annotations

import os
import stat
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from millwright.data.trees import Kind
from millwright.data.working.ignoring import NEVER, Ignores
from millwright.kernel.errors import InvalidInput

SIGNATURE = struct.Struct("<qqqqI")
"""mtime and ctime in microseconds (nanoseconds tell no more), size, inode, mode: what changes whenever
a file does (but see ``settle``)."""
_MODIFIED = struct.Struct(f"<q{SIGNATURE.size - 8}x")
NANOSECONDS = 1000
"""In a microsecond."""
EMPTY_FOLDER = SIGNATURE.pack(0, 0, 0, 0, stat.S_IFDIR)
"""The signature of a folder with nothing in it."""
UNKNOWN = SIGNATURE.pack(0, 0, 0, 0, 0)
"""The signature of what has to be looked at again; no file has it."""
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""What is in an open folder is looked at without looking up the folder each time."""
_TICK_US = 20_000
"""Longer than the steps in which file systems tell the time (4 ms on Linux)."""
_COARSE_TICK_US = 2_000_000
"""The same for those that know whole seconds only."""

Found = dict[str, bytes]
"""Signatures by path below the dataset's folder: mtime, ctime, size, inode and mode."""


def scan(base: Path, ignores: Ignores | None, *, follow: bool = False) -> Found:
    """All files, links and empty folders below a folder.

    Args:
        base: the folder.
        ignores: what to leave out.
        follow: whether links count as what they point to.

    Raises:
        InvalidInput: with ``follow``, a link leads back to a folder it is in.
    """
    found: Found = {}
    pack, folder_bits = SIGNATURE.pack, stat.S_IFDIR
    above: dict[str, frozenset[tuple[int, int]]] = {"": frozenset()}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        before, folders_before = len(found), len(waiting)
        handle = os.open(f"{base}/{folder}", _OPEN_FOLDER)
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = entry.name
                    path = folder + name
                    if name in NEVER or (ignores is not None and ignores(path, entry.is_dir())):
                        continue
                    s = entry.stat(follow_symlinks=False)
                    mode = s.st_mode
                    if follow and stat.S_ISLNK(mode):
                        s = _followed(base, path, above, folder)
                        mode = s.st_mode
                    if mode & 0o170000 == folder_bits:
                        waiting.append(path + "/")
                        if follow:
                            above[path + "/"] = above[folder] | {(s.st_dev, s.st_ino)}
                        continue
                    modified, changed = s.st_mtime_ns // NANOSECONDS, s.st_ctime_ns // NANOSECONDS
                    found[path] = pack(modified, changed, s.st_size, s.st_ino, mode)
        finally:
            os.close(handle)
        if folder and len(found) == before and len(waiting) == folders_before:
            found[folder[:-1]] = EMPTY_FOLDER
    return found


def _followed(
    base: Path, path: str, above: dict[str, frozenset[tuple[int, int]]], folder: str
) -> os.stat_result:
    try:
        found = os.stat(f"{base}/{path}")  # noqa: PTH116 - as quick as the rest of the scan.
    except OSError as cause:
        raise InvalidInput(
            "data.link_broken",
            f"The link '{path}' leads nowhere.",
            hint="Remove it, or leave --follow out.",
            value=path,
        ) from cause
    if (found.st_dev, found.st_ino) in above[folder]:
        raise InvalidInput(
            "data.link_loop",
            f"The link '{path}' leads back to a folder that it is in.",
            hint="Remove it, or leave --follow out.",
            value=path,
        )
    return found


def scan_members(base: Path, members: Iterable[str], *, follow: bool = False) -> Found:
    """As ``scan`` for single files of a folder; those that are not there are left out."""
    found: Found = {}
    for member in members:
        current = look_at(base / member, follow=follow)
        if current is not None:
            found[member] = current
    return found


def look_at(path: str | Path, *, follow: bool = False) -> bytes | None:
    """The signature of one path; None where nothing is. A folder has that of an empty one."""
    try:
        found = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - as quick as the scan.
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return EMPTY_FOLDER
    return SIGNATURE.pack(
        found.st_mtime_ns // NANOSECONDS,
        found.st_ctime_ns // NANOSECONDS,
        found.st_size,
        found.st_ino,
        found.st_mode,
    )


def kind_of(found: bytes) -> Kind | None:
    """The kind of entry that a signature speaks of; None for devices and the like."""
    if found == EMPTY_FOLDER:
        return Kind.FOLDER
    mode = SIGNATURE.unpack(found)[4]
    if stat.S_ISREG(mode):
        return Kind.EXECUTABLE if mode & 0o100 else Kind.FILE
    return Kind.LINK if stat.S_ISLNK(mode) else None


def size_of(found: bytes) -> int:
    """The size in a signature."""
    return 0 if found == EMPTY_FOLDER else int(SIGNATURE.unpack(found)[2])


def settle(signatures: Iterable[bytes]) -> None:
    """Wait until a change made from now on gets another time than these signatures have.

    File systems tell the time in steps: a file changed twice within one has the same signature
    before and after (git calls such entries racy). Whoever reads contents after this wait, and finds
    the signature unchanged afterwards, has what it stands for.
    """
    times = [modified for (modified,) in _MODIFIED.iter_unpack(b"".join(signatures))]
    # Empty folders have none.
    newest = max(times, default=0)
    newest_coarse = max([modified for modified in times if modified % 1_000_000 == 0], default=0)
    now = time.time_ns() // NANOSECONDS
    until = max(newest + _TICK_US, newest_coarse + _COARSE_TICK_US if newest_coarse else 0)
    # A time in the future (another machine's clock) is nothing to wait for.
    if now < until <= now + _COARSE_TICK_US:
        time.sleep((until - now) / 1e6)
