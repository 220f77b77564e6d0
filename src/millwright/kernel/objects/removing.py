"""Taking bytes away: what the index forgets, packs without what is not kept, files nobody knows.

Whoever calls these decides what is to be kept; nothing here knows why an object is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import listing, wholes
from millwright.kernel.objects.appending import Appending
from millwright.kernel.objects.index import Location
from millwright.kernel.objects.linked import remove
from millwright.kernel.objects.pack_format import (
    Entry,
    Kind,
    decoded,
    headers,
    parse_recipe,
    read_footer,
)
from millwright.kernel.objects.packs import Pack
from millwright.kernel.objects.parts import Parts

_RELEASED = """
SELECT id, size FROM links WHERE object NOT IN (SELECT id FROM objects)
AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.id = links.object AND source < 0)
"""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Files that no row refers to: left by writers that were killed, or in use by others now."""

    links: tuple[Path, ...]
    packs: tuple[Path, ...]
    temporary: tuple[Path, ...]


def forget(
    parts: Parts, objects: Iterable[bytes] = (), chunks: Iterable[bytes] = (), *, away: bool = False
) -> None:
    """Drop objects and chunks from the index; the bytes stay until packs are rewritten.

    ``away`` keeps chunks known, as bytes that are on a remote only. Linked files whose object is
    forgotten are removed; chunks in them that others need move to packs first.
    """
    change = (
        "UPDATE chunks SET source = 0 WHERE id = ?" if away else "DELETE FROM chunks WHERE id = ?"
    )
    gone = list(chunks)
    with parts.index.write() as connection:
        wholes.take_out(connection, gone)
        connection.executemany("DELETE FROM objects WHERE id = ?", [(name,) for name in objects])
        connection.executemany(change, [(chunk,) for chunk in gone])
    release_links(parts, most=1.0)


def release_links(parts: Parts, *, most: float) -> int:
    """Remove linked files whose object is forgotten; bytes freed, other names of the files apart.

    Chunks in them that others need move to packs. A file stays where that would be more than the
    share ``most`` of it.
    """
    released = parts.index.rows(_RELEASED)
    needed: dict[int, list[Location]] = {row[0]: [] for row in released}
    if needed:
        for place in listing.chunks(parts):
            if -place.source in needed:
                needed[-place.source].append(place)
    freed = 0
    for number, size in released:
        kept = needed[number]
        if sum(place.size for place in kept) > most * size:
            continue
        with Appending(parts.packs, parts.index, moving=-number) as out:
            for place in kept:
                # A damaged chunk is not moved, but forgotten with the file it was in.
                with suppress(Corrupt):
                    out.chunk(place.id, parts.reader.chunk_once(place))
        with parts.index.write() as connection:
            connection.execute("DELETE FROM chunks WHERE source = ?", (-number,))
            connection.execute("DELETE FROM links WHERE id = ?", (number,))
        parts.reader.forget_files([-number])
        freed += size if parts.links.drop(number) else 0
    return freed


def rewrite_pack(parts: Parts, pack: Pack) -> int:
    """Copy the records that the index knows to another pack and remove this one; bytes freed.

    What is known is asked once nobody can append to the pack: what was added a moment before is
    kept, too. A pack that somebody appends to is left alone. Damaged records are not copied.
    """
    with parts.packs.removing(pack) as size:
        if size is None:
            return 0
        content = pack.path.read_bytes()
        found = read_footer(content) or list(headers(content, size))
        copied = _copy(parts, pack, content, found)
        with parts.index.write() as connection:
            connection.execute("DELETE FROM chunks WHERE source = ?", (pack.id,))
            connection.execute("DELETE FROM objects WHERE source = ?", (pack.id,))
            connection.execute("DELETE FROM packs WHERE id = ?", (pack.id,))
        pack.path.unlink()
    parts.reader.forget_files([pack.id])
    return len(content) - copied


def _copy(parts: Parts, pack: Pack, content: bytes, found: list[Entry]) -> int:
    places = parts.index.locate(entry.id for entry in found if entry.kind == Kind.CHUNK)
    copied = 0
    with Appending(parts.packs, parts.index, moving=pack.id) as out:
        for entry in found:
            try:
                payload = decoded(entry, content[entry.offset : entry.offset + entry.stored])
            except ValueError:
                continue
            if entry.kind == Kind.RECIPE:
                object_id, encoded = parse_recipe(payload)
                if any(row.source == pack.id for row in parts.index.objects([object_id])):
                    out.recipe(object_id, parts.opened(encoded))
                    copied += entry.stored
            elif entry.id in places and places[entry.id].source == pack.id:
                out.chunk(entry.id, payload)
                copied += entry.stored
    return copied


def orphans(parts: Parts) -> Orphans:
    """Files in the store that no row refers to."""
    known = {parts.links.name(number) for number, _ in listing.links(parts)}
    links = [path for path in parts.links.folder.glob("*/*") if str(path) not in known]
    named = {pack.path for pack in parts.packs.all()}
    packs = [path for path in parts.packs.folder.glob("*.pack") if path not in named]
    temporary = list(parts.root.glob("cache/.mw-*"))
    return Orphans(tuple(sorted(links)), tuple(sorted(packs)), tuple(sorted(temporary)))


def reclaim(parts: Parts, found: Orphans, *, before: float) -> int:
    """Remove orphans whose last change is older than a moment (Unix time); bytes freed.

    A linked file that is an orphan gets its immutable attribute off, since nothing needs it.
    """
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
