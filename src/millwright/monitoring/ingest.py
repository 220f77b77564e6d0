"""From the spool folder into the store.

An inference server has no database: it leaves segments in a folder. Each becomes an object, then a
row, then its file is deleted, in this order, so that a kill at any point leaves either the file or
the row, or both; and a file whose row exists is only deleted. File names are unique within a
deployment, which makes that exact. A file that cannot be read is put aside under ``quarantine/``
and said so in an event; the rest go on.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import insert, select

from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import Corrupt
from millwright.kernel.store import Store
from millwright.monitoring.segments import SegmentFacts, facts_of, read_segment
from millwright.monitoring.tables import prediction_segments

BATCH_FILES = 200
"""Files taken in one transaction, so that a long outage is caught up in steps."""
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Ingested:
    """A segment that is now in the store."""

    digest: str
    facts: SegmentFacts
    table: pa.Table


def ingest(store: Store, project: str, deployment_id: str, spool: Path) -> list[Ingested]:
    """Take up to ``BATCH_FILES`` waiting segments into the store; the oldest first."""
    waiting = waiting_segments(spool)[:BATCH_FILES]
    if not waiting:
        return []
    known = _known_names(store, deployment_id, [path.name for path in waiting])
    fresh: list[tuple[Path, Ingested]] = []
    broken: list[tuple[Path, str]] = []
    for path in waiting:
        if path.name in known:
            continue
        try:
            taken = _take(store, project, path)
        except FileNotFoundError:
            continue
        except Corrupt as cause:
            broken.append((path, cause.message))
            continue
        if taken is not None:
            fresh.append((path, taken))
    if fresh or broken:
        _record(store, project, deployment_id, fresh, broken)
    unreadable = {path for path, _ in broken}
    for path in waiting:
        if path in unreadable:
            _put_aside(path)
        else:
            path.unlink(missing_ok=True)
    return [taken for _, taken in fresh]


def waiting_segments(spool: Path) -> list[Path]:
    """Whole segments in the spool, in the order of their names, which begin with the time."""
    try:
        with os.scandir(spool) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.endswith(".arrow") and not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return []
    return [spool / name for name in sorted(names)]


def _take(store: Store, project: str, path: Path) -> Ingested | None:
    content = path.read_bytes()
    table = read_segment(content)
    if table.num_rows == 0:
        return None
    facts = facts_of(table)
    digest = store.objects.of(project).put(content)
    return Ingested(digest=digest, facts=facts, table=table)


def _known_names(store: Store, deployment_id: str, names: list[str]) -> set[str]:
    query = select(prediction_segments.c.file_name).where(
        prediction_segments.c.deployment_id == deployment_id,
        prediction_segments.c.file_name.in_(names),
    )
    with store.read() as connection:
        return set(connection.execute(query).scalars())


def _record(
    store: Store,
    project: str,
    deployment_id: str,
    fresh: list[tuple[Path, Ingested]],
    broken: list[tuple[Path, str]],
) -> None:
    rows = [
        {
            "deployment_id": deployment_id,
            "file_name": path.name,
            "digest": taken.digest,
            **asdict(taken.facts),
        }
        for path, taken in fresh
    ]
    with store.write(SYSTEM, project) as tx:
        if rows:
            tx.execute(insert(prediction_segments), rows)
            payload = {"segments": len(rows), "rows": sum(taken.facts.rows for _, taken in fresh)}
            tx.event("predictions.ingested", f"deployment:{deployment_id}", payload)
        for path, reason in broken:
            payload_broken = {"file": path.name, "reason": reason}
            tx.event("predictions.quarantined", f"deployment:{deployment_id}", payload_broken)


def _put_aside(path: Path) -> None:
    folder = path.parent / QUARANTINE
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.replace(folder / path.name)
