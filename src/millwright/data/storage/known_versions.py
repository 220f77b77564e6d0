"""The versions that this workspace knows, read without opening the door.

From the metadata store where that is SQLite beside the project, and from the journal of versions
that no door has taken in yet.
"""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from millwright.data.storage.heads import Row

_SKIPPED = ("project",)


def readable(state: Path) -> bool:
    """Whether the metadata store can be read here: no other database is named."""
    return not os.environ.get("MILLWRIGHT_DATABASE_URL")


def known_versions(state: Path, project: str) -> tuple[list[Row], dict[str, dict[str, Row]]]:
    """All versions of a project, and the refs of each dataset by name.

    A version's ``name`` and all columns of its row are in it.
    """
    from millwright.data.working.journal import Journal

    rows, refs = _from_database(state / "millwright.db", project)
    seen = {row["id"] for row in rows}
    journal = Journal(state)
    try:
        waiting = [one for one in journal.waiting() if one.project == project]
    finally:
        journal.close()
    for one in waiting:
        if one.id not in seen:
            rows.append(
                {
                    "id": one.id,
                    "name": one.name,
                    "version": one.version,
                    "kind": one.kind,
                    "digest": one.digest,
                    "size": one.size,
                    "files": one.files,
                    "rows": one.rows,
                    "columns": "[]",
                    "profile_digest": "",
                    "parents": json.dumps(one.parents),
                    "branch": one.branch,
                    "message": one.message,
                    "key": "[]",
                    "original": one.original,
                    "source": one.source,
                    "created_ms": one.created_ms,
                    "created_by": one.created_by,
                }
            )
    return rows, refs


def _from_database(path: Path, project: str) -> tuple[list[Row], dict[str, dict[str, Row]]]:
    if not path.exists():
        return [], {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
    connection.row_factory = sqlite3.Row
    try:
        versions = _select(connection, "dataset_versions", project)
        rewritten = _times(connection, "dataset_rewrites", "rewritten_ms", project)
        dropped = _times(connection, "dropped_versions", "dropped_ms", project)
        for row in versions:
            if row["id"] in rewritten:
                row["rewritten_ms"] = rewritten[row["id"]]
            if row["id"] in dropped:
                row["dropped_ms"] = dropped[row["id"]]
        refs: dict[str, dict[str, Row]] = {}
        for row in _select(connection, "removed_refs", project):
            refs.setdefault(row.pop("name"), {})[row.pop("ref")] = {**row, "removed": True}
        for row in _select(connection, "dataset_refs", project):
            refs.setdefault(row.pop("name"), {})[row.pop("ref")] = row
    finally:
        connection.close()
    return versions, refs


def _select(connection: sqlite3.Connection, table: str, project: str) -> list[dict[str, Any]]:
    try:
        rows = connection.execute(f"SELECT * FROM {table} WHERE project = ?", (project,))  # noqa: S608
    except sqlite3.OperationalError as cause:
        # A database of an earlier Millwright, or one being made: it has none of these yet.
        if "no such table" in str(cause):
            return []
        raise
    return [{k: row[k] for k in row.keys() if k not in _SKIPPED} for row in rows]  # noqa: SIM118


def _times(connection: sqlite3.Connection, table: str, column: str, project: str) -> dict[str, int]:
    return {row["version_id"]: row[column] for row in _select(connection, table, project)}
