"""Removing what nobody refers to, while others write.

Whatever was added or met again since a moment stays: its writer may be about to refer to it. That
is looked at in the transaction that removes the rest, so no writer can come in between; a writer
whose chunk is gone sees that in its own transaction, and adds it once more (``adding``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container
from dataclasses import dataclass
from itertools import chain

from millwright.kernel.objects import wholes
from millwright.kernel.objects.digest_set import DigestSet
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.removing import release_links

_WORTH_MOVING = 0.5
"""Up to this share of a linked file is copied to be rid of the rest."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What is unreferenced and old enough: ids of objects and chunks, and the chunks' bytes."""

    objects: tuple[bytes, ...]
    chunks: tuple[bytes, ...]
    size: int


def unreferenced(
    parts: Parts, live_objects: Container[bytes], live_chunks: Container[bytes], before: float
) -> Swept:
    """What ``sweep`` would remove now."""
    return parts.index.read(
        lambda connection: _found(parts, connection, live_objects, live_chunks, before)
    )


def sweep(
    parts: Parts, live_objects: Container[bytes], live_chunks: Container[bytes], before: float
) -> Swept:
    """Forget objects and chunks that are not live and were added before a moment (Unix time).

    Linked files of which little is needed any more are removed; bytes in packs stay until the
    packs are rewritten.
    """
    with parts.index.write() as connection:
        found = _found(parts, connection, live_objects, live_chunks, before)
        connection.executemany(
            "DELETE FROM objects WHERE id = ?", [(name,) for name in found.objects]
        )
        wholes.take_out(connection, found.chunks)
        connection.executemany(
            "DELETE FROM chunks WHERE id = ?", [(name,) for name in found.chunks]
        )
    release_links(parts, most=_WORTH_MOVING)
    return found


def _found(
    parts: Parts,
    connection: sqlite3.Connection,
    live_objects: Container[bytes],
    live_chunks: Container[bytes],
    before: float,
) -> Swept:
    kept = DigestSet()
    fresh = connection.execute("SELECT id FROM objects WHERE added >= ?", (before,)).fetchall()
    for (name,) in fresh:
        for recipe in parts.recipes([name]).values():
            kept.update(recipe.ids())
    old = connection.execute("SELECT id FROM objects WHERE added < ?", (before,))
    objects = [name for (name,) in old if name not in live_objects]
    chunks = chain(
        connection.execute("SELECT id, stored FROM chunks WHERE added < ?", (before,)),
        ((one.id, one.size) for one in wholes.every(connection) if one.added < before),
    )
    gone = [row for row in chunks if row[0] not in live_chunks and row[0] not in kept]
    size = sum(stored for _, stored in gone)
    return Swept(tuple(objects), tuple(name for name, _ in gone), size)
