"""Writing stored objects out as files: cloned, linked or copied, whichever is asked and possible."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import InvalidInput, disk_full
from millwright.kernel.objects import wholes
from millwright.kernel.objects.digests import digest_of_file
from millwright.kernel.objects.index import ELSEWHERE, located, marks
from millwright.kernel.objects.linked import State, hard_link, replace
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import damaged
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.objects.whole_files import (
    OWNER_EXECUTES,
    How,
    Wanted,
    cloned,
    created,
    whole_files_out,
)

_WAYS = ("auto", "reflink", "hardlink", "copy")
_AT_ONCE = 20_000
_SAMPLE = 100


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
) -> dict[str | Path, State]:
    """As ``restore`` for many. Files that are linked whole are cloned or linked in a few calls each.

    What those are now is returned by path, since it was looked at anyway.
    """
    rest = iter(wanted)
    whole: dict[str | Path, State] = {}
    while batch := list(islice(rest, _AT_ONCE)):
        if how != "copy":
            states = whole_files_out(parts, batch, how)
            whole.update(states)
            batch = [one for one in batch if one[1] not in states]
        done = _copied_out(parts, batch) if batch else set()
        for number, (object_id, path, executable) in enumerate(batch):
            if number not in done:
                restore(parts, object_id, Path(path), how=how, executable=executable)
    return whole


def _copied_out(parts: Parts, batch: Sequence[Wanted]) -> set[int]:
    """Copy out those of one chunk, in the order they lie on disk; which were."""
    ids = [object_id for object_id, _, _ in batch]
    places = parts.index.locate(ids)
    todo = []
    for number, object_id in enumerate(ids):
        place = places.get(object_id)
        if place is not None and place.source != ELSEWHERE:
            todo.append((place.source, place.offset, number))
    mark, copied = os.urandom(6).hex(), set()
    for _, _, number in sorted(todo):
        _, path, executable = batch[number]
        folder, _, _ = str(path).rpartition("/")
        temporary = f"{folder or '.'}/.mw-{mark}-{number:x}"
        content = parts.reader.chunk_once(places[ids[number]])
        try:
            handle = created(temporary, executable)
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
        executes = bool(linked.stat().st_mode & OWNER_EXECUTES)
        wanted = executes if executable is None else executable
        if how in ("auto", "reflink") and cloned(linked, target, wanted):
            return "reflink"
        if how in ("auto", "hardlink") and wanted == executes and hard_link(linked, target):
            return "hardlink"
    _copied(parts, object_id, recipe, target, bool(executable))
    return "copy"


def _copied(parts: Parts, object_id: bytes, recipe: Recipe, target: Path, executable: bool) -> None:
    with os.fdopen(created(target, executable), "wb") as file:
        if not recipe.several:
            file.writelines(parts.reader.stream(recipe))
            return
        whole = blake3()
        for piece in parts.reader.stream(recipe):
            whole.update(piece)
            file.write(piece)
    if whole.digest() != object_id:
        raise damaged(object_id.hex(), parts.root)
