"""Adding users' files by linking them into the store: committed together, or left as they were."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Conflict, Corrupt
from millwright.kernel.objects import listing, wholes
from millwright.kernel.objects.adding import again, put
from millwright.kernel.objects.appending import (
    Appending,
    ChunkRow,
    NewObject,
    Vanished,
    add_chunks,
    add_objects,
)
from millwright.kernel.objects.chunking import cut
from millwright.kernel.objects.digests import raw_digest
from millwright.kernel.objects.filesystem import set_immutable, sync_filesystem, sync_folder
from millwright.kernel.objects.index import present
from millwright.kernel.objects.link_shelf import Linked
from millwright.kernel.objects.linked import (
    State,
    protect,
    remove,
    state_of,
    uses_attribute,
)
from millwright.kernel.objects.parts import FRESH_SECONDS, Parts
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.objects.small_files import Kept, LinkRow, SmallFiles, Taken

Earlier = str | Recipe
"""An earlier version of a file: its digest, or its recipe."""

Cut = tuple[bytes, Recipe]
"""The digest of a file, and digest and size of each of its chunks in order."""

_AT_ONCE = 4096
_FEW = 8
"""Up to so many linked files are flushed one by one; beyond, the filesystem is at once."""


def link_many(
    parts: Parts,
    paths: Sequence[str | Path],
    earlier: Mapping[str, Earlier],
    *,
    shared: bool = False,
    cuts: Mapping[str, Cut] | None = None,
) -> list[Kept]:
    """Add files without a second copy where the filesystem has links; durable on return.

    A file most of whose bytes are stored already is left alone: its new chunks go into packs.
    ``earlier`` has earlier versions by path, for speed. ``shared`` files belong to
    another program's store, too: they keep no immutable attribute, and are linked unless all their
    bytes are stored already. ``cuts`` has what larger files were cut into when they were written.
    """
    try:
        return _Linking(parts, len(paths), shared=shared, cuts=cuts).all(paths, earlier)
    except Vanished:
        # Only the first time is an earlier version believed to be whole.
        return again(lambda: _Linking(parts, len(paths), shared=shared, cuts=cuts).all(paths, {}))


class _Linking:
    """Files being added by link, committed together."""

    def __init__(
        self, parts: Parts, count: int, *, shared: bool, cuts: Mapping[str, Cut] | None = None
    ) -> None:
        self._parts = parts
        self._cuts = cuts or {}
        self._shared = shared
        self._attribute = uses_attribute() and not shared
        self._one_by_one = count <= _FEW
        self._now = int(time.time())
        self._taken = Taken()
        self._links: list[LinkRow] = []
        """Those of files that may be several chunks."""
        self._recipes: dict[int, Recipe] = {}
        """Of the linked files that may be several chunks, by number."""
        self._known: list[bytes] = []

    def all(self, paths: Sequence[str | Path], earlier: Mapping[str, Earlier]) -> list[Kept]:
        links = self._parts.links
        links.start_at(listing.highest_link(self._parts) + 1)
        small = SmallFiles(links, self._taken, attribute=self._attribute, flush=self._one_by_one)
        try:
            with small:
                names = (os.fspath(path) for path in paths)
                small.link(names, lambda path: self._other(path, earlier.get(path)))
            self._drop_known()
            self._commit()
        except BaseException:
            for number in reversed(list(self._taken.undo)):
                self._take_back(number)
            raise
        self._parts.touch(self._known)
        return self._taken.kept

    def _other(self, path: str, earlier: Earlier | None) -> None:
        """A file that is larger, or that could not be linked as most can."""
        links = self._parts.links
        first = links.link(path)
        # Where two mounts are one filesystem, a file has no second name and may have a clone.
        linked = first or links.clone(path)
        if linked is None:
            self._taken.kept.append((put(self._parts, Path(path)), None))
            self._taken.numbers.append(0)
            return
        try:
            self._taken.undo[linked.number] = (stat.S_IMODE(linked.state.st_mode), False)
            object_id, now = self._large(linked, path, self._recipe(earlier))
            self._taken.kept.append((object_id, now if first else None))
            self._taken.numbers.append(linked.number)
        finally:
            linked.close()

    def _large(self, linked: Linked, path: str, known: Recipe | None) -> Kept:
        found = linked.state
        object_id, recipe = self._cuts.get(path) or self._cut(linked, known)
        # Whether the earlier version is still whole is looked at in the transaction.
        believed: set[bytes] = set()
        if known is not None and recipe.several:
            believed.update(known.pages or known.ids())
        new = sum(size for _, size, _ in self._not_here(recipe, believed))
        if not new if self._shared else 2 * new <= recipe.size:
            _unchanged(linked.handle, found, path)
            if object_id not in self._parts.whole([object_id]):
                self._append_new(linked, object_id, recipe, believed)
            self._known.append(object_id)
            self._take_back(linked.number)
            return object_id, None
        self._protect(linked, stat.S_IMODE(found.st_mode))
        now = _unchanged(linked.handle, found, path)
        self._links.append((linked.number, object_id, recipe.size, found.st_mtime_ns))
        self._recipes[linked.number] = recipe
        return object_id, now

    def _cut(self, linked: Linked, known: Recipe | None) -> Cut:
        os.lseek(linked.handle, 0, os.SEEK_SET)
        whole, listing = blake3(), self._parts.listing()
        for window in cut(lambda view: os.readv(linked.handle, [view]), whole, known):
            listing.add(window)
        return whole.digest(), listing.recipe()

    def _not_here(self, recipe: Recipe, believed: set[bytes]) -> Iterator[tuple[bytes, int, int]]:
        """Digest, size and offset of the chunks that are neither stored nor believed to be."""
        placed = recipe.placed(but=believed)
        while batch := list(islice(placed, _AT_ONCE)):
            others = {chunk for chunk, _, _ in batch if chunk not in believed}
            others -= self._parts.index.present(others)
            yield from (one for one in batch if one[0] in others)

    def _recipe(self, earlier: Earlier | None) -> Recipe | None:
        if earlier is None:
            return None
        if isinstance(earlier, Recipe):
            return earlier
        try:
            return self._parts.recipes([raw_digest(earlier)]).get(raw_digest(earlier))
        except Corrupt:
            return None

    def _append_new(
        self, linked: Linked, object_id: bytes, recipe: Recipe, believed: set[bytes]
    ) -> None:
        with Appending(self._parts.packs, self._parts.index) as out:
            for chunk, size, start in self._not_here(recipe, believed):
                data = os.pread(linked.handle, size, start)
                if blake3(data).digest() != chunk:
                    raise _changing(linked.path)
                out.chunk(chunk, data)
            if recipe.several:
                out.recipe(object_id, recipe)

    def _protect(self, linked: Linked, mode: int) -> None:
        if protect(linked.handle, mode, attribute=self._attribute):
            self._taken.undo[linked.number] = (mode, True)
        if self._one_by_one:
            os.fsync(linked.handle)

    def _drop_known(self) -> None:
        """Of files that are stored already, or given twice, one link is enough."""
        links = [*self._links, *self._taken.rows]
        ids = [row[1] for row in links]
        here = self._parts.index.present(ids)
        if not here and len(set(ids)) == len(ids):
            return
        dropped, first = [], dict[bytes, int]()
        for number, object_id, _, _ in links:
            if object_id in here:
                dropped.append(number)
                self._known.append(object_id)
                self._keep_protected(first.get(object_id), number)
            else:
                first[object_id] = number
                here.add(object_id)
        # Of a file that was given twice, the first link knows what it was.
        for number in reversed(dropped):
            self._take_back(number)
        if not dropped:
            return
        gone = set(dropped)
        self._links = [row for row in self._links if row[0] not in gone]
        self._taken.rows = [row for row in self._taken.rows if row[0] not in gone]
        self._recipes = {n: one for n, one in self._recipes.items() if n not in gone}
        for place, number in enumerate(self._taken.numbers):
            if number in gone:
                self._taken.kept[place] = (self._taken.kept[place][0], None)

    def _keep_protected(self, kept: int | None, number: int) -> None:
        """Where a link is another name of the file that is kept, taking it back changes nothing else."""
        links = self._parts.links
        if kept is not None and links.path(kept).samefile(links.path(number)):
            mode = stat.S_IMODE(links.path(number).stat().st_mode)
            self._taken.undo[number] = (mode, False)

    def _take_back(self, number: int) -> None:
        """Undo what was done to a file: its second name, and its protection."""
        mode, set_by_us = self._taken.undo.pop(number)
        path = self._parts.links.path(number)
        if not path.exists():
            return
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if set_by_us:
                set_immutable(handle, False)
            if stat.S_IMODE(os.fstat(handle).st_mode) != mode:
                os.fchmod(handle, mode)
        finally:
            os.close(handle)
        remove(path)

    def _commit(self) -> None:
        if not self._taken.undo:
            return
        if self._one_by_one:
            folders = {self._parts.links.path(number).parent for number in self._taken.undo}
            for folder in (*folders, self._parts.links.folder):
                sync_folder(folder)
        else:
            handle = os.open(self._parts.links.folder, os.O_RDONLY)
            try:
                sync_filesystem(handle)
            finally:
                os.close(handle)
        with self._parts.index.write() as connection:
            if time.time() - self._now > FRESH_SECONDS and not self._still_linked():
                raise Vanished
            self._enter(connection)
        self._taken.undo.clear()

    def _enter(self, connection: sqlite3.Connection) -> None:
        small, now = self._taken.rows, self._now
        if wholes.belong_together(connection, len(small)):
            # Another writer may have been first.
            known = present(connection, [row[1] for row in small])
            fresh = [row for row in small if row[1] not in known]
            wholes.add(
                connection,
                [(name, number, size, ns // 1000, now) for number, name, size, ns in fresh],
            )
            small = [row for row in small if row[1] in known]
        connection.executemany(
            "INSERT INTO links(id, object, size, mtime_ns) VALUES(?, ?, ?, ?)",
            [*self._links, *small],
        )
        add_chunks(
            connection, [(name, -number, 0, size, size, 0, now) for number, name, size, _ in small]
        )
        for number, object_id, _, _ in self._links:
            recipe = self._recipes[number]
            add_chunks(connection, _rows(recipe, -number, now))
            if recipe.several:
                add_objects(connection, [NewObject(object_id, recipe)], now)
        if small:
            wholes.put_together(connection)

    def _still_linked(self) -> bool:
        """Whether garbage collection did not take the links for those of a killed writer."""
        return all(self._parts.links.path(number).exists() for number in self._taken.undo)


def _rows(recipe: Recipe, source: int, now: int) -> Iterator[ChunkRow]:
    for chunk, size, start in recipe.placed():
        yield chunk, source, start, size, size, 0, now


def _unchanged(handle: int, before: os.stat_result, path: str | Path) -> State:
    now = os.fstat(handle)
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _changing(path)
    return state_of(now)


def _changing(path: str | Path) -> Conflict:
    return Conflict(
        "objects.changing",
        f"The file changed while it was being added: {path}.",
        hint="Add it again when nothing writes to it.",
        value=str(path),
    )
