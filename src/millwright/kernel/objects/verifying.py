"""Reading everything again: what is damaged, who needs it, and putting it right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import listing
from millwright.kernel.objects.adopting import relink
from millwright.kernel.objects.appending import Appending
from millwright.kernel.objects.digests import digest_of_file
from millwright.kernel.objects.index import ELSEWHERE, Location
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import missing, verified
from millwright.kernel.objects.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are not what was stored, the file they are in, and the objects that need them.

    ``kind`` is ``chunk``, which ``replace_chunk`` puts right, or ``recipe`` for the list of an
    object's chunks: ``chunk`` is then the object's digest. ``mend_recipe`` puts it right where the
    file is linked, adding the object again or ``add_recipe`` with a list from elsewhere does always.
    """

    chunk: str
    path: Path
    objects: tuple[str, ...]
    kind: str = "chunk"


def verify(parts: Parts, on_progress: Callable[[int, int], None] | None = None) -> Iterator[Damage]:
    """Read every chunk and recipe again, in the order they lie on disk; which are damaged."""
    total = listing.size_of_chunks(parts)
    done, bad = 0, []
    for place in listing.chunks(parts):
        if place.source == ELSEWHERE:
            continue
        if not _is_whole(parts, place):
            bad.append(place)
        done += place.stored
        if on_progress is not None:
            on_progress(done, total)
    _quarantine(parts, [place.id for place in bad])
    recipes = _damaged_recipes(parts)
    needed = _users(parts, {place.id for place in bad}) if bad else {}
    for place in bad:
        names = tuple(sorted(name.hex() for name in needed[place.id]))
        yield Damage(place.id.hex(), _path(parts, place.source), names)
    for object_id, source in recipes:
        name = object_id.hex()
        yield Damage(name, _path(parts, source), (name,), kind="recipe")


def replace_chunk(parts: Parts, chunk: bytes, content: bytes) -> None:
    """Put a good copy of a chunk in place of a damaged one.

    Raises:
        NotFound: the chunk is unknown.
        Corrupt: the bytes given are not those of the chunk.
    """
    if blake3(content).digest() != chunk:
        raise Corrupt(
            "objects.not_the_chunk",
            f"The bytes given are not those of chunk {chunk.hex()[:12]}.",
            hint="Repair from another copy.",
            value=chunk.hex(),
        )
    found = parts.index.locate([chunk])
    if chunk not in found:
        raise missing(chunk.hex())
    with Appending(parts.packs, parts.index, moving=found[chunk].source) as out:
        out.chunk(chunk, content)
    with parts.index.write() as connection:
        connection.execute("DELETE FROM damaged WHERE id = ?", (chunk,))


def damaged_chunks(parts: Parts) -> set[bytes]:
    """The chunks that ``verify`` found damaged and nobody replaced."""
    return {row[0] for row in parts.index.rows("SELECT id FROM damaged")}


def _is_whole(parts: Parts, place: Location) -> bool:
    try:
        verified(place, parts.reader.raw(place))
        return True
    except (OSError, ValueError):
        # It may have been moved or dropped by garbage collection since it was listed.
        parts.reader.forget_files([place.source])
        now = parts.index.locate([place.id]).get(place.id)
        if now is None or now.source == ELSEWHERE:
            return True
        try:
            verified(now, parts.reader.raw(now))
            return True
        except (OSError, ValueError):
            return False


def mend_recipe(parts: Parts, object_id: bytes) -> bool:
    """List an object's chunks anew from the linked file that it is; whether there is one."""
    rows = parts.index.rows("SELECT id FROM links WHERE object = ?", (object_id,))
    for (number,) in rows:
        path = parts.links.path(number)
        if path.is_file() and digest_of_file(path) == object_id.hex():
            relink(parts, path)
            return True
    return False


def _damaged_recipes(parts: Parts) -> list[tuple[bytes, int]]:
    found = []
    for object_id, source, size in parts.index.rows(
        "SELECT id, source, size FROM objects ORDER BY source"
    ):
        try:
            recipe = parts.recipes([object_id]).get(object_id)
        except Corrupt:
            found.append((object_id, source))
            continue
        # Recipes in packs are verified by their digests; one in the index is what fits together.
        if recipe is not None and not source and not _fits(parts, recipe, size):
            found.append((object_id, source))
    return found


def _fits(parts: Parts, recipe: Recipe, size: int) -> bool:
    if recipe.pages:
        # Pages are verified by their digests, as chunks are.
        return recipe.size == size
    for batch in recipe.batches():
        places = parts.index.locate(chunk for chunk, _ in batch)
        if not all(chunk in places and places[chunk].size == part for chunk, part in batch):
            return False
    return recipe.size == size


def _users(parts: Parts, chunks: set[bytes]) -> dict[bytes, set[bytes]]:
    found: dict[bytes, set[bytes]] = {chunk: set() for chunk in chunks}
    for (object_id,) in parts.index.rows("SELECT id FROM objects"):
        try:
            several = parts.recipes([object_id])
        except Corrupt:
            continue
        for recipe in several.values():
            try:
                for chunk in recipe.ids():
                    if chunk in found:
                        found[chunk].add(object_id)
            except Corrupt:
                # A page that is damaged was met before the chunks that it lists.
                continue
    return {chunk: names or {chunk} for chunk, names in found.items()}


def _path(parts: Parts, source: int) -> Path:
    try:
        return parts.place(source)
    except FileNotFoundError:
        return parts.root


def _quarantine(parts: Parts, chunks: list[bytes]) -> None:
    if set(chunks) == damaged_chunks(parts):
        return
    now = int(time.time())
    with parts.index.write() as connection:
        connection.execute("DELETE FROM damaged")
        connection.executemany(
            "INSERT INTO damaged VALUES(?, ?)", [(chunk, now) for chunk in chunks]
        )
