"""Every change and query of retrainings: one transaction each, with its event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.engine import Row

from millwright.automation.records import OPEN, Cause, HeldOutComparison, Retraining, Status
from millwright.automation.tables import champion_features, retrainings
from millwright.deployment import Deployment, list_deployments
from millwright.kernel import clock
from millwright.kernel.access import SYSTEM, Actor
from millwright.kernel.config import FeaturesConfig
from millwright.kernel.errors import NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Edge, Store


def begin(
    store: Store,
    actor: Actor,
    deployment: Deployment,
    cause: Cause,
    event_time_ms: int,
    *,
    known: int,
) -> str | None:
    """Decide to retrain; the id of the retraining. Its pipeline run is made afterwards, by id.

    ``known``: how many retrainings there were when it was decided. Where another one has begun
    since (a person's, or that of a control plane that took over), nothing begins: None.
    """
    identifier, run_id = new_id(), new_id()
    table = retrainings.c
    earlier = select(func.count()).where(table.deployment_id == deployment.id)
    with store.write(actor, deployment.project) as tx:
        if tx.execute(earlier).scalar_one() != known:
            return None
        tx.execute(
            insert(retrainings).values(
                id=identifier,
                project=deployment.project,
                deployment_id=deployment.id,
                pipeline_run_id=run_id,
                status="running",
                cause=cause.model_dump_json(),
                event_time_ms=event_time_ms,
                champion_version_id=deployment.champion_version_id,
                champion_version=deployment.champion_version,
                created_ms=clock.now_ms(),
            )
        )
        node = f"retraining:{identifier}"
        edges: list[Edge] = [(f"alert:{alert}", node) for alert in cause.alert_ids]
        edges += [(node, f"pipeline-run:{run_id}")]
        payload = {"deployment": deployment.name, **cause.model_dump()}
        tx.event("retraining.started", node, payload, edges=edges)
    return identifier


def settle(
    store: Store,
    actor: Actor,
    found: Row[Any],
    status: Status,
    reason: str,
    *,
    challenger: tuple[str, int] | None = None,
    comparison: HeldOutComparison | None = None,
) -> bool:
    """Move a retraining on to ``status``; False where it has been moved on already.

    ``challenger``: id and number of the version it made.
    """
    values: dict[str, object] = {"status": status, "reason": reason}
    if challenger is not None:
        values["challenger_version_id"], values["challenger_version"] = challenger
    if comparison is not None:
        values["comparison"] = comparison.model_dump_json()
    if status not in OPEN:
        values["finished_ms"] = clock.now_ms()
    same = (retrainings.c.id == found.id, retrainings.c.status == found.status)
    with store.write(actor, found.project) as tx:
        if tx.execute(update(retrainings).where(*same).values(**values)).rowcount != 1:
            return False
        kind = f"retraining.{status.replace('_', '-')}"
        tx.event(kind, f"retraining:{found.id}", {"reason": reason})
    return True


def open_retrainings(store: Store, status: Status) -> list[Row[Any]]:
    """Retrainings in an open state, oldest first."""
    query = select(retrainings).where(retrainings.c.status == status).order_by(retrainings.c.id)
    with store.read() as connection:
        return list(connection.execute(query))


@dataclass(frozen=True, slots=True)
class Past:
    """When a retraining was begun, in event and in wall time, and how long it took; milliseconds."""

    event_time_ms: int
    created_ms: int
    took_ms: int


def past_retrainings(store: Store, deployment_id: str) -> list[Past]:
    """The retrainings of a deployment, oldest first; one that runs took as long as it runs."""
    table = retrainings.c
    query = (
        select(table.event_time_ms, table.created_ms, table.finished_ms)
        .where(table.deployment_id == deployment_id)
        .order_by(table.id)
    )
    now = clock.now_ms()
    with store.read() as connection:
        return [
            Past(row.event_time_ms, row.created_ms, (row.finished_ms or now) - row.created_ms)
            for row in connection.execute(query)
        ]


def features_changed(store: Store, deployment: Deployment, features: FeaturesConfig) -> bool:
    """Whether the project's features are others than when the champion was first seen serving."""
    text = features.model_dump_json()
    table = champion_features
    found = table.c.deployment_id == deployment.id
    with store.read() as connection:
        row = connection.execute(select(table).where(found)).first()
    if row is not None and row.version_id == deployment.champion_version_id:
        return bool(row.features != text)
    values = {"version_id": deployment.champion_version_id, "features": text}
    with store.write(SYSTEM, deployment.project) as tx:
        if tx.execute(update(table).where(found).values(**values)).rowcount == 0:
            tx.execute(insert(table).values(deployment_id=deployment.id, **values))
        tx.event("features.noted", f"deployment:{deployment.id}", values)
    return False


def get_retraining(store: Store, project: str, retraining_id: str) -> Retraining:
    """One retraining; raises ``NotFound``."""
    query = select(retrainings).where(retrainings.c.id == retraining_id)
    with store.read() as connection:
        row = connection.execute(query.where(retrainings.c.project == project)).first()
    if row is None:
        raise NotFound(
            "retraining.unknown",
            "There is no retraining with that id.",
            hint="See them with: mw retrainings",
            value=retraining_id,
        )
    names = {found.id: found.name for found in list_deployments(store, project)}
    return _record(row, names.get(row.deployment_id, row.deployment_id))


def list_retrainings(store: Store, project: str, *, limit: int = 100) -> list[Retraining]:
    """The retrainings of a project, newest first."""
    names = {found.id: found.name for found in list_deployments(store, project)}
    query = (
        select(retrainings)
        .where(retrainings.c.project == project)
        .order_by(retrainings.c.id.desc())
        .limit(limit)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_record(row, names.get(row.deployment_id, row.deployment_id)) for row in rows]


def _record(row: Row[Any], deployment: str) -> Retraining:
    comparison = row.comparison
    return Retraining(
        id=row.id,
        project=row.project,
        deployment_id=row.deployment_id,
        deployment=deployment,
        pipeline_run_id=row.pipeline_run_id,
        status=row.status,
        cause=Cause.model_validate_json(row.cause),
        event_time=clock.rfc3339(row.event_time_ms),
        champion_version_id=row.champion_version_id,
        champion_version=row.champion_version,
        challenger_version_id=row.challenger_version_id,
        challenger_version=row.challenger_version,
        comparison=None
        if comparison is None
        else HeldOutComparison.model_validate_json(comparison),
        reason=row.reason,
        created=clock.rfc3339(row.created_ms),
        finished=None if row.finished_ms is None else clock.rfc3339(row.finished_ms),
    )


@describes("retraining", anew=True)
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = select(retrainings).where(retrainings.c.project == project, retrainings.c.id.in_(ids))
    return {
        f"retraining:{row.id}": LineageNode(
            id=f"retraining:{row.id}",
            kind="retraining",
            label=f"retraining of {clock.rfc3339(row.event_time_ms)[:10]}",
            href="/retrainings",
        )
        for row in connection.execute(query)
    }
