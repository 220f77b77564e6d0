"""Where each chunk is: SQLite beside the packs, which can be made again from them.

Rows are written only for bytes that are durable already, so after any kill the index never promises
what is not there. Writers of all processes wait in line at a file lock, which the operating system
hands on and frees when its holder dies; nobody ever sees "database is locked".
"""

from __future__ import annotations

import atexit
import fcntl
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from millwright.kernel.errors import Corrupt, MillwrightError, Unavailable
from millwright.kernel.objects import wholes

_T = TypeVar("_T")

_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS packs(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
  sealed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS links(
  id INTEGER PRIMARY KEY, object BLOB NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS chunks(
  id BLOB PRIMARY KEY, source INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
  size INTEGER NOT NULL, codec INTEGER NOT NULL, added INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects(
  id BLOB PRIMARY KEY, size INTEGER NOT NULL, added INTEGER NOT NULL, recipe BLOB,
  source INTEGER NOT NULL, offset INTEGER NOT NULL, stored INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS damaged(id BLOB PRIMARY KEY, found INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweeps(id INTEGER PRIMARY KEY, done INTEGER NOT NULL);
"""
    + wholes.SCHEMA
)
_VERSION = 3
"""1 had none of the tables of ``wholes``, 2 no count of sweeps; opening an index adds them."""
_PAGE_BYTES = 1024
"""Rows of digests fill pages of this size better than larger ones."""
_AT_ONCE = 500
_PATIENCE_SECONDS = 120.0
_EXIT_SECONDS = 1.0

ELSEWHERE = 0
"""The source of a chunk that is known and whose bytes are on a remote only."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a chunk's bytes are.

    ``source`` is a pack's row (above 0), a linked file (below 0, its number negated), or
    ``ELSEWHERE``.
    """

    id: bytes
    source: int
    offset: int
    stored: int
    size: int
    codec: int


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """An object of several chunks: its recipe, or the record of a pack that holds it."""

    id: bytes
    size: int
    recipe: bytes | None
    source: int
    offset: int
    stored: int


def batches(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The items in lists that fit one SQL statement."""
    rest = iter(items)
    while batch := list(islice(rest, _AT_ONCE)):
        yield batch


def marks(items: Sequence[object]) -> str:
    """Placeholders for ``IN (…)``."""
    return ",".join("?" * len(items))


_PLACE = "id, source, offset, stored, size, codec"


def located(connection: sqlite3.Connection, ids: list[bytes]) -> dict[bytes, Location]:
    """Where chunks are, those that are known."""
    found: dict[bytes, Location] = {}
    if len(ids) > _AT_ONCE and _fewer_than(connection, len(ids)):
        wanted = set(ids)
        for row in connection.execute(f"SELECT {_PLACE} FROM chunks"):  # noqa: S608
            if row[0] in wanted:
                found[row[0]] = Location(*row)
    else:
        for batch in batches(ids):
            statement = f"SELECT {_PLACE} FROM chunks WHERE id IN ({marks(batch)})"  # noqa: S608
            for row in connection.execute(statement, batch):
                found[row[0]] = Location(*row)
    rest = [chunk for chunk in ids if chunk not in found]
    for chunk, one in wholes.find(connection, rest).items():
        found[chunk] = Location(chunk, -one.number, 0, one.size, one.size, 0)
    return found


def present(connection: sqlite3.Connection, ids: Iterable[bytes]) -> set[bytes]:
    """Those of these chunks whose bytes are here."""
    wanted = set(ids)
    found: set[bytes] = set()
    if len(wanted) > _AT_ONCE and _fewer_than(connection, len(wanted)):
        found = {row[0] for row in connection.execute("SELECT id FROM chunks WHERE source != 0")}
        found &= wanted
        return found.union(wholes.numbers_of(connection, wanted - found))
    for batch in batches(wanted):
        statement = f"SELECT id FROM chunks WHERE source != 0 AND id IN ({marks(batch)})"  # noqa: S608
        found.update(row[0] for row in connection.execute(statement, batch))
    return found.union(wholes.numbers_of(connection, wanted - found))


def _fewer_than(connection: sqlite3.Connection, count: int) -> bool:
    """Whether there are fewer chunks than are asked for, so that reading them all is quicker."""
    query = "SELECT count(*) FROM (SELECT 1 FROM chunks LIMIT ?)"
    return int(connection.execute(query, (count,)).fetchone()[0]) < count


class Index:
    """One project's index; safe to use from many threads and processes, also after a fork."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "index.db"
        self._lock_path = folder / "index.lock"
        self._reading, self._writing = threading.RLock(), threading.RLock()
        self._process = 0
        self._connection: sqlite3.Connection | None = None

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._reading:
            return _patiently(lambda: self._open().execute(statement, values).fetchall())

    def read(self, act: Callable[[sqlite3.Connection], _T]) -> _T:
        """Several queries that see the index as it is at one moment."""

        def at_once() -> _T:
            connection.execute("BEGIN")
            try:
                return act(connection)
            finally:
                connection.execute("ROLLBACK")

        with self._reading:
            connection = self._open()
            return act(connection) if connection.in_transaction else _patiently(at_once)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction, durable when the block ends; writers wait for each other.

        Raises:
            Unavailable: the disk is full; nothing was changed.
        """
        with self._writing, _exclusive(self._lock_path), self._reading:
            connection = self._open()
            try:
                _patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
                yield connection
                _patiently(lambda: connection.execute("COMMIT"))
            except BaseException as cause:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(cause, sqlite3.OperationalError):
                    raise _explained(cause, self.path) from cause
                raise

    def locate(self, ids: Iterable[bytes]) -> dict[bytes, Location]:
        """Where chunks are, those that are known."""
        wanted = list(ids)
        return self.read(lambda connection: located(connection, wanted))

    def present(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of these chunks whose bytes are here."""
        wanted = list(ids)
        return self.read(lambda connection: present(connection, wanted))

    def objects(self, ids: Iterable[bytes]) -> list[ObjectRow]:
        """The rows of objects of several chunks, those that are known.

        An object of one chunk *is* its chunk, and has no row.
        """
        found: list[ObjectRow] = []
        for batch in batches(ids):
            columns = "id, size, recipe, source, offset, stored"
            statement = f"SELECT {columns} FROM objects WHERE id IN ({marks(batch)})"  # noqa: S608
            found += [ObjectRow(*row) for row in self.rows(statement, batch)]
        return found

    def sweeps(self) -> int:
        """How often garbage collection removed anything."""
        found = self.rows("SELECT done FROM sweeps")
        return int(found[0][0]) if found else 0

    def several(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those that are objects of several chunks."""
        found: set[bytes] = set()
        for batch in batches(ids):
            statement = f"SELECT id FROM objects WHERE id IN ({marks(batch)})"  # noqa: S608
            found.update(row[0] for row in self.rows(statement, batch))
        return found

    def close(self) -> None:
        """Release the connection; the next use opens it again."""
        with self._reading:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def close_at_exit(self) -> None:
        """As ``close``, but not where a thread that nobody waits for is reading."""
        if self._reading.acquire(timeout=_EXIT_SECONDS):
            self.close()
            self._reading.release()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            # A connection must not be carried over a fork, nor closed there.
            self._connection = self._opened()
            self._process = os.getpid()
            _OPEN.add(self)
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        existing = self.path.exists()
        try:
            connection = sqlite3.connect(
                self.path, timeout=30, isolation_level=None, check_same_thread=False
            )
            if not existing or connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                # Not the writers' lock: whoever holds that may be waiting for this connection.
                with _exclusive(self.path.with_name("index.create.lock")):
                    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.executescript(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.DatabaseError as cause:
            raise _explained(cause, self.path) from cause
        return connection


_OPEN: weakref.WeakSet[Index] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # Commands end without looking for what they leave; SQLite's log would stay beside the index.
    for index in list(_OPEN):
        index.close_at_exit()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _patiently(act: Callable[[], _T]) -> _T:
    """Try again while another process recovers or checkpoints the database."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return act()
        except sqlite3.OperationalError as cause:
            busy = cause.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _explained(cause: sqlite3.DatabaseError, path: Path) -> MillwrightError:
    name = getattr(cause, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Corrupt(
            "objects.index",
            f"The index of the object store is damaged: {path}.",
            hint="Make it again from the stored bytes with: mw data fsck",
        )
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return Unavailable(
            "disk.full",
            f"There is no space left on the disk that holds {path.parent}.",
            hint="Free some space and run the same command again; nothing was lost.",
        )
    return Unavailable(
        "objects.index_busy",
        f"The index of the object store cannot be used: {cause}.",
        hint="Try again; if it stays so, look at the permissions of the folder.",
        value=str(path),
    )
