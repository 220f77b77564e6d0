"""The doorway into the ledger of this very process."""

from __future__ import annotations

import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from millwright.kernel.access import LOCAL
from millwright.kernel.errors import Unavailable
from millwright.kernel.objects import ObjectStore
from millwright.kernel.revision import HEAD
from millwright.kernel.sqlite import configure
from millwright.kernel.workspace import Workspace
from millwright.pipelines.ledger import pools, results, runs, waves
from millwright.pipelines.ledger.book import Book
from millwright.pipelines.ledger.sql import Sql
from millwright.pipelines.records import (
    Found,
    Launch,
    Launched,
    Lookup,
    Pulse,
    SlotAnswer,
    SlotRequest,
    Wave,
)

if TYPE_CHECKING:
    from millwright.kernel.store import Store


class _NearDoorway(ABC):
    """What both ways into this process's ledger have in common."""

    objects: ObjectStore

    @abstractmethod
    def _read(self) -> AbstractContextManager[Sql]: ...

    @abstractmethod
    def _write(self) -> AbstractContextManager[Sql]: ...

    def look_up(self, project: str, wanted: Lookup) -> Found:
        with self._read() as sql:
            return results.look_up(sql, self.objects.of(project), project, wanted)

    def launch(self, project: str, launch: Launch) -> Launched:
        if launch.wave.objects:
            self.objects.of(project).put_many(launch.wave.objects)
        with self._write() as sql:
            return runs.launch(Book(sql, LOCAL.name, project), launch)

    def commit(self, project: str, run_id: str, wave: Wave, contents: Sequence[bytes]) -> Pulse:
        if contents:
            self.objects.of(project).put_many(contents)
        with self._write() as sql:
            return waves.apply_wave(Book(sql, LOCAL.name, project), run_id, wave)

    def slots(self, project: str, run_id: str, request: SlotRequest) -> SlotAnswer:
        with self._write() as sql:
            granted = pools.acquire(Book(sql, LOCAL.name, project), run_id, request)
        return SlotAnswer(granted=granted)

    def read(self, project: str, digests: Sequence[str]) -> list[bytes]:
        return self.objects.of(project).read_many(digests)

    def put(self, project: str, content: bytes | Path) -> str:
        return self.objects.of(project).put(content)


class StoreDoorway(_NearDoorway):
    """Into a store that this process has opened, on any database; its bell is rung."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.objects = store.objects

    @contextmanager
    def _read(self) -> Iterator[Sql]:
        with self._store.read() as connection:
            yield Sql(connection)

    @contextmanager
    def _write(self) -> Iterator[Sql]:
        with self._store.write(LOCAL) as transaction:
            yield Sql(transaction.connection)

    def close(self) -> None:
        """Nothing: the store is its opener's."""


class FileDoorway(_NearDoorway):
    """Into the SQLite database of a workspace, without SQLAlchemy and the application.

    For the process of ``mw run FILE``, which lives for a fraction of a second when every step is
    known.
    """

    def __init__(self, workspace: Workspace) -> None:
        path = _database_of(workspace)
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        configure(self._connection)
        self._lock = threading.Lock()
        self.objects = ObjectStore(workspace.objects)
        self.objects.fetcher = self._fetch
        self._workspace = workspace
        self._where = _where(workspace)

    @classmethod
    def opened(cls, workspace: Workspace) -> FileDoorway | None:
        """The doorway, if the workspace keeps its state in SQLite and the schema is the newest.

        The one that was closed last is still open, and taken where it leads to the same files.
        """
        is_file = workspace.database_url == f"sqlite:///{_database_of(workspace)}"
        if not is_file or not _database_of(workspace).exists():
            return None
        doorway = _taken(_where(workspace)) or cls(workspace)
        try:
            found = doorway._connection.execute("SELECT version_num FROM alembic_version")
            current = found.fetchone()
        except sqlite3.Error:
            current = None
        if current != (HEAD,):
            doorway._end()
            return None
        return doorway

    @contextmanager
    def _read(self) -> Iterator[Sql]:
        with self._lock:
            yield Sql(self._connection)

    @contextmanager
    def _write(self) -> Iterator[Sql]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield Sql(self._connection)
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as cause:
                self._roll_back()
                raise Unavailable(
                    "database.busy",
                    f"The database could not be written: {cause}.",
                    hint="Free some space or wait, and run the same command again.",
                ) from cause
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _fetch(self, project: str, chunks: list[bytes]) -> None:
        # Bytes that are on a remote only: rare enough to load what knows remotes now.
        from millwright.data import fetch_when_read

        fetch_when_read(self.objects, self._workspace.state)
        assert self.objects.fetcher is not None
        self.objects.fetcher(project, chunks)

    def close(self) -> None:
        """Keep it for the next run of this process; at most one rests."""
        _resting.append(self)
        if len(_resting) > 1:
            _resting.popleft()._end()

    def _end(self) -> None:
        if self._where.process != os.getpid():
            _left_to_parent.append(self)  # a connection must not be closed by a fork
            return
        self._connection.close()
        self.objects.close()


_resting: deque[FileDoorway] = deque()
_left_to_parent: list[FileDoorway] = []


class _Where(NamedTuple):
    """What an open doorway is good for: another process, file or way of writing needs its own."""

    process: int
    root: Path
    database: tuple[int, int]
    objects: tuple[int, int]
    synchronous: str | None


def _taken(where: _Where) -> FileDoorway | None:
    try:
        doorway = _resting.pop()
    except IndexError:
        return None
    if doorway._where == where:
        return doorway
    doorway._end()
    return None


def _where(workspace: Workspace) -> _Where:
    workspace.objects.mkdir(parents=True, exist_ok=True)
    database, objects = _database_of(workspace).stat(), workspace.objects.stat()
    return _Where(
        os.getpid(),
        workspace.root,
        (database.st_dev, database.st_ino),
        (objects.st_dev, objects.st_ino),
        os.environ.get("MILLWRIGHT_SYNCHRONOUS"),
    )


def _database_of(workspace: Workspace) -> Path:
    return workspace.state / "millwright.db"
