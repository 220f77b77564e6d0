"""Packs and files that are there and not in the index yet: entered after every byte is verified."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import wholes
from millwright.kernel.objects.appending import NewObject, add_chunks, add_objects
from millwright.kernel.objects.chunking import cut
from millwright.kernel.objects.filesystem import sync_folder
from millwright.kernel.objects.index import present
from millwright.kernel.objects.pack_format import (
    Content,
    Entry,
    Kind,
    decoded,
    mapped,
    parse_recipe,
    read_footer,
    whole_records,
)
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.recipe import Recipe

_ADD_KNOWN = """
INSERT INTO objects(id, size, added, recipe, source, offset, stored) VALUES(?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(id) DO UPDATE SET recipe = excluded.recipe, source = excluded.source,
  offset = excluded.offset, stored = excluded.stored WHERE excluded.source != 0
"""


def adopt_pack(parts: Parts, path: Path) -> list[bytes]:
    """Make a pack that came from elsewhere one of this store; the chunks that it brought.

    The file is moved. Every record is verified. Recipes in it become known, even if chunks of them
    are not here.

    Raises:
        Corrupt: it is no whole pack.
    """
    with path.open("r+b") as file, mapped(file.fileno()) as content:
        found, listed = list(whole_records(content)), read_footer(content)
        if listed != found:
            raise Corrupt(
                "objects.pack",
                f"The pack {path.name} is not whole.",
                hint="Fetch it again.",
                value=str(path),
            )
        os.fsync(file.fileno())
        name = os.urandom(16).hex()
        path.replace(parts.packs.path(name))
        sync_folder(parts.packs.folder)
        _enter(parts, name, content, found, sealed=True)
    return [entry.id for entry in found if entry.kind == Kind.CHUNK]


def add_recipe(parts: Parts, object_id: bytes, recipe: Recipe) -> None:
    """Make an object known whose chunks may be on a remote only."""
    now = int(time.time())
    with parts.index.write() as connection:
        if recipe.several:
            row = (object_id, recipe.size, now, recipe.encoded(), 0, 0, 0)
            connection.execute(_ADD_KNOWN.replace("WHERE excluded.source != 0", ""), row)
        for batch in recipe.batches():
            here = present(connection, (chunk for chunk, _ in batch))
            connection.executemany(
                "INSERT OR IGNORE INTO chunks VALUES(?, 0, 0, 0, ?, 0, ?)",
                [(chunk, size, now) for chunk, size in batch if chunk not in here],
            )


def rebuild(parts: Parts, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Make the index again from packs and linked files; every byte is verified on the way.

    A torn pack gives its records up to the last whole one. What the index knew to be on a remote
    only is not known afterwards. Nobody else may use the store meanwhile.
    """
    packs = sorted(parts.packs.folder.glob("*.pack"))
    links = sorted(parts.links.folder.glob("*/*"))
    total = sum(path.stat().st_size for path in (*packs, *links))
    done = 0
    parts.close()
    for suffix in ("", "-wal", "-shm"):
        parts.index.path.with_name(parts.index.path.name + suffix).unlink(missing_ok=True)
    for path in (*packs, *links):
        if path.suffix == ".pack":
            with path.open("rb") as file, mapped(file.fileno()) as content:
                found = list(whole_records(content))
                sealed = read_footer(content) == found
                _enter(parts, path.stem, content, found, sealed=sealed)
        else:
            relink(parts, path)
        done += path.stat().st_size
        if on_progress is not None:
            on_progress(done, total)
    with parts.index.write() as connection:
        wholes.put_together(connection)


def relink(parts: Parts, path: Path) -> bytes:
    """Enter a file that is among the linked ones already, under the number that its name says."""
    number = parts.links.number(path)
    whole, listing = blake3(), parts.listing()
    with path.open("rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        for window in cut(lambda view: int(file.readinto(view) or 0), whole):
            listing.add(window)
    object_id, recipe = whole.digest(), listing.recipe()
    if not recipe.size:
        recipe = Recipe.of([(object_id, 0)])
    now = int(time.time())
    with parts.index.write() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO links(id, object, size, mtime_ns) VALUES(?, ?, ?, ?)",
            (number, object_id, recipe.size, found.st_mtime_ns),
        )
        add_chunks(
            connection,
            ((chunk, -number, start, size, size, 0, now) for chunk, size, start in recipe.placed()),
        )
        if recipe.several:
            add_objects(connection, [NewObject(object_id, recipe)], now)
    return object_id


def _enter(parts: Parts, name: str, content: Content, found: list[Entry], *, sealed: bool) -> None:
    now = int(time.time())
    recipes = []
    for entry in found:
        if entry.kind == Kind.RECIPE:
            payload = content[entry.offset : entry.offset + entry.stored]
            object_id, encoded = parse_recipe(decoded(entry, payload))
            recipes.append((entry, object_id, Recipe.decoded(encoded).size))
    end = len(content) if sealed or not found else found[-1].offset + found[-1].stored
    with parts.index.write() as connection:
        pack = connection.execute(
            "INSERT INTO packs(name, size, sealed) VALUES(?, ?, ?)", (name, end, sealed)
        ).lastrowid
        add_chunks(
            connection,
            [
                (entry.id, pack or 0, entry.offset, entry.stored, entry.size, entry.codec, now)
                for entry in found
                if entry.kind == Kind.CHUNK
            ],
        )
        connection.executemany(
            _ADD_KNOWN,
            [
                (object_id, size, now, None, pack, entry.offset, entry.stored)
                for entry, object_id, size in recipes
            ],
        )
