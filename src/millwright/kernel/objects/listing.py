"""What there is: chunks, and objects of several chunks."""

from __future__ import annotations

from collections.abc import Iterator

from millwright.kernel.objects.index import Location, batches
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.recipe import Recipe


def chunks(parts: Parts, before: float | None = None) -> Iterator[Location]:
    """All chunks as they lie on disk, or those added before a moment (Unix time)."""
    limit = float("inf") if before is None else before
    for row in parts.index.rows(
        "SELECT id, source, offset, stored, size, codec FROM chunks WHERE added < ?"
        " ORDER BY source, offset",
        (limit,),
    ):
        yield Location(*row)


def objects(parts: Parts) -> Iterator[tuple[bytes, Recipe]]:
    """All objects of several chunks, with their recipes; damaged recipes raise ``Corrupt``."""
    ids = [row[0] for row in parts.index.rows("SELECT id FROM objects")]
    for batch in batches(ids):
        yield from parts.recipes(batch).items()
