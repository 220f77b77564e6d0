"""What steps made before, by fingerprint, for the next run that asks for the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Store, Transaction
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.records import CacheAnswer
from millwright.pipelines.tables import step_cache

Outputs = dict[str, Artifact]


def lookup(store: Store, project: str, keys: Iterable[str]) -> CacheAnswer:
    """Earlier results by key; keys without one are left out."""
    with store.read() as connection:
        found = {key: find(store, connection, project, key) for key in keys}
    return CacheAnswer(outputs={key: value for key, value in found.items() if value is not None})


def find(store: Store, connection: Connection, project: str, key: str) -> Outputs | None:
    """The outputs of an earlier step with this key whose objects are all still there."""
    found = connection.execute(
        select(step_cache.c.outputs).where(step_cache.c.project == project, step_cache.c.key == key)
    ).scalar()
    if found is None:
        return None
    outputs = {name: Artifact.model_validate(one) for name, one in found.items()}
    # Objects may have been collected since; then the step runs again and makes them anew.
    digests = {artifact.digest for artifact in outputs.values()}
    return outputs if store.objects.of(project).has_many(digests) == digests else None


def remember(
    tx: Transaction, run: Row[Any], step: str, fingerprint: Fingerprint, outputs: Outputs
) -> None:
    """Keep what a step made, in the transaction that finishes it."""
    where = (step_cache.c.project == run.project, step_cache.c.key == fingerprint.key)
    tx.execute(delete(step_cache).where(*where))
    tx.execute(
        insert(step_cache).values(
            project=run.project,
            key=fingerprint.key,
            step=step,
            fingerprint=fingerprint.model_dump(),
            outputs=dumped(outputs),
            run_id=run.id,
            created_ms=clock.now_ms(),
        )
    )


def last_fingerprint(connection: Connection, project: str, step: str) -> Fingerprint | None:
    """That of the latest result of a step, to say what has changed since."""
    found = connection.execute(
        select(step_cache.c.fingerprint)
        .where(step_cache.c.project == project, step_cache.c.step == step)
        .order_by(step_cache.c.created_ms.desc())
        .limit(1)
    ).scalar()
    return None if found is None else Fingerprint.model_validate(found)


def dumped(outputs: Outputs) -> dict[str, Any]:
    """Outputs as they stand in a row."""
    return {name: artifact.model_dump() for name, artifact in outputs.items()}
