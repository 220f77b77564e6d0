"""Silences, and who was told of an alert: changes and queries, one transaction each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from millwright.deployment import find_deployment, list_deployments
from millwright.kernel.access import Actor
from millwright.kernel.clock import now_ms, parse_duration, rfc3339
from millwright.kernel.errors import NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store
from millwright.monitoring.message_log import told_of
from millwright.monitoring.records import NewSilence, Silence, Told
from millwright.monitoring.tables import alert_messages, alert_silences

_MOST = 200


def add_silence(store: Store, actor: Actor, project: str, wish: NewSilence) -> Silence:
    """Begin a silence; raises ``NotFound`` where the project has no such deployment."""
    deployment = None
    if wish.deployment is not None:
        deployment = find_deployment(store, project, wish.deployment).id
    identifier, now = new_id(), now_ms()
    values = {
        "id": identifier,
        "project": project,
        "deployment_id": deployment,
        "kind": wish.kind,
        "reason": wish.reason,
        "created_by": actor.name,
        "created_ms": now,
        "until_ms": now + parse_duration(wish.duration),
    }
    with store.write(actor, project) as tx:
        tx.execute(insert(alert_silences).values(**values))
        tx.event("alerts.silenced", f"silence:{identifier}", wish.model_dump(mode="json"))
    return _found(store, project, identifier)


def end_silence(store: Store, actor: Actor, project: str, silence_id: str) -> Silence:
    """End a silence now: what waited for its end is looked at again. Raises ``NotFound``."""
    found, now = _found(store, project, silence_id), now_ms()
    if not found.active:
        return found
    same = (alert_silences.c.id == silence_id, alert_silences.c.project == project)
    waiting = (alert_messages.c.project == project, alert_messages.c.state == "waiting")
    with store.write(actor, project) as tx:
        tx.execute(update(alert_silences).where(*same).values(until_ms=now))
        # Another silence over the same alert makes them wait again.
        tx.execute(
            update(alert_messages)
            .where(*waiting, alert_messages.c.attempts == 0, alert_messages.c.due_ms > now)
            .values(due_ms=now)
        )
        tx.event("alerts.silence-ended", f"silence:{silence_id}", {"by": actor.name})
    return _found(store, project, silence_id)


def list_silences(store: Store, project: str) -> tuple[Silence, ...]:
    """The latest silences of a project, newest first."""
    query = select(alert_silences).where(alert_silences.c.project == project)
    with store.read() as connection:
        rows = connection.execute(query.order_by(alert_silences.c.id.desc()).limit(_MOST)).all()
    names = {found.id: found.name for found in list_deployments(store, project)}
    return tuple(_record(row, names) for row in rows)


def messages_of(store: Store, alert_id: str) -> tuple[Told, ...]:
    """The messages about an alert, in the order in which they fall due."""
    with store.read() as connection:
        return told_of(connection, [alert_id])[alert_id]


def _found(store: Store, project: str, silence_id: str) -> Silence:
    query = select(alert_silences).where(
        alert_silences.c.id == silence_id, alert_silences.c.project == project
    )
    with store.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "monitoring.unknown_silence",
            "There is no silence with that id.",
            hint="See them with: mw alerts silences",
            value=silence_id,
        )
    return _record(row, {found.id: found.name for found in list_deployments(store, project)})


def _record(row: Row[Any], names: dict[str, str]) -> Silence:
    return Silence(
        id=row.id,
        project=row.project,
        deployment=None
        if row.deployment_id is None
        else names.get(row.deployment_id, row.deployment_id),
        kind=row.kind,
        reason=row.reason,
        created_by=row.created_by,
        created_at=rfc3339(row.created_ms),
        until=rfc3339(row.until_ms),
        active=row.until_ms > now_ms(),
    )
