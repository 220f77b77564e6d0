"""The journal: versions that were kept without opening the door, durable when ``append`` returns.

Whatever door opens afterwards takes them into the metadata store, each exactly once (by its id).
Writers wait in line at a file lock that the operating system frees when its holder dies.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millwright.kernel.errors import database_full
from millwright.kernel.locks import exclusive

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL, name TEXT NOT NULL,
  version INTEGER NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  files INTEGER NOT NULL, parents TEXT NOT NULL, branch TEXT NOT NULL, message TEXT NOT NULL,
  source TEXT NOT NULL, created_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS waiting ON versions(taken) WHERE taken = 0;
CREATE INDEX IF NOT EXISTS named ON versions(project, name, version);
"""
_PAGE_BYTES = 512
"""Small, since most of these databases hold little."""
_FIELDS = (
    "id, project, name, version, kind, digest, size, files, parents, branch, message, source, "
    "created_ms, created_by"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A version as the working copy knows it."""

    id: str
    project: str
    name: str
    version: int
    kind: str
    digest: str
    size: int
    files: int
    parents: tuple[str, ...]
    branch: str
    message: str
    source: str
    created_ms: int
    created_by: str
    original: str | None = None
    rows: int = 0

    @classmethod
    def of_row(cls, project: str, row: dict[str, Any]) -> Known:
        """A version from its columns, as the database and the heads of remotes have them."""
        return cls(
            id=row["id"],
            project=project,
            name=row["name"],
            version=row["version"],
            kind=row["kind"],
            digest=row["digest"],
            size=row["size"],
            files=row["files"],
            parents=tuple(json.loads(row["parents"])),
            branch=row["branch"],
            message=row["message"],
            source=row["source"],
            created_ms=row["created_ms"],
            created_by=row["created_by"],
        )

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


class Journal:
    """The journal in a state folder; opened when first used, created when first written to."""

    def __init__(self, state: Path) -> None:
        self.path = state / "journal.db"
        self._lock = state / "journal.lock"
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who numbers versions on this machine."""
        with exclusive(self._lock):
            yield

    def append(self, version: Known) -> None:
        """Keep a version; durable on return. Call it ``alone``."""
        values = (
            *(getattr(version, field) for field in _FIELDS.split(", ")[:8]),
            json.dumps(version.parents),
            version.branch,
            version.message,
            version.source,
            version.created_ms,
            version.created_by,
        )
        marks = ",".join("?" * len(values))
        self._open().execute(f"INSERT INTO versions({_FIELDS}) VALUES({marks})", values)

    def versions(self, project: str, name: str | None = None) -> list[Known]:
        """The versions kept here, newest first, whether taken or not."""
        where, values = "project = ?", [project]
        if name is not None:
            where, values = "project = ? AND name = ?", [project, name]
        return self._select(f"{where} ORDER BY seq DESC", values)

    def waiting(self) -> list[Known]:
        """The versions that no door has taken yet, oldest first."""
        return self._select("taken = 0 ORDER BY seq", [])

    def mark_taken(self, ids: list[str]) -> None:
        """These versions are in the metadata store."""
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE versions SET taken = 1 WHERE id = ?", [(i,) for i in ids]
            )

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _select(self, condition: str, values: list[Any]) -> list[Known]:
        if self._connection is None and not self.path.exists():
            return []
        rows = self._open().execute(f"SELECT {_FIELDS} FROM versions WHERE {condition}", values)  # noqa: S608
        return [_known(row) for row in rows]

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(self.path, _SCHEMA, durable=True)
        return self._connection


def _known(row: tuple[Any, ...]) -> Known:
    identifier, project, name, version, kind, digest, size, files, parents, *rest = row
    return Known(
        identifier,
        project,
        name,
        version,
        kind,
        digest,
        size,
        files,
        tuple(json.loads(parents)),
        *rest,
    )


def open_database(
    path: Path,
    schema: str,
    *,
    durable: bool,
    version: int = 1,
    migrate: Callable[[sqlite3.Connection], None] | None = None,
) -> sqlite3.Connection:
    """A small SQLite database with this schema; writers wait for each other for a minute.

    One of an earlier version gets what the schema adds, and is given to ``migrate``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        known = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError as cause:
        connection.close()
        raise database_full(cause, str(path.parent)) or cause from cause
    if known < version:
        connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(f"BEGIN IMMEDIATE; {schema}")
        before = connection.execute("PRAGMA user_version").fetchone()[0]
        if 0 < before < version and migrate is not None:
            migrate(connection)
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("COMMIT")
    return connection
