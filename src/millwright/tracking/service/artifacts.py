"""Artifacts: a logical name under a run leads, in the database only, to an object's digest."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import NotFound
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store
from millwright.tracking.records import Artifact, NewArtifact
from millwright.tracking.service.runs import project_of
from millwright.tracking.tables import run_artifacts, runs


def log_artifact(store: Store, actor: Actor, run: str, new: NewArtifact) -> Artifact:
    """Name an object as an artifact of a run; the same name again replaces it.

    Raises:
        NotFound: there is no such run, or the bytes were not uploaded.
    """
    project = project_of(store, run)
    row = {
        "run": run,
        "name": new.name,
        "digest": new.digest,
        "size": store.objects.of(project).size(new.digest),
        "media_type": new.media_type,
        "created_ms": clock.now_ms(),
    }
    table = run_artifacts
    with store.write(actor, project) as tx:
        tx.execute(delete(table).where(table.c.run == run, table.c.name == new.name))
        tx.execute(insert(table).values(**row))
        edges = [(f"run:{run}", f"artifact:{new.digest}")]
        payload = {"name": new.name, "digest": new.digest, "size": row["size"]}
        tx.event("run.artifact-logged", f"run:{run}", payload, edges=edges)
        written = tx.execute(_one(run, new.name)).one()
    return _artifact(written)


def artifacts(store: Store, run: str) -> list[Artifact]:
    """The artifacts of a run by name.

    Raises:
        NotFound: there is no such run.
    """
    project_of(store, run)
    query = select(run_artifacts).where(run_artifacts.c.run == run).order_by(run_artifacts.c.name)
    with store.read() as connection:
        return [_artifact(row) for row in connection.execute(query)]


def artifact(store: Store, run: str, name: str) -> Artifact:
    """One artifact of a run.

    Raises:
        NotFound: there is no such run, or no artifact with exactly this name.
    """
    project_of(store, run)
    with store.read() as connection:
        row = connection.execute(_one(run, name)).first()
    if row is None:
        raise NotFound(
            "tracking.unknown_artifact",
            f"The run has no artifact named '{name[:100]}'.",
            hint="See them with: mw runs show RUN",
            value=name,
        )
    return _artifact(row)


def _one(run: str, name: str) -> Any:
    return select(run_artifacts).where(run_artifacts.c.run == run, run_artifacts.c.name == name)


def _artifact(row: Row[Any]) -> Artifact:
    return Artifact(
        name=row.name,
        digest=row.digest,
        size=row.size,
        media_type=row.media_type,
        created_at=clock.rfc3339(row.created_ms),
    )


@describes("artifact")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = (
        select(run_artifacts.c.digest, run_artifacts.c.name, run_artifacts.c.run)
        .join(runs, runs.c.id == run_artifacts.c.run)
        .where(runs.c.project == project, run_artifacts.c.digest.in_(ids))
    )
    return {
        f"artifact:{row.digest}": LineageNode(
            id=f"artifact:{row.digest}",
            kind="artifact",
            label=row.name,
            href=f"/runs/{row.run}",
        )
        for row in connection.execute(query)
    }
