"""What is known here of a remote's packs: its catalogue, copied into SQLite part by part.

The copy can be made again at any time; it only saves asking. A part that vanished was replaced by
garbage collection, so then all of it is read again. What a part says is entered when somebody asks
for it: whoever pushes once and goes need not.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import NotFound, database_full
from millwright.kernel.objects.pack_format import ENTRY, Kind
from millwright.kernel.remotes.catalogue_format import Part, SentPack, decode, encode
from millwright.kernel.remotes.interface import Remote

_SCHEMA = """
CREATE TABLE IF NOT EXISTS parts(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS chunks(
  id BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
  size INTEGER NOT NULL, codec INTEGER NOT NULL, PRIMARY KEY(id, pack)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects(id BLOB PRIMARY KEY, recipe BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unread(name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS untold(name TEXT PRIMARY KEY, content BLOB NOT NULL);
"""
_VERSION = 2
_PLACES = (
    "SELECT c.id, p.name, c.offset, c.stored, c.size, c.codec"
    " FROM chunks c JOIN packs p ON p.id = c.pack"
)
_HOLDERS = "SELECT DISTINCT p.name FROM chunks c JOIN packs p ON p.id = c.pack"
_TABLES = ("parts", "packs", "chunks", "objects", "unread")
_AT_ONCE = 500
_CHUNK = int(Kind.CHUNK)


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """Where a chunk is on a remote."""

    id: bytes
    pack: str
    offset: int
    stored: int
    size: int
    codec: int


class Catalogue:
    """The packs, chunks and objects of one project on one remote.

    Args:
        remote: where ``packs/`` and ``index/`` are, below ``prefix``.
        prefix: the project's folder on the remote, ending in ``/``.
        path: the local copy, ``:memory:`` for none.
    """

    def __init__(self, remote: Remote, prefix: str, path: Path | None) -> None:
        self.remote = remote
        self.prefix = prefix
        self._lock = threading.RLock()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._place = str(path.parent) if path is not None else "memory"
        self._connection = sqlite3.connect(
            path or ":memory:", timeout=60, isolation_level=None, check_same_thread=False
        )
        with self._explained():
            # It is only a copy: losing the last seconds of it costs asking once more.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._prepare()

    def _prepare(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            # An earlier Millwright's copy: made again, since all of it is on the remote.
            for table in _TABLES:
                self._connection.execute(f"DROP TABLE IF EXISTS {table}")
            self._connection.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as cause:
            raise database_full(cause, self._place) or cause from cause

    def refresh(self) -> bool:
        """Bring the copy up to date: one listing, and the parts that are new.

        Returns whether parts that were known are gone, so that what was there may be there no more.
        """
        folder = f"{self.prefix}index/"
        swept = False
        while True:
            listed = [entry.key for entry in self.remote.list(folder)]
            known = set(self.parts())
            if known - set(listed):
                self.clear()
                known, swept = set(), True
            fresh = [key for key in listed if key not in known]
            with ThreadPoolExecutor(8) as threads:
                contents = list(threads.map(self.remote.get, fresh))
            if any(content is None for content in contents):
                continue
            for key, content in zip(fresh, contents, strict=True):
                name = blake3(content or b"").hexdigest()
                # Under encryption the listed name is concealed, and the seal vouches for the bytes.
                plain = key.rpartition("/")[2]
                decode(content or b"", name if plain[:1] == "~" else plain)
                self._learn(key, content or b"")
            return swept

    def publish(self, packs: Sequence[SentPack], objects: Sequence[tuple[bytes, bytes]]) -> str:
        """Tell the remote, and this copy, of packs that are there; returns the part's key as listed."""
        content = encode(packs, objects)
        key = f"{self.prefix}index/{blake3(content).hexdigest()}"
        self.remote.put(key, content)
        concealed = getattr(self.remote, "concealed", None)
        self._learn(key if concealed is None else concealed(key), content)
        self._drop_untold(packs)
        return key

    def note(self, pack: SentPack) -> None:
        """Remember here that a pack is on the remote, until the remote is told of it."""
        with self._transaction() as connection:
            values = (pack.name, encode([pack], []))
            connection.execute("INSERT OR REPLACE INTO untold VALUES(?, ?)", values)

    def tell_rest(self) -> None:
        """Tell the remote of packs that a push which was cut off had brought there already."""
        with self._lock:
            rows = self._connection.execute("SELECT content FROM untold").fetchall()
        packs = [
            pack
            for (content,) in rows
            for pack in decode(content, blake3(content).hexdigest()).packs
        ]
        there = [pack for pack in packs if self._is_there(pack)]
        if there:
            self.publish(there, [])
        self._drop_untold(packs)

    def _is_there(self, pack: SentPack) -> bool:
        try:
            return bool(self.remote.get_range(self.pack_key(pack.name), 0, 1))
        except NotFound:
            # Garbage collection took it, since nothing told of it for so long.
            return False

    def _drop_untold(self, packs: Sequence[SentPack]) -> None:
        with self._transaction() as connection:
            names = [(pack.name,) for pack in packs]
            connection.executemany("DELETE FROM untold WHERE name = ?", names)

    def pack_key(self, name: str) -> str:
        """Where a pack is on the remote."""
        return f"{self.prefix}packs/{name}.pack"

    def without(self, ids: Iterable[bytes]) -> list[bytes]:
        """Those of these chunks that the remote does not have, in the order given."""
        wanted = list(dict.fromkeys(ids))
        if not self._rows("SELECT 1 FROM packs LIMIT 1"):
            return wanted
        found: set[bytes] = set()
        for batch in _batches(wanted):
            marks = ",".join("?" * len(batch))
            rows = self._rows(f"SELECT id FROM chunks WHERE id IN ({marks})", batch)  # noqa: S608
            found.update(row[0] for row in rows)
        return [chunk for chunk in wanted if chunk not in found]

    def places(self, ids: Iterable[bytes]) -> dict[bytes, RemotePlace]:
        """Where chunks are, those that the remote has."""
        found = {}
        for batch in _batches(list(ids)):
            marks = ",".join("?" * len(batch))
            rows = self._rows(
                f"{_PLACES} WHERE c.id IN ({marks})",
                batch,
            )
            for row in rows:
                found[row[0]] = RemotePlace(*row)
        return found

    def packs_with(self, ids: Iterable[bytes]) -> set[str]:
        """The names of all packs that hold one of these chunks, which may be in several."""
        found: set[str] = set()
        for batch in _batches(list(ids)):
            marks = ",".join("?" * len(batch))
            rows = self._rows(f"{_HOLDERS} WHERE c.id IN ({marks})", batch)
            found.update(row[0] for row in rows)
        return found

    def recipes(self, ids: Iterable[bytes]) -> dict[bytes, bytes]:
        """The encoded recipes of objects of several chunks, those that the remote has."""
        found: dict[bytes, bytes] = {}
        for batch in _batches(list(ids)):
            marks = ",".join("?" * len(batch))
            rows = self._rows(f"SELECT id, recipe FROM objects WHERE id IN ({marks})", batch)  # noqa: S608
            found.update(rows)
        return found

    def several(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those that the remote has as objects of several chunks."""
        found: set[bytes] = set()
        for batch in _batches(list(ids)):
            marks = ",".join("?" * len(batch))
            rows = self._rows(f"SELECT id FROM objects WHERE id IN ({marks})", batch)  # noqa: S608
            found.update(row[0] for row in rows)
        return found

    def packs(self) -> dict[str, tuple[int, bytes]]:
        """Size and digest of every pack by name."""
        rows = self._rows("SELECT name, size, digest FROM packs")
        return {name: (size, digest) for name, size, digest in rows}

    def chunks(self) -> Iterator[RemotePlace]:
        """Every chunk, pack by pack."""
        rows = self._rows(f"{_PLACES} ORDER BY p.id, c.offset")
        return (RemotePlace(*row) for row in rows)

    def sent_packs(self) -> list[SentPack]:
        """Every pack with its chunks."""
        known = self.packs()
        entries: dict[str, list[bytes]] = {name: [] for name in known}
        for place in self.chunks():
            entries[place.pack].append(
                ENTRY.pack(place.id, place.offset, place.stored, place.size, _CHUNK, place.codec, 0)
            )
        return [SentPack(name, *known[name], b"".join(some)) for name, some in entries.items()]

    def all_recipes(self) -> dict[bytes, bytes]:
        """The encoded recipe of every object of several chunks."""
        return dict(self._rows("SELECT id, recipe FROM objects"))

    def parts(self) -> list[str]:
        """The keys of the catalogue's parts, as listed."""
        with self._lock:
            rows = self._connection.execute("SELECT name FROM parts").fetchall()
        return [row[0] for row in rows]

    def totals(self) -> tuple[int, int, int]:
        """Number of packs, of chunks, and bytes of packs."""
        packs, size = self._rows("SELECT count(*), coalesce(sum(size), 0) FROM packs")[0]
        return packs, self._rows("SELECT count(*) FROM chunks")[0][0], size

    def clear(self) -> None:
        """Forget the copy."""
        with self._transaction() as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - fixed names

    def close(self) -> None:
        """Release the copy."""
        with self._lock:
            self._connection.close()

    def _learn(self, key: str, content: bytes) -> None:
        with self._transaction() as connection:
            if connection.execute("SELECT 1 FROM parts WHERE name = ?", (key,)).fetchone():
                return
            connection.execute("INSERT INTO unread VALUES(?, ?)", (key, content))
            connection.execute("INSERT INTO parts VALUES(?)", (key,))

    def _read_all(self) -> None:
        """Enter what the parts say that nobody asked for so far."""
        if not self._connection.execute("SELECT 1 FROM unread LIMIT 1").fetchone():
            return
        with self._transaction() as connection:
            names = connection.execute("SELECT name FROM unread").fetchall()
            for name in names:
                one = connection.execute("SELECT content FROM unread WHERE name = ?", name)
                (content,) = one.fetchone()
                _enter(connection, decode(content, blake3(content).hexdigest()))
            connection.execute("DELETE FROM unread")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock, self._explained():
            self._read_all()
            return self._connection.execute(statement, values).fetchall()


def _enter(connection: sqlite3.Connection, part: Part) -> None:
    for pack in part.packs:
        connection.execute(
            "INSERT OR IGNORE INTO packs(name, size, digest) VALUES(?, ?, ?)",
            (pack.name, pack.size, pack.digest),
        )
        found = connection.execute("SELECT id FROM packs WHERE name = ?", (pack.name,))
        (row,) = found.fetchone()
        connection.executemany(
            "INSERT OR REPLACE INTO chunks VALUES(?, ?, ?, ?, ?, ?)",
            # In the order of the table, which is then written from front to back.
            sorted(
                (chunk, row, offset, stored, size, codec)
                for chunk, offset, stored, size, kind, codec, _ in ENTRY.iter_unpack(pack.index)
                if kind == _CHUNK
            ),
        )
    connection.executemany("INSERT OR REPLACE INTO objects VALUES(?, ?)", part.objects)


def _batches(items: Sequence[bytes]) -> Iterator[list[bytes]]:
    rest = iter(items)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch
