"""Which MD5 of DVC is which BLAKE3 of Millwright, kept so that nothing is hashed twice.

A small SQLite file in the workspace's state folder. It is a memory, not a truth: losing it costs
the time of reading the files again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects(
  project TEXT NOT NULL, kind TEXT NOT NULL, md5 TEXT NOT NULL,
  digest TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(project, kind, md5)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_digest ON objects(project, digest, kind);
CREATE TABLE IF NOT EXISTS versions(
  project TEXT NOT NULL, place TEXT NOT NULL, origin TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY(project, place, origin)) WITHOUT ROWID;
"""
_AT_ONCE = 500


class Known(NamedTuple):
    """An object under both names: its BLAKE3 and its size in bytes."""

    digest: str
    size: int


class Correspondence:
    """The objects of one project that are known under both names."""

    def __init__(self, state: Path, project: str) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self._project = project
        self._connection = sqlite3.connect(state / "dvc.db", timeout=60)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def of_md5s(self, md5s: Iterable[str], kind: str) -> dict[str, Known]:
        """Those of these MD5s that are known, with what they are here."""
        rows = self._select("md5", "digest, size", md5s, kind)
        return {md5: Known(digest, int(size)) for md5, digest, size in rows}

    def of_digests(self, digests: Iterable[str], kind: str) -> dict[str, str]:
        """The MD5s of those of these digests that are known."""
        return {row[0]: row[1] for row in self._select("digest", "md5", digests, kind)}

    def _select(
        self, column: str, wanted: str, values: Iterable[str], kind: str
    ) -> list[tuple[str, ...]]:
        ordered, found = list(values), []
        for start in range(0, len(ordered), _AT_ONCE):
            part = ordered[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            # Column names are ours; values are bound.
            query = (
                f"SELECT {column}, {wanted} FROM objects "  # noqa: S608
                f"WHERE project = ? AND kind = ? AND {column} IN ({marks})"
            )
            found += self._connection.execute(query, (self._project, kind, *part)).fetchall()
        return found

    def add(self, kind: str, known: Iterable[tuple[str, Known]]) -> None:
        """Remember objects: MD5 and what they are here."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO objects(project, kind, md5, digest, size) "
                "VALUES(?, ?, ?, ?, ?)",
                [(self._project, kind, md5, one.digest, one.size) for md5, one in known],
            )

    def versions(self) -> dict[tuple[str, str], str]:
        """The ids of imported versions by tracked path and origin (a commit, or a digest)."""
        query = "SELECT place, origin, id FROM versions WHERE project = ?"
        rows = self._connection.execute(query, (self._project,))
        return {(place, origin): identifier for place, origin, identifier in rows}

    def add_version(self, place: str, origin: str, identifier: str) -> None:
        """Remember which version an origin's content of a path became."""
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO versions(project, place, origin, id) VALUES(?, ?, ?, ?)",
                (self._project, place, origin, identifier),
            )
