"""What there is: chunks, and objects of several chunks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter

from millwright.kernel.objects import wholes
from millwright.kernel.objects.index import Location
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.recipe import Recipe

_AT_ONCE = 100_000
_RECIPES_AT_ONCE = 64


def chunks(parts: Parts, before: float | None = None) -> Iterator[Location]:
    """All chunks, or those added before a moment (Unix time).

    So many at a time that memory stays bounded, those about as they lie on disk.
    """
    limit = float("inf") if before is None else before
    for whole in parts.index.read(wholes.every):
        if whole.added < limit:
            yield Location(whole.id, -whole.number, 0, whole.size, whole.size, 0)
    last = b""
    while rows := parts.index.rows(
        "SELECT id, source, offset, stored, size, codec FROM chunks"
        " WHERE id > ? AND added < ? ORDER BY id LIMIT ?",
        (last, limit, _AT_ONCE),
    ):
        last = rows[-1][0]
        for row in sorted(rows, key=itemgetter(1, 2)):
            yield Location(*row)


def size_of_chunks(parts: Parts) -> int:
    """Bytes of all chunks that are here, as stored."""
    (found,) = parts.index.rows("SELECT coalesce(sum(stored), 0) FROM chunks WHERE source != 0")
    wholes_size = parts.index.read(
        lambda connection: sum(whole.size for whole in wholes.every(connection))
    )
    return int(found[0]) + wholes_size


def links(parts: Parts) -> list[tuple[int, bytes]]:
    """The linked files: number, and digest of the object, by number."""

    def read(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
        rows = connection.execute("SELECT id, object FROM links").fetchall()
        return rows + [(whole.number, whole.id) for whole in wholes.every(connection)]

    return sorted(parts.index.read(read))


def highest_link(parts: Parts) -> int:
    """The highest number of a linked file; 0 where there is none."""

    def read(connection: sqlite3.Connection) -> int:
        (row,) = connection.execute("SELECT max(id) FROM links").fetchone()
        return max(row or 0, wholes.highest(connection))

    return parts.index.read(read)


def objects(parts: Parts) -> Iterator[tuple[bytes, Recipe]]:
    """All objects of several chunks, with their recipes; damaged recipes raise ``Corrupt``."""
    ids = (row[0] for row in parts.index.rows("SELECT id FROM objects"))
    while batch := list(islice(ids, _RECIPES_AT_ONCE)):
        yield from parts.recipes(batch).items()
