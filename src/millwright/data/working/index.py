"""What the working copy was when it was last looked at: datasets, and a signature per file.

Signatures are kept some hundred to a row (``pages``); entries are in the manifest of the version, and
only a table's one file, which no stored manifest has, is a row here. All of it can be made again
from manifests and files, so it is written without waiting for the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from millwright.data.trees import Entry
from millwright.data.working import pages
from millwright.data.working.journal import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tracked(
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version INTEGER NOT NULL,
  version_id TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, root BLOB NOT NULL,
  branch TEXT NOT NULL, members TEXT NOT NULL, follow INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS files(
  dataset INTEGER NOT NULL, path TEXT NOT NULL, signature BLOB NOT NULL, kind INTEGER NOT NULL,
  size INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(dataset, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages(
  dataset INTEGER NOT NULL, first TEXT NOT NULL, names BLOB NOT NULL, signatures BLOB NOT NULL,
  UNIQUE(dataset, first));
"""
_VERSION = 2
"""1 had a row in ``files`` for every path, with its entry."""
_TRACKED = "id, path, name, version, version_id, kind, digest, root, branch, members, follow"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A dataset's place in the working copy, and the version that is there."""

    id: int
    path: str
    """From the workspace's root: the folder, or the file; absolute outside of it."""
    name: str
    version: int
    version_id: str
    kind: str
    digest: str
    root: bytes
    """The manifest that the files are compared with (of a table: the one file it was given as)."""
    branch: str
    members: tuple[str, ...]
    """The files of the folder that belong to it; all where empty."""
    follow: bool

    @property
    def reference(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    def base(self, root: Path) -> Path:
        """The folder that the paths of its manifest start from."""
        place = root / self.path
        return place.parent if self.members else place


def own_place(tracked: Iterable[Tracked], name: str) -> Tracked | None:
    """Where a dataset is meant to be: inside the workspace before outside, then where it was first."""
    places = [each for each in tracked if each.name == name]
    return min(places, key=lambda each: (each.path.startswith("/"), each.id), default=None)


def _tracked(row: tuple[Any, ...]) -> Tracked:
    *values, members, follow = row
    return Tracked(*(*values, tuple(json.loads(members)), bool(follow)))


class WorkingIndex:
    """The index in a state folder; created when first written to."""

    def __init__(self, state: Path) -> None:
        self.path = state / "working.db"
        self._connection: sqlite3.Connection | None = None

    def tracked(self) -> list[Tracked]:
        """All datasets of the working copy, by path."""
        if self._connection is None and not self.path.exists():
            return []
        rows = self._open().execute("SELECT * FROM tracked ORDER BY path")
        return [_tracked(row) for row in rows]

    def signatures(self, dataset: int) -> dict[str, bytes]:
        """The signature of each path, but of what was erased, which is not there."""
        return pages.signatures(self._open(), dataset)

    def each_page(self, dataset: int) -> Iterator[dict[str, bytes]]:
        """As ``signatures``, some hundred paths at a time."""
        return pages.each(self._open(), dataset)

    def signatures_of(self, dataset: int, paths: Iterable[str]) -> dict[str, bytes]:
        """The signatures of some paths."""
        return pages.signatures_of(self._open(), dataset, paths)

    def given(self, dataset: int) -> dict[str, Entry]:
        """The entry of the file that a table was given as: its manifest is in no store."""
        rows = self._open().execute(
            "SELECT path, kind, size, digest FROM files WHERE dataset = ?", (dataset,)
        )
        return {path: Entry(kind, size, digest) for path, kind, size, digest in rows}

    def track(self, wanted: Tracked) -> Tracked:
        """Add a dataset, or take over what changed about it."""
        values = (
            wanted.path, wanted.name, wanted.version, wanted.version_id, wanted.kind,
            wanted.digest, wanted.root, wanted.branch, json.dumps(wanted.members), wanted.follow,
        )  # fmt: skip
        fields = _TRACKED.removeprefix("id, ")
        updates = ", ".join(f"{field} = excluded.{field}" for field in fields.split(", ")[1:])
        self._open().execute(
            f"INSERT INTO tracked({fields}) VALUES({','.join('?' * 10)}) "
            f"ON CONFLICT(path) DO UPDATE SET {updates}",
            values,
        )
        row = self._open().execute("SELECT id FROM tracked WHERE path = ?", (wanted.path,))
        return replace(wanted, id=row.fetchone()[0])

    def forget(self, dataset: int) -> None:
        """Remove a dataset from the working copy; nothing happens to its files."""
        for table, column in (("files", "dataset"), ("pages", "dataset"), ("tracked", "id")):
            self._open().execute(f"DELETE FROM {table} WHERE {column} = ?", (dataset,))  # noqa: S608

    def sign(self, dataset: int, signatures: Mapping[str, bytes | None]) -> None:
        """Set the signatures of paths; None drops a path."""
        pages.sign(self._open(), dataset, signatures)

    def give(self, dataset: int, entries: Mapping[str, Entry]) -> None:
        """Set the entry of the file that a table was given as."""
        self._open().execute("DELETE FROM files WHERE dataset = ?", (dataset,))
        self._open().executemany(
            "INSERT INTO files(dataset, path, signature, kind, size, digest) "
            "VALUES(?, ?, ?, ?, ?, ?)",
            [(dataset, path, b"", *entry) for path, entry in entries.items()],
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all of it, or nothing."""
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(
                self.path, _SCHEMA, durable=False, version=_VERSION, migrate=_put_into_pages
            )
        return self._connection


def _put_into_pages(connection: sqlite3.Connection) -> None:
    """From version 1: signatures into pages, and entries only where no manifest has them."""
    datasets = connection.execute("SELECT id, kind FROM tracked").fetchall()
    for dataset, kind in datasets:
        rows = connection.execute(
            "SELECT path, signature, kind FROM files WHERE dataset = ?", (dataset,)
        )
        known = {path: pages.of_version_1(sign, kind) for path, sign, kind in rows}
        pages.sign(connection, dataset, known)
        if kind == "files":
            connection.execute("DELETE FROM files WHERE dataset = ?", (dataset,))
