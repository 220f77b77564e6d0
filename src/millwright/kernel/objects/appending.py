"""Chunks into packs: flushed first, then entered in the index, a pack at a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import NamedTuple

from blake3 import blake3

from millwright.kernel.objects import wholes
from millwright.kernel.objects.index import Index, present
from millwright.kernel.objects.pack_format import Kind, recipe_content
from millwright.kernel.objects.packs import OpenPack, PackShelf
from millwright.kernel.objects.recipe import Recipe

ChunkRow = tuple[bytes, int, int, int, int, int, int]
_AT_ONCE = 10_000

_ADD_CHUNK = """
INSERT INTO chunks(id, source, offset, stored, size, codec, added) VALUES(?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(id) DO UPDATE SET source = excluded.source, offset = excluded.offset,
  stored = excluded.stored, codec = excluded.codec, added = excluded.added WHERE source = 0
"""
_ADD_OBJECT = """
INSERT INTO objects(id, size, added, recipe, source, offset, stored) VALUES(?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(id) DO UPDATE SET added = excluded.added, recipe = excluded.recipe,
  source = excluded.source, offset = excluded.offset, stored = excluded.stored
"""
"""What is added again replaces the list of its chunks: that of before may be damaged."""
_MOVE_OBJECT = "UPDATE objects SET source = ?, offset = ?, stored = ? WHERE id = ? AND source = ?"
_MOVE_CHUNK = """
UPDATE chunks SET source = ?, offset = ?, stored = ?, size = ?, codec = ?
WHERE id = ? AND source = ?
"""


class NewObject(NamedTuple):
    """An object of several chunks, and where in a pack its recipe is, if it is in one."""

    id: bytes
    recipe: Recipe
    source: int = 0
    offset: int = 0
    stored: int = 0


class Vanished(Exception):
    """Garbage collection took a chunk that was about to be referred to; add it once more."""


class Appending:
    """Adds chunks and recipes; nothing is visible before the block ends without an error.

    What fills a pack is committed with it, so that memory stays bounded; chunks of an object that
    was not finished are garbage, and collected as such.
    """

    def __init__(self, packs: PackShelf, index: Index, *, moving: int | None = None) -> None:
        self._packs, self._index = packs, index
        self._moving = moving
        self._stack = ExitStack()
        self._pack: OpenPack | None = None
        self._rows: list[ChunkRow] = []
        self._new: set[bytes] = set()
        self._objects: list[NewObject] = []

    def __enter__(self) -> Appending:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._commit()
        except BaseException as failed:
            self._stack.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._stack.__exit__(kind, error, trace)

    def chunk(self, chunk: bytes, content: bytes | memoryview) -> None:
        """Add a chunk, once."""
        if chunk in self._new:
            return
        self._new.add(chunk)
        pack = self._room(len(content))
        entry = pack.append(chunk, content)
        self._rows.append(
            (chunk, pack.id, entry.offset, entry.stored, entry.size, entry.codec, int(time.time()))
        )

    def recipe(self, object_id: bytes, recipe: Recipe) -> None:
        """Add an object of several chunks, each added here or present before."""
        content = recipe_content(object_id, recipe.encoded())
        pack = self._room(len(content))
        entry = pack.append(blake3(content).digest(), content, Kind.RECIPE)
        self._objects.append(NewObject(object_id, recipe, pack.id, entry.offset, entry.stored))

    def _room(self, size: int) -> OpenPack:
        if self._pack is not None and not self._pack.fits(size):
            self._pack.seal()
            self._commit()
            self._stack.close()
            self._pack = None
        if self._pack is None:
            self._pack = self._stack.enter_context(self._packs.writing())
            if not self._pack.fits(size):
                return self._room(size)
        return self._pack

    def _commit(self) -> None:
        pack = self._pack
        if pack is None:
            return
        if not pack.sealed:
            pack.flush()
        with self._index.write() as connection:
            if self._moving is None:
                add_chunks(connection, self._rows)
                add_objects(connection, self._objects, int(time.time()))
            else:
                wholes.take_out(connection, (row[0] for row in self._rows))
                connection.executemany(
                    _MOVE_CHUNK, [(*row[1:6], row[0], self._moving) for row in self._rows]
                )
                connection.executemany(
                    _MOVE_OBJECT,
                    [
                        (new.source, new.offset, new.stored, new.id, self._moving)
                        for new in self._objects
                    ],
                )
            connection.execute(
                "UPDATE packs SET size = ?, sealed = ? WHERE id = ?",
                (pack.size, pack.sealed, pack.id),
            )
        pack.commit()
        # What is in the index now is found there by those who ask before they add.
        self._new.clear()
        self._rows.clear()
        self._objects.clear()


def add_chunks(connection: sqlite3.Connection, rows: Iterable[ChunkRow]) -> None:
    """Enter chunks that are durable; known ones stay where they are."""
    every = iter(rows)
    while batch := list(islice(every, _AT_ONCE)):
        small = [row[0] for row in batch if row[4] <= wholes.LARGEST]
        known = wholes.numbers_of(connection, small) if small else {}
        connection.executemany(_ADD_CHUNK, [row for row in batch if row[0] not in known])


def add_objects(connection: sqlite3.Connection, objects: list[NewObject], now: int) -> None:
    """Enter recipes, in the transaction that sees whether their chunks are still there.

    Raises:
        Vanished: one is not.
    """
    for new in objects:
        pages = new.recipe.pages
        if len(present(connection, pages)) != len(set(pages)):
            raise Vanished
        needed = new.recipe.ids()
        while chunks := set(islice(needed, _AT_ONCE)):
            if len(present(connection, chunks)) != len(chunks):
                raise Vanished
        # A recipe that is in a pack is not kept twice.
        kept = None if new.source else new.recipe.encoded()
        row = (new.id, new.recipe.size, now, kept, new.source, new.offset, new.stored)
        connection.execute(_ADD_OBJECT, row)
