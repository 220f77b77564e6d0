"""What storage is cared for with: packs in and out, verification, repair, removal.

Whoever calls these decides what is to be kept; nothing here knows why an object is wanted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects.adding import relink
from millwright.kernel.objects.appending import Appending, add_chunks
from millwright.kernel.objects.index import Location
from millwright.kernel.objects.linked import remove
from millwright.kernel.objects.pack_format import (
    Entry,
    Kind,
    decoded,
    headers,
    parse_recipe,
    read_footer,
    whole_records,
)
from millwright.kernel.objects.packs import Pack
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import missing, verified
from millwright.kernel.objects.recipe import Recipe


@dataclass(frozen=True, slots=True)
class RawChunk:
    """A chunk as it is written: ``payload`` is encoded with ``codec`` and decodes to ``size``."""

    id: bytes
    codec: int
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """A chunk whose bytes are not what was stored, the file they are in, and what needs it."""

    chunk: str
    path: Path
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Orphans:
    """Files that no row refers to: left by writers that were killed, or in use by others now."""

    links: tuple[Path, ...]
    packs: tuple[Path, ...]
    temporary: tuple[Path, ...]


def read_raw(parts: Parts, chunk: bytes) -> RawChunk:
    """A chunk as it is written, its digest verified."""
    location = parts.reader.locate([chunk])[chunk]
    payload = parts.reader.raw(location)
    try:
        verified(location, payload)
    except ValueError:
        content = parts.reader.chunk(location)
        return RawChunk(chunk, 0, len(content), content)
    return RawChunk(chunk, location.codec, location.size, payload)


def entries(path: Path) -> list[Entry]:
    """The records of a pack: from its footer, or from its headers where it is not sealed."""
    content = path.read_bytes()
    found = read_footer(content)
    return list(headers(content)) if found is None else found


def adopt_pack(parts: Parts, path: Path) -> list[bytes]:
    """Make a pack that came from elsewhere one of this store; the chunks that it brought.

    The file is moved. Every record is verified.

    Raises:
        Corrupt: it is no whole pack.
    """
    with path.open("rb") as file:
        content = file.read()
        listed = read_footer(content)
        verified_entries = list(whole_records(content))
        if listed is None or len(listed) != len(verified_entries):
            raise Corrupt(
                "objects.pack",
                f"The pack {path.name} is not whole.",
                hint="Fetch it again.",
                value=str(path),
            )
        os.fsync(file.fileno())
    name = os.urandom(16).hex()
    target = parts.packs.path(name)
    path.replace(target)
    _enter(parts, name, content, verified_entries, sealed=True)
    return [entry.id for entry in verified_entries if entry.kind == Kind.CHUNK]


def _enter(parts: Parts, name: str, content: bytes, found: list[Entry], *, sealed: bool) -> None:
    now = int(time.time())
    recipes = [
        parse_recipe(decoded(entry, content[entry.offset : entry.offset + entry.stored]))
        for entry in found
        if entry.kind == Kind.RECIPE
    ]
    end = len(content) if sealed or not found else found[-1].offset + found[-1].stored
    with parts.index.write() as connection:
        connection.execute("DELETE FROM packs WHERE name = ?", (name,))
        pack = connection.execute(
            "INSERT INTO packs(name, size, sealed) VALUES(?, ?, ?)", (name, end, sealed)
        ).lastrowid
        add_chunks(
            connection,
            [
                (entry.id, int(pack or 0), entry.offset, entry.stored, entry.size, entry.codec, now)
                for entry in found
                if entry.kind == Kind.CHUNK
            ],
        )
        for object_id, recipe in recipes:
            connection.execute(
                "INSERT OR IGNORE INTO objects(id, size, added, recipe) VALUES(?, ?, ?, ?)",
                (object_id, recipe.size, now, recipe.encoded()),
            )


def add_recipe(parts: Parts, object_id: bytes, recipe: Recipe) -> None:
    """Make an object known whose chunks may be elsewhere."""
    now = int(time.time())
    with parts.index.write() as connection:
        if len(recipe.chunks) > 1:
            connection.execute(
                "INSERT OR IGNORE INTO objects(id, size, added, recipe) VALUES(?, ?, ?, ?)",
                (object_id, recipe.size, now, recipe.encoded()),
            )
        connection.executemany(
            "INSERT OR IGNORE INTO chunks VALUES(?, 0, 0, 0, ?, 0, ?)",
            [(chunk, size, now) for chunk, size in recipe.chunks],
        )


def forget(
    parts: Parts, objects: Iterable[bytes] = (), chunks: Iterable[bytes] = (), *, away: bool = False
) -> None:
    """Drop objects and chunks from the index; the bytes stay until packs are rewritten.

    ``away`` keeps chunks known, as bytes that are on a remote only. Linked files that no chunk
    refers to any more are removed.
    """
    gone = list(chunks)
    with parts.index.write() as connection:
        connection.executemany("DELETE FROM objects WHERE id = ?", [(name,) for name in objects])
        change = "UPDATE chunks SET source = 0 WHERE id = ?" if away else _DELETE_CHUNK
        connection.executemany(change, [(chunk,) for chunk in gone])
        unused = [
            int(row[0])
            for row in connection.execute(
                "SELECT id FROM links WHERE -id NOT IN (SELECT source FROM chunks WHERE source < 0)"
            )
        ]
        connection.executemany("DELETE FROM links WHERE id = ?", [(number,) for number in unused])
    parts.reader.forget_files(-number for number in unused)
    for number in unused:
        parts.links.drop(number)


_DELETE_CHUNK = "DELETE FROM chunks WHERE id = ?"


def rewrite_pack(parts: Parts, pack: Pack, keep: Callable[[bytes], bool]) -> int:
    """Copy the records that are kept to another pack and remove this one; bytes freed.

    ``keep`` is asked for the digest of each chunk and each object with a recipe. A pack that
    somebody appends to is left alone. Damaged records are not copied.
    """
    with parts.packs.removing(pack) as held:
        if not held:
            return 0
        with pack.path.open("rb") as file:
            content = file.read()
        before, found = len(content), read_footer(content) or list(headers(content, pack.size))
        here = parts.index.locate(entry.id for entry in found)
        with Appending(parts.packs, parts.index, moving=pack.id) as out:
            for entry in found:
                payload = content[entry.offset : entry.offset + entry.stored]
                try:
                    kept = decoded(entry, payload)
                except ValueError:
                    continue
                if entry.kind == Kind.RECIPE:
                    object_id, recipe = parse_recipe(kept)
                    if keep(object_id):
                        out.recipe(object_id, recipe)
                elif keep(entry.id) and here.get(entry.id, _NOWHERE).source == pack.id:
                    out.chunk(entry.id, kept)
        after = sum(entry.stored for entry in found if keep(entry.id))
        parts.reader.forget_files([pack.id])
        with parts.index.write() as connection:
            connection.execute("DELETE FROM chunks WHERE source = ?", (pack.id,))
            connection.execute("DELETE FROM packs WHERE id = ?", (pack.id,))
        pack.path.unlink()
    return before - after


_NOWHERE = Location(b"", 0, 0, 0, 0, 0)


def verify(parts: Parts, on_progress: Callable[[int, int], None] | None = None) -> Iterator[Damage]:
    """Read every chunk again, in the order they lie on disk, and say which are damaged."""
    rows = parts.index.rows(
        "SELECT id, source, offset, stored, size, codec FROM chunks WHERE source != 0"
        " ORDER BY source, offset"
    )
    total = sum(int(row[3]) for row in rows)
    done, bad = 0, []
    for row in rows:
        location = Location(*row)
        try:
            verified(location, parts.reader.raw(location))
        except (OSError, ValueError):
            bad.append(location)
        done += location.stored
        if on_progress is not None:
            on_progress(done, total)
    needed = users(parts, {location.id for location in bad}) if bad else {}
    _quarantine(parts, [location.id for location in bad])
    for location in bad:
        objects = tuple(sorted(name.hex() for name in needed.get(location.id, ())))
        yield Damage(location.id.hex(), parts.place(location.source), objects)


def users(parts: Parts, chunks: Collection[bytes]) -> dict[bytes, set[bytes]]:
    """Which objects consist of these chunks, among others."""
    found: dict[bytes, set[bytes]] = {chunk: {chunk} for chunk in chunks}
    for object_id, recipe in objects(parts):
        for chunk, _ in recipe.chunks:
            if chunk in found:
                found[chunk].add(object_id)
                found[chunk].discard(chunk)
    return found


def objects(parts: Parts) -> Iterator[tuple[bytes, Recipe]]:
    """All objects of several chunks, with their recipes."""
    for (object_id,) in parts.index.rows("SELECT id FROM objects"):
        recipe = parts.index.recipe(object_id)
        if recipe is not None:
            yield object_id, recipe


def chunks(parts: Parts, before: float | None) -> Iterator[Location]:
    """All chunks, or those added before a moment."""
    columns = "SELECT id, source, offset, stored, size, codec FROM chunks"
    rows = (
        parts.index.rows(columns)
        if before is None
        else parts.index.rows(f"{columns} WHERE added < ?", (before,))
    )
    for row in rows:
        yield Location(*row)


def replace_chunk(parts: Parts, chunk: bytes, content: bytes) -> None:
    """Put a good copy of a chunk in place of a damaged one.

    Raises:
        Corrupt: the bytes given are not those of the chunk.
    """
    from blake3 import blake3

    if blake3(content).digest() != chunk:
        raise Corrupt(
            "objects.not_the_chunk",
            f"The bytes given are not those of chunk {chunk.hex()[:12]}.",
            hint="Repair from another copy.",
            value=chunk.hex(),
        )
    if chunk not in parts.index.locate([chunk]):
        raise missing(chunk.hex())
    with parts.index.write() as connection:
        connection.execute("UPDATE chunks SET source = 0 WHERE id = ?", (chunk,))
        connection.execute("DELETE FROM damaged WHERE id = ?", (chunk,))
    with Appending(parts.packs, parts.index) as out:
        out.chunk(chunk, content)


def damaged_chunks(parts: Parts) -> set[bytes]:
    """The chunks that ``verify`` found damaged and nobody replaced."""
    return {row[0] for row in parts.index.rows("SELECT id FROM damaged")}


def _quarantine(parts: Parts, chunks: list[bytes]) -> None:
    now = int(time.time())
    with parts.index.write() as connection:
        connection.execute("DELETE FROM damaged")
        connection.executemany(
            "INSERT INTO damaged VALUES(?, ?)", [(chunk, now) for chunk in dict.fromkeys(chunks)]
        )


def orphans(parts: Parts) -> Orphans:
    """Files in the store that no row refers to."""
    numbers = {int(row[0]) for row in parts.index.rows("SELECT id FROM links")}
    known = {parts.links.path(number) for number in numbers}
    links = [path for path in parts.links.folder.glob("*/*") if path not in known]
    named = {pack.path for pack in parts.packs.all()}
    packs = [path for path in parts.packs.folder.glob("*.pack") if path not in named]
    temporary = list(parts.root.glob("cache/.mw-*"))
    return Orphans(tuple(sorted(links)), tuple(sorted(packs)), tuple(sorted(temporary)))


def reclaim(parts: Parts, found: Orphans, *, before: float) -> int:
    """Remove orphans whose last change is older than a moment (Unix time); bytes freed."""
    freed = 0
    for path in (*found.links, *found.packs, *found.temporary):
        try:
            state = path.lstat()
        except FileNotFoundError:
            continue
        if state.st_ctime < before:
            remove(path, keep_protected=False)
            freed += state.st_size if state.st_nlink == 1 else 0
    return freed


def rebuild(parts: Parts, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Make the index again from packs and linked files; every byte is verified on the way.

    A torn pack gives its records up to the last whole one.
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
            content = path.read_bytes()
            found = list(whole_records(content))
            listed = read_footer(content)
            sealed = listed is not None and len(listed) == len(found)
            _enter(parts, path.stem, content, found, sealed=sealed)
        else:
            relink(parts, path)
        done += path.stat().st_size
        if on_progress is not None:
            on_progress(done, total)
