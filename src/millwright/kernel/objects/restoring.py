"""Writing stored objects out as files: cloned, linked or copied, whichever is asked and possible."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Literal

from blake3 import blake3

from millwright.kernel.errors import InvalidInput, disk_full
from millwright.kernel.objects import wholes
from millwright.kernel.objects.digests import digest_of_file
from millwright.kernel.objects.filesystem import clone
from millwright.kernel.objects.index import ELSEWHERE, batches, located, marks
from millwright.kernel.objects.linked import hard_link, remove, replace
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import damaged
from millwright.kernel.objects.recipe import Recipe

How = Literal["reflink", "hardlink", "copy", "auto"]
Wanted = tuple[bytes, str | Path, bool]
"""What to write out: digest (32 bytes), path, and whether the file is executable."""

_WAYS = ("auto", "reflink", "hardlink", "copy")
_EXECUTE = 0o111
_OWNER_EXECUTES = 0o100
_AT_ONCE = 20_000
_SAMPLE = 100
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def restore(
    parts: Parts, object_id: bytes, path: Path, *, how: How = "auto", executable: bool | None = None
) -> str:
    """Write an object out under a name, replacing what is there at once; says which way it took.

    ``auto`` takes the first that works: a clone (private and free), a hard link (free, and write-
    protected), a copy. ``reflink`` and ``hardlink`` end in a copy where the filesystem cannot.
    """
    if how not in _WAYS:
        raise InvalidInput(
            "objects.how",
            f"'{how}' is no way to write a file out.",
            hint="Use reflink, hardlink, copy or auto.",
            value=how,
        )
    recipe = parts.recipe(object_id)
    temporary = path.with_name(f".mw-{os.urandom(8).hex()}")
    try:
        way = _written(parts, object_id, recipe, temporary, how, executable)
        replace(temporary, path)
    except BaseException as cause:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise disk_full(cause, str(path.parent)) or cause from cause
        raise
    return way


def restore_many(
    parts: Parts, wanted: Iterable[Wanted], *, how: How = "auto"
) -> dict[str | Path, os.stat_result]:
    """As ``restore`` for many. Files that are linked whole take two system calls each.

    What those are now is returned by path, since it was looked at anyway.
    """
    rest = iter(wanted)
    may_link = how in ("auto", "hardlink")
    linked: dict[str | Path, os.stat_result] = {}
    while batch := list(islice(rest, _AT_ONCE)):
        if may_link:
            states = _linked_out(parts, batch, clone_first=how == "auto")
            linked.update(states)
            batch = [one for one in batch if one[1] not in states]
        done = set()
        if batch and how != "reflink":
            done = _copied_out(parts, batch, packed_only=how != "copy")
        for number, (object_id, path, executable) in enumerate(batch):
            if number not in done:
                restore(parts, object_id, Path(path), how=how, executable=executable)
    return linked


def _linked_out(
    parts: Parts, batch: Sequence[Wanted], *, clone_first: bool
) -> dict[str | Path, os.stat_result]:
    """Hard-link those that are whole linked files to where nothing is yet; which were."""
    ids = [object_id for object_id, _, _ in batch]
    known = parts.index.read(lambda connection: _whole_links(connection, ids))
    done: dict[str | Path, os.stat_result] = {}
    name, link, stat = parts.links.name, os.link, os.stat
    for object_id, path, executable in batch:
        if object_id not in known:
            continue
        number, size, mtime_us = known[object_id]
        source = name(number)
        try:
            if clone_first and not done and _clones(source, Path(path)):
                return done
            try:
                link(source, path)
            except FileExistsError:
                if not _is_as(stat(source), size, mtime_us, executable):
                    continue
                _link_over(source, Path(path))
            except PermissionError:
                # An immutable file takes no new names until the attribute is off for a moment.
                if not hard_link(source, path):
                    continue
            state = stat(path)
            if _is_as(state, size, mtime_us, executable):
                done[path] = state
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
    return same and bool(state.st_mode & _OWNER_EXECUTES) == executable


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


def _copied_out(parts: Parts, batch: Sequence[Wanted], *, packed_only: bool) -> set[int]:
    """Copy out those of one chunk, in the order they lie on disk; which were."""
    ids = [object_id for object_id, _, _ in batch]
    places = parts.index.locate(ids)
    todo = []
    for number, object_id in enumerate(ids):
        place = places.get(object_id)
        if place is None or place.source == ELSEWHERE:
            continue
        if place.source > 0 or not packed_only:
            todo.append((place.source, place.offset, number))
    mark, copied = os.urandom(6).hex(), set()
    for _, _, number in sorted(todo):
        _, path, executable = batch[number]
        folder, _, _ = str(path).rpartition("/")
        temporary = f"{folder or '.'}/.mw-{mark}-{number:x}"
        content = parts.reader.chunk_once(places[ids[number]])
        try:
            handle = os.open(temporary, _CREATE, 0o666 | (_EXECUTE if executable else 0))
            try:
                _write_all(handle, content)
            finally:
                os.close(handle)
            try:
                os.replace(temporary, path)  # noqa: PTH105 - a thousand times a second
            except PermissionError:
                replace(Path(temporary), Path(path))
        except OSError as cause:
            with suppress(OSError):
                Path(temporary).unlink()
            raise disk_full(cause, folder) or cause from cause
        copied.add(number)
    return copied


def _write_all(handle: int, content: bytes) -> None:
    written = os.write(handle, content)
    while written < len(content):
        written += os.write(handle, memoryview(content)[written:])


def whole_link(parts: Parts, object_id: bytes, recipe: Recipe) -> Path | None:
    """The linked file that is the object and nothing else, unchanged since it was linked."""
    # A chunk that was known before stays where it was, so not every one is in the linked file.
    some = [chunk for chunk, _ in islice(recipe, _SAMPLE)]
    found = parts.index.read(lambda connection: _linked_as(connection, object_id, some))
    if found is None:
        return None
    number, mtime_us = found
    path = parts.links.path(number)
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    if state.st_size != recipe.size:
        return None
    # Whoever changed it changed its date too; hashing it is for those dates only.
    if state.st_mtime_ns // 1000 != mtime_us and digest_of_file(path) != object_id.hex():
        return None
    return path


def _linked_as(
    connection: sqlite3.Connection, object_id: bytes, some: list[bytes]
) -> tuple[int, int] | None:
    """Number and time of a linked file that is an object with some of these chunks."""
    places = located(connection, some)
    numbers = sorted({-place.source for place in places.values() if place.source < 0})
    row = connection.execute(
        f"SELECT id, mtime_ns FROM links WHERE id IN ({marks(numbers)}) AND object = ?",  # noqa: S608
        [*numbers, object_id],
    ).fetchone()
    if row is not None:
        return row[0], row[1] // 1000
    whole = wholes.find(connection, [object_id]).get(object_id)
    return None if whole is None else (whole.number, whole.mtime_us)


def _written(
    parts: Parts,
    object_id: bytes,
    recipe: Recipe,
    target: Path,
    how: How,
    executable: bool | None,
) -> str:
    linked = whole_link(parts, object_id, recipe) if how != "copy" else None
    if linked is not None:
        executes = bool(linked.stat().st_mode & _OWNER_EXECUTES)
        wanted = executes if executable is None else executable
        if how in ("auto", "reflink") and _cloned(linked, target, wanted):
            return "reflink"
        if how in ("auto", "hardlink") and wanted == executes and hard_link(linked, target):
            return "hardlink"
    _copied(parts, object_id, recipe, target, bool(executable))
    return "copy"


def _clones(source: str, target: Path) -> bool:
    """Whether the filesystem clones files, tried beside where one is to be."""
    trial = target.with_name(f".mw-{os.urandom(8).hex()}")
    try:
        return _cloned(Path(source), trial, False)
    except OSError:
        return False
    finally:
        trial.unlink(missing_ok=True)


def _cloned(source: Path, target: Path, executable: bool) -> bool:
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made = _created(target, executable)
        try:
            if clone(handle, made):
                return True
        finally:
            os.close(made)
        target.unlink()
        return False
    finally:
        os.close(handle)


def _copied(parts: Parts, object_id: bytes, recipe: Recipe, target: Path, executable: bool) -> None:
    with open(_created(target, executable), "wb") as file:
        if not recipe.several:
            file.writelines(parts.reader.stream(recipe))
            return
        whole = blake3()
        for piece in parts.reader.stream(recipe):
            whole.update(piece)
            file.write(piece)
    if whole.digest() != object_id:
        raise damaged(object_id.hex(), parts.root)


def _created(path: Path, executable: bool) -> int:
    mode = 0o666 | (_EXECUTE if executable else 0)
    return os.open(path, _CREATE, mode)
