"""Writing out whole linked files by the thousand: each shares its bytes with the one in the store.

A clone is private and a hard link is not; both take a few system calls for a file of any size.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from millwright.kernel.objects import wholes
from millwright.kernel.objects.filesystem import clone
from millwright.kernel.objects.index import batches, marks
from millwright.kernel.objects.linked import (
    State,
    hard_link,
    link_protected,
    remove,
    replace,
    state_of,
)
from millwright.kernel.objects.parts import Parts

How = Literal["reflink", "hardlink", "copy", "auto"]
Wanted = tuple[bytes, str | Path, bool]
"""What to write out: digest (32 bytes), path, and whether the file is executable."""

_WholeFile = tuple[str, int, int, str | Path, bool]
"""A linked file's name in the store, its size and time (µs) when it was linked, and what is wanted:
path, and whether it is executable."""

OWNER_EXECUTES = 0o100
_EXECUTE = 0o111
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def whole_files_out(parts: Parts, batch: Sequence[Wanted], how: How) -> dict[str | Path, State]:
    """Clone or link those that are whole linked files; what those are now that were."""
    ids = [object_id for object_id, _, _ in batch]
    known = parts.index.read(lambda connection: _whole_links(connection, ids))
    name = parts.links.name
    files = [
        (name(number), size, mtime_us, path, executable)
        for object_id, path, executable in batch
        if object_id in known
        for number, size, mtime_us in [known[object_id]]
    ]
    done: dict[str | Path, State] = {}
    if files and how in ("auto", "reflink"):
        done = _cloned_out(files)
    if not done and how in ("auto", "hardlink"):
        done = _linked_out(files)
    return done


def _cloned_out(files: list[_WholeFile]) -> dict[str | Path, State]:
    """Clone files, which have others' blocks and are private; none where the first cannot be."""
    done: dict[str | Path, State] = {}
    mark = os.urandom(6).hex()
    for number, (source, size, mtime_us, path, executable) in enumerate(files):
        folder = str(path).rpartition("/")[0]
        temporary = f"{folder or '.'}/.mw-{mark}-{number:x}"
        try:
            if not _cloned_unchanged(source, size, mtime_us, temporary, executable):
                if not done:
                    return done
                continue
            try:
                os.replace(temporary, path)  # noqa: PTH105 - a thousand times a second
            except PermissionError:
                replace(Path(temporary), Path(path))
            done[path] = state_of(os.stat(path))  # noqa: PTH116 - the same
        except OSError:
            # The careful way says what is in its way.
            with suppress(OSError):
                Path(temporary).unlink()
    return done


def _cloned_unchanged(source: str, size: int, mtime_us: int, target: str, executable: bool) -> bool:
    """Clone a linked file unless it changed since it was linked; whether it was."""
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made = created(target, executable)
        try:
            shares = clone(handle, made)
        finally:
            os.close(made)
        state = os.fstat(handle)
    finally:
        os.close(handle)
    if shares and (state.st_size, state.st_mtime_ns // 1000) == (size, mtime_us):
        return True
    Path(target).unlink()
    return False


def _linked_out(files: list[_WholeFile]) -> dict[str | Path, State]:
    """Hard-link files to where nothing is, or another file; which were."""
    done: dict[str | Path, State] = {}
    link, stat = os.link, os.stat
    protected = False
    for source, size, mtime_us, path, executable in files:
        try:
            try:
                # Where one file is immutable, the next is too.
                (link_protected if protected else link)(source, path)
            except FileExistsError:
                if not _is_as(stat(source), size, mtime_us, executable):
                    continue
                _link_over(source, Path(path))
            except PermissionError:
                if protected or not hard_link(source, path):
                    continue
                protected = True
            state = stat(path)
            if _is_as(state, size, mtime_us, executable):
                done[path] = state_of(state)
            else:
                # Changed in spite of its protection, or wanted with other permission bits.
                remove(Path(path))
        except OSError:
            # Something is in the way, or the file takes no more names: the careful way says which.
            continue
    return done


def _is_as(state: os.stat_result, size: int, mtime_us: int, executable: bool) -> bool:
    """Whether a linked file is what it was when it was linked, and executable if that is wanted."""
    same = state.st_size == size and state.st_mtime_ns // 1000 == mtime_us
    return same and bool(state.st_mode & OWNER_EXECUTES) == executable


def _link_over(source: str, path: Path) -> None:
    """Link a stored file where another one is, which goes at the moment the new one is there."""
    temporary = path.with_name(f".mw-{os.urandom(8).hex()}")
    try:
        if not hard_link(source, temporary):
            raise OSError(f"{source} takes no other name")
        replace(temporary, path)
    except OSError:
        if temporary.exists():
            remove(temporary)
        raise


def _whole_links(
    connection: sqlite3.Connection, ids: list[bytes]
) -> dict[bytes, tuple[int, int, int]]:
    """Number, size and time of the linked files that are these objects, as far as there are any."""
    found: dict[bytes, tuple[int, int, int]] = {}
    for batch in batches(ids):
        rows = connection.execute(
            "SELECT object, id, size, mtime_ns FROM links WHERE id IN (SELECT -source FROM chunks"  # noqa: S608
            f" WHERE source < 0 AND offset = 0 AND id IN ({marks(batch)}))",
            batch,
        )
        found.update({row[0]: (row[1], row[2], row[3] // 1000) for row in rows})
    rest = [object_id for object_id in ids if object_id not in found]
    for object_id, one in wholes.find(connection, rest).items():
        found[object_id] = (one.number, one.size, one.mtime_us)
    return found


def cloned(source: str | Path, target: str | Path, executable: bool) -> bool:
    """Make a new file share a file's blocks; whether the filesystem can."""
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made = created(target, executable)
        try:
            if clone(handle, made):
                return True
        finally:
            os.close(made)
        Path(target).unlink()
        return False
    finally:
        os.close(handle)


def created(path: str | Path, executable: bool) -> int:
    """A new file, open for writing."""
    mode = 0o666 | (_EXECUTE if executable else 0)
    return os.open(path, _CREATE, mode)
