"""What the working copy was when it was last looked at: datasets, and a signature per file.

All of it can be made again from manifests and files, so it is written without waiting for the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from millwright.data.trees import Entry, Kind
from millwright.data.working.journal import open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tracked(
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version INTEGER NOT NULL,
  version_id TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, root BLOB NOT NULL,
  branch TEXT NOT NULL, members TEXT NOT NULL, follow INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS files(
  dataset INTEGER NOT NULL, path TEXT NOT NULL, signature BLOB NOT NULL, kind INTEGER NOT NULL,
  size INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(dataset, path)) WITHOUT ROWID;
"""
_TRACKED = "id, path, name, version, version_id, kind, digest, root, branch, members, follow"
_AT_ONCE = 500


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
        rows = self._open().execute(
            "SELECT path, signature FROM files WHERE dataset = ? AND kind != ?",
            (dataset, int(Kind.ERASED)),
        )
        return dict(rows)

    def entries(self, dataset: int, paths: Iterable[str]) -> dict[str, Entry]:
        """The entries of some paths."""
        return {path: entry for path, (entry, _) in self.rows(dataset, paths).items()}

    def rows(self, dataset: int, paths: Iterable[str]) -> dict[str, tuple[Entry, bytes]]:
        """Entries and signatures of some paths."""
        wanted = list(paths)
        found: dict[str, tuple[Entry, bytes]] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            query = (
                "SELECT path, kind, size, digest, signature FROM files "  # noqa: S608
                f"WHERE dataset = ? AND path IN ({marks})"
            )
            for path, kind, size, digest, sign in self._open().execute(query, (dataset, *part)):
                found[path] = (Entry(kind, size, digest), sign)
        return found

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
        self._open().execute("DELETE FROM files WHERE dataset = ?", (dataset,))
        self._open().execute("DELETE FROM tracked WHERE id = ?", (dataset,))

    def put(self, dataset: int, rows: Iterable[tuple[str, bytes, Entry]]) -> None:
        """Set signature and entry of paths."""
        self._open().executemany(
            "INSERT OR REPLACE INTO files(dataset, path, signature, kind, size, digest) "
            "VALUES(?, ?, ?, ?, ?, ?)",
            ((dataset, path, sign, *entry) for path, sign, entry in rows),
        )

    def sign(self, dataset: int, signatures: Iterable[tuple[str, bytes]]) -> None:
        """Set signatures of paths whose entries are as they were."""
        self._open().executemany(
            "UPDATE files SET signature = ? WHERE dataset = ? AND path = ?",
            ((sign, dataset, path) for path, sign in signatures),
        )

    def remove(self, dataset: int, paths: Iterable[str]) -> None:
        """Drop paths."""
        self._open().executemany(
            "DELETE FROM files WHERE dataset = ? AND path = ?", ((dataset, p) for p in paths)
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
            self._connection = open_database(self.path, _SCHEMA, durable=False)
        return self._connection
