"""Taking versions from the journal of the working copy into the metadata store, exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, insert, select

from millwright.data.tables import dataset_versions
from millwright.data.working.journal import Journal, Known
from millwright.kernel.access import Actor, Role
from millwright.kernel.projects import begin_project
from millwright.kernel.store import Store, Transaction

_seen: dict[str, tuple[int, int]] = {}
"""The journal's files as they were when nothing waited, so that looking again costs two stats."""


def take_journal(store: Store) -> int:
    """Take what waits in this workspace's journal; how many versions that was."""
    journal = Journal(store.workspace.state)
    stamp = _stamp(journal)
    if stamp is None or _seen.get(str(journal.path)) == stamp:
        return 0
    with journal.alone():
        taken = _take(store, journal)
        _seen[str(journal.path)] = _stamp(journal) or stamp
    return taken


@contextmanager
def numbering(store: Store) -> Iterator[None]:
    """Hold the right to number versions; what waits in the journal has its numbers before."""
    journal = Journal(store.workspace.state)
    with journal.alone():
        if journal.path.exists():
            _take(store, journal)
        yield


def _stamp(journal: Journal) -> tuple[int, int] | None:
    try:
        main = journal.path.stat()
    except FileNotFoundError:
        return None
    try:
        ahead = journal.path.with_name("journal.db-wal").stat()
    except FileNotFoundError:
        return main.st_mtime_ns, 0
    return main.st_mtime_ns, ahead.st_mtime_ns ^ ahead.st_size


def _take(store: Store, journal: Journal) -> int:
    try:
        waiting = journal.waiting()
        for version in waiting:
            # The name is what the journal says: one of this machine's users kept it.
            with store.write(Actor(version.created_by, Role.EDITOR), version.project) as tx:
                _insert(tx, version)
        if waiting:
            journal.mark_taken([version.id for version in waiting])
        return len(waiting)
    finally:
        journal.close()


def _insert(tx: Transaction, version: Known) -> None:
    v = dataset_versions.c
    if tx.execute(select(v.id).where(v.id == version.id)).first() is not None:
        # Taken before a kill that came between the two commits.
        return
    begin_project(tx)
    here = (v.project == version.project, v.name == version.name)
    number = version.version
    if tx.execute(select(v.id).where(*here, v.version == number)).first() is not None:
        # Another store's versions came in meanwhile (a restored backup, a pull).
        newest = tx.execute(select(func.max(v.version)).where(*here)).scalar()
        number = int(newest or 0) + 1
    row: dict[str, Any] = {
        "id": version.id,
        "project": version.project,
        "name": version.name,
        "version": number,
        "kind": version.kind,
        "digest": version.digest,
        "size": version.size,
        "files": version.files,
        "rows": version.rows,
        "columns": "[]",
        "profile_digest": "",
        "parents": json.dumps(version.parents),
        "branch": version.branch,
        "message": version.message,
        "key": "[]",
        "original": version.original,
        "source": version.source,
        "created_ms": version.created_ms,
        "created_by": version.created_by,
    }
    tx.execute(insert(dataset_versions).values(row))
    payload = {k: row[k] for k in ("name", "version", "kind", "digest", "files", "size", "source")}
    tx.event("dataset.version-created", f"dataset:{version.id}", payload)
