"""What was erased from the versions of a dataset: its tombstones, for everyone who reads it."""

from __future__ import annotations

from sqlalchemy import select

from millwright.data.storage.records import ErasureReport, Tombstone
from millwright.data.storage.tables import erasures
from millwright.kernel import clock
from millwright.kernel.store import Store


def tombstones(store: Store, project: str, name: str) -> list[Tombstone]:
    """Each version of a dataset from which something was erased, the newest erasure first."""
    e = erasures.c
    query = select(erasures).where(e.project == project).order_by(e.created_ms.desc())
    found = []
    with store.read() as connection:
        for row in connection.execute(query):
            for one in ErasureReport.model_validate_json(row.report).versions:
                dataset, _, number = one.reference.rpartition("@")
                if dataset == name:
                    found.append(
                        Tombstone(
                            version=int(number),
                            paths=one.paths,
                            rows=one.rows,
                            reason=row.reason,
                            erased_at=clock.rfc3339(row.created_ms),
                            erased_by=row.created_by,
                        )
                    )
    return found
