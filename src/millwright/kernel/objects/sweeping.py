"""Removing what nobody refers to, while others write.

Whatever was added or met again since a moment stays: its writer may be about to refer to it. That
is looked at in the transaction that removes the rest, so no writer can come in between; a writer
whose chunk is gone sees that in its own transaction, and adds it once more (``adding``).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Container
from dataclasses import dataclass
from itertools import chain

from millwright.kernel.objects import wholes
from millwright.kernel.objects.digest_set import DigestSet
from millwright.kernel.objects.index import batches, marks
from millwright.kernel.objects.parts import Parts


@dataclass(frozen=True, slots=True)
class Swept:
    """What is unreferenced and old enough: ids of objects and chunks, and the chunks' bytes."""

    objects: tuple[bytes, ...]
    chunks: tuple[bytes, ...]
    size: int
    before: float
    """They were added before this moment (Unix time)."""
    moment: int
    """When they were looked for, in whole seconds."""


def unreferenced(
    parts: Parts, live_objects: Container[bytes], live_chunks: Container[bytes], before: float
) -> Swept:
    """Objects and chunks that are not live and were added before a moment (Unix time)."""
    return parts.index.read(
        lambda connection: _found(parts, connection, live_objects, live_chunks, before)
    )


def sweep(
    parts: Parts, found: Swept, live_objects: Container[bytes], live_chunks: Container[bytes]
) -> Swept:
    """Forget what was found unreferenced and is so still: neither live by now nor met again.

    Only what was found is looked at, so that those who wait for the end of it wait a short time.
    Linked files and bytes in packs stay: see ``removing``.
    """
    with parts.index.write() as connection:
        gone = _still(parts, connection, found, live_objects, live_chunks)
        connection.executemany(
            "DELETE FROM objects WHERE id = ?", [(name,) for name in gone.objects]
        )
        wholes.take_out(connection, gone.chunks)
        connection.executemany("DELETE FROM chunks WHERE id = ?", [(name,) for name in gone.chunks])
        if gone.objects or gone.chunks:
            connection.execute(
                "INSERT INTO sweeps(id, done) VALUES(1, 1)"
                " ON CONFLICT(id) DO UPDATE SET done = done + 1"
            )
    return gone


def _found(
    parts: Parts,
    connection: sqlite3.Connection,
    live_objects: Container[bytes],
    live_chunks: Container[bytes],
    before: float,
) -> Swept:
    moment = int(time.time())
    kept = _of_recent(parts, connection, before)
    old = connection.execute("SELECT id FROM objects WHERE added < ?", (before,))
    objects = [name for (name,) in old if name not in live_objects]
    chunks = chain(
        connection.execute("SELECT id, stored FROM chunks WHERE added < ?", (before,)),
        ((one.id, one.size) for one in wholes.every(connection) if one.added < before),
    )
    gone = [row for row in chunks if row[0] not in live_chunks and row[0] not in kept]
    size = sum(stored for _, stored in gone)
    return Swept(tuple(objects), tuple(name for name, _ in gone), size, before, moment)


def _still(
    parts: Parts,
    connection: sqlite3.Connection,
    found: Swept,
    live_objects: Container[bytes],
    live_chunks: Container[bytes],
) -> Swept:
    before = found.before
    kept = _of_recent(parts, connection, max(before, found.moment))
    objects: list[bytes] = []
    for batch in batches(one for one in found.objects if one not in live_objects):
        query = f"SELECT id FROM objects WHERE added < ? AND id IN ({marks(batch)})"  # noqa: S608
        objects += [row[0] for row in connection.execute(query, (before, *batch))]
    chunks: list[bytes] = []
    size = 0
    for batch in batches(one for one in found.chunks if one not in live_chunks and one not in kept):
        query = f"SELECT id, stored FROM chunks WHERE added < ? AND id IN ({marks(batch)})"  # noqa: S608
        rows = connection.execute(query, (before, *batch)).fetchall()
        linked = wholes.find(connection, batch).values()
        rows += [(one.id, one.size) for one in linked if one.added < before]
        chunks += [name for name, _ in rows]
        size += sum(stored for _, stored in rows)
    return Swept(tuple(objects), tuple(chunks), size, before, found.moment)


def _of_recent(parts: Parts, connection: sqlite3.Connection, since: float) -> DigestSet:
    """The chunks of objects that were added or met again since a moment."""
    kept = DigestSet()
    rows = connection.execute("SELECT id FROM objects WHERE added >= ?", (since,)).fetchall()
    for (name,) in rows:
        for recipe in parts.recipes([name]).values():
            kept.update(recipe.ids())
    return kept
