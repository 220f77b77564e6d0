"""Removing what nobody refers to, while others write.

Whatever was added or met again since a moment stays: its writer may be about to refer to it. That
is looked at in the transaction that removes the rest, so no writer can come in between; a writer
whose chunk is gone sees that in its own transaction, and adds it once more (``adding``).
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.removing import release_links

_WORTH_MOVING = 0.5
"""Up to this share of a linked file is copied to be rid of the rest."""

_Rows = Callable[[str, tuple[float, ...]], list[tuple[Any, ...]]]


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
    return _found(parts, parts.index.rows, live_objects, live_chunks, before)


def sweep(
    parts: Parts, live_objects: Container[bytes], live_chunks: Container[bytes], before: float
) -> Swept:
    """Forget objects and chunks that are not live and were added before a moment (Unix time).

    Linked files of which little is needed any more are removed; bytes in packs stay until the
    packs are rewritten.
    """
    with parts.index.write() as connection:

        def rows(statement: str, values: tuple[float, ...]) -> list[tuple[Any, ...]]:
            return connection.execute(statement, values).fetchall()

        found = _found(parts, rows, live_objects, live_chunks, before)
        connection.executemany(
            "DELETE FROM objects WHERE id = ?", [(name,) for name in found.objects]
        )
        connection.executemany(
            "DELETE FROM chunks WHERE id = ?", [(name,) for name in found.chunks]
        )
    release_links(parts, most=_WORTH_MOVING)
    return found


def _found(
    parts: Parts,
    rows: _Rows,
    live_objects: Container[bytes],
    live_chunks: Container[bytes],
    before: float,
) -> Swept:
    kept: set[bytes] = set()
    fresh = [row[0] for row in rows("SELECT id FROM objects WHERE added >= ?", (before,))]
    for recipe in parts.recipes(fresh).values():
        kept.update(chunk for chunk, _ in recipe.chunks)
    objects = [
        name
        for name, _ in rows("SELECT id, size FROM objects WHERE added < ?", (before,))
        if name not in live_objects
    ]
    chunks = [
        (name, stored)
        for name, stored in rows("SELECT id, stored FROM chunks WHERE added < ?", (before,))
        if name not in live_chunks and name not in kept
    ]
    size = sum(stored for _, stored in chunks)
    return Swept(tuple(objects), tuple(name for name, _ in chunks), size)
