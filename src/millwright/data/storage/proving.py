"""The proof of an erasure: everything that is left is read, decoded, and searched for samples.

Content of a few bytes would be found by chance anywhere, so it has no samples; for it, and for all
the rest as well, no record of an erased chunk may be left in any pack or catalogue.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import inspect, select

from millwright.data.storage.opening import OpenedRemote
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.objects.codec import decode
from millwright.kernel.objects.pack_format import Kind, headers
from millwright.kernel.store import Store
from millwright.kernel.tables import metadata

_BLOCK = 4 << 20


class Search:
    """Looks for samples in bytes, and remembers where it found one and how much it read."""

    def __init__(self, samples: Collection[bytes], chunks: Collection[bytes] = ()) -> None:
        self.chunks = frozenset(chunks)
        self.found: dict[str, None] = {}
        self.searched = 0
        self._longest = max(map(len, samples), default=0)
        expression = b"|".join(re.escape(sample) for sample in sorted(samples))
        self._pattern = re.compile(expression) if samples else None

    def look(self, where: str, content: bytes) -> None:
        """Search some bytes."""
        self.searched += len(content)
        if self._pattern is not None and self._pattern.search(content):
            self.found[where] = None

    def look_at_chunk(self, where: str, chunk: bytes) -> None:
        """Whether a chunk that is there is one that should not be."""
        if chunk in self.chunks:
            self.found[where] = None

    def look_in_file(self, where: str, path: Path) -> None:
        """Search a file, block by block with an overlap."""
        rest = b""
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                self.look(where, rest + block)
                rest = block[-self._longest :]


def search_objects(objects: ProjectObjects, search: Search) -> None:
    """Every stored chunk decoded, and every file of the store as it lies on the disk."""
    for place in objects.chunks():
        if place.source == 0:
            continue
        payload = objects.read_located(place)
        where = f"chunk {place.id.hex()[:12]} in {objects.name_of(place)}"
        search.look(where, decode(place.codec, payload, place.size))
        search.look_at_chunk(where, place.id)
    objects.close()
    for path in _files(objects.root):
        search.look_in_file(str(path), path)
        if path.suffix == ".pack" and search.chunks:
            for entry in headers(path.read_bytes()):
                search.look_at_chunk(str(path), entry.id)


def search_remote(opened: OpenedRemote, search: Search) -> None:
    """Every object of a project on a remote, and every record of its packs decoded.

    Packs are read by their own records, whatever the catalogue says of them.
    """
    with tempfile.TemporaryDirectory(prefix="mw-proof-") as folder:
        for entry in opened.remote.list(opened.prefix):
            path = Path(folder) / "object"
            path.unlink(missing_ok=True)
            opened.remote.download(entry.key, path)
            where = f"{opened.definition.name}: {entry.key}"
            search.look_in_file(where, path)
            content = path.read_bytes()
            for one in headers(content):
                payload = content[one.offset : one.offset + one.stored]
                if one.kind == Kind.CHUNK:
                    search.look_at_chunk(f"{where}, chunk {one.id.hex()[:12]}", one.id)
                with suppress(ValueError):
                    search.look(where, decode(one.codec, payload, one.size))


def search_database(store: Store, search: Search) -> None:
    """Every row of every table, and where it is SQLite the pages and log of its files."""
    with store.read() as connection:
        there = set(inspect(connection).get_table_names())
        for table in metadata.sorted_tables:
            if table.name not in there:
                continue
            for row in connection.execute(select(table)):
                values = [value for value in row if isinstance(value, str | bytes)]
                for value in values:
                    content = value.encode() if isinstance(value, str) else value
                    search.look(f"table {table.name}", content)
    for path in sorted(store.workspace.state.glob("*.db*")):
        _checkpoint(path)
        if path.exists():
            search.look_in_file(str(path), path)


def _checkpoint(path: Path) -> None:
    if path.suffix == ".db" and path.name != "millwright.db":
        connection = sqlite3.connect(path, timeout=60)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())
