"""Queries of monitoring, and the changes people make: labels posted, alerts acted on."""

from __future__ import annotations

import io
import json
from bisect import bisect_left
from collections.abc import Sequence

import pyarrow as pa
from sqlalchemy import Connection, insert, select, update

from millwright.deployment import Deployment, find_deployment, list_deployments, named
from millwright.kernel.access import Actor
from millwright.kernel.clock import now_ms, parse_rfc3339
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store, Transaction
from millwright.monitoring.alert_log import alert_record, resolve_alert, rows_of
from millwright.monitoring.differences import Differences
from millwright.monitoring.exports.exposition import exposition
from millwright.monitoring.labels import label_table
from millwright.monitoring.records import (
    Alert,
    AlertStatus,
    LabelBatch,
    LabelsAccepted,
    Traffic,
    Window,
)
from millwright.monitoring.segments import SegmentCache
from millwright.monitoring.tables import alerts, label_segments, windows
from millwright.monitoring.traffic import traffic_of
from millwright.monitoring.trial import differences_of
from millwright.monitoring.window_log import (
    first_event,
    latest_closed,
    segments_served_since,
    tables_of,
    watermark_of,
    window_record,
    windows_of,
)

_TRAFFIC_SEGMENTS = 500
_recent = SegmentCache(16 << 20)
"""Segments that live charts ask for again and again; the same bytes for every caller."""


def add_labels(
    store: Store, actor: Actor, project: str, name: str, batch: LabelBatch
) -> LabelsAccepted:
    """Keep labels; the monitor joins them with the predictions they are about.

    Raises:
        NotFound: the project has no such deployment.
        InvalidInput: an ``observed_at`` is no time.
    """
    deployment = find_deployment(store, project, name)
    for label in batch.labels:
        if label.observed_at is not None:
            parse_rfc3339(label.observed_at)
    table = label_table(batch.labels)
    content = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(content, table.schema, options=options) as writer:
        writer.write_table(table)
    digest = store.objects.of(project).put(content.getvalue())
    with store.write(actor, project) as tx:
        tx.execute(
            insert(label_segments).values(
                deployment_id=deployment.id,
                digest=digest,
                rows=table.num_rows,
                created_ms=now_ms(),
            )
        )
        payload = {"rows": table.num_rows, "digest": digest}
        tx.event("labels.added", f"deployment:{deployment.id}", payload)
    return LabelsAccepted(accepted=table.num_rows, digest=digest)


def list_windows(store: Store, project: str, name: str, limit: int = 100) -> tuple[Window, ...]:
    """The latest windows of a deployment, oldest first; raises ``NotFound``."""
    deployment = find_deployment(store, project, name)
    with store.read() as connection:
        rows = windows_of(connection, deployment.id, limit)
    return tuple(window_record(row, deployment.name) for row in rows)


def get_window(store: Store, project: str, name: str, window_id: str) -> Window:
    """One window; raises ``NotFound``."""
    deployment = find_deployment(store, project, name)
    query = select(windows).where(
        windows.c.deployment_id == deployment.id, windows.c.id == window_id
    )
    with store.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NotFound(
            "monitoring.unknown_window",
            f"The deployment '{name}' has no window with that id.",
            hint=f"See its windows with: mw monitor show {name}",
            value=window_id,
        )
    return window_record(row, deployment.name)


def list_alerts(
    store: Store,
    project: str,
    *,
    status: AlertStatus | None = None,
    deployment: str | None = None,
    limit: int = 200,
) -> tuple[Alert, ...]:
    """The alerts of a project, newest first."""
    names = {found.id: found.name for found in list_deployments(store, project)}
    query = select(alerts).where(alerts.c.project == project)
    if status is not None:
        query = query.where(alerts.c.status == status)
    if deployment is not None:
        query = query.where(
            alerts.c.deployment_id == find_deployment(store, project, deployment).id
        )
    query = query.order_by(alerts.c.id.desc()).limit(limit)
    with store.read() as connection:
        rows = connection.execute(query).all()
    return tuple(alert_record(row, names.get(row.deployment_id, row.deployment_id)) for row in rows)


def unresolved_alerts(store: Store, deployment: Deployment) -> tuple[Alert, ...]:
    """What still asks for attention in a deployment, oldest first: what retraining looks at."""
    query = select(alerts).where(
        alerts.c.deployment_id == deployment.id, alerts.c.status != "resolved"
    )
    with store.read() as connection:
        rows = connection.execute(query.order_by(alerts.c.id)).all()
    return tuple(alert_record(row, deployment.name) for row in rows)


def exposition_of(store: Store, project: str) -> str:
    """What Prometheus scrapes of a project."""
    latest: dict[str, Window | None] = {}
    with store.read() as connection:
        for deployment in list_deployments(store, project):
            if deployment.status == "running":
                row = latest_closed(connection, deployment.id)
                name = deployment.name
                latest[name] = None if row is None else window_record(row, name)
    found = list_alerts(store, project, limit=1000)
    return exposition(latest, [alert for alert in found if alert.status != "resolved"])


def began_of(store: Store, alert_ids: Sequence[str]) -> tuple[int, ...]:
    """Since when what these alerts say is so, in event milliseconds."""
    with store.read() as connection:
        rows = rows_of(connection, alert_ids)
    return tuple(int(json.loads(row.detail)["since_ms"]) for row in rows)


def event_time_of(store: Store, deployment_id: str) -> int | None:
    """How far the prediction log of a deployment has come, in event milliseconds; None if empty."""
    with store.read() as connection:
        return watermark_of(connection, deployment_id)


def first_event_time_of(store: Store, deployment_id: str) -> int | None:
    """When the first logged prediction of a deployment was asked for, in event milliseconds."""
    with store.read() as connection:
        return first_event(connection, deployment_id)


def labels_between(store: Store, deployment_id: str, moments: Sequence[int]) -> tuple[int, ...]:
    """Labels that arrived up to the first moment, between each two, and since the last.

    ``moments`` are wall times in milliseconds, ascending.
    """
    table = label_segments.c
    query = select(table.created_ms, table.rows).where(table.deployment_id == deployment_id)
    counted = [0] * (len(moments) + 1)
    with store.read() as connection:
        for row in connection.execute(query):
            counted[bisect_left(moments, row.created_ms)] += row.rows
    return tuple(counted)


def recent_traffic(store: Store, project: str, name: str, seconds: int = 60) -> Traffic:
    """The last seconds of an endpoint; raises ``NotFound``."""
    deployment = find_deployment(store, project, name)
    now = now_ms()
    with store.read() as connection:
        segments = segments_served_since(
            connection, deployment.id, now - (seconds + 5) * 1000, _TRAFFIC_SEGMENTS
        )
    tables = tables_of(store, project, _recent, segments)
    return traffic_of(deployment.name, tables, now, seconds)


def variant_differences(store: Store, project: str, name: str, variant: str) -> Differences:
    """How a variant and the champion differ on the latest rows that both scored.

    Raises:
        NotFound: there is no such deployment or variant.
    """
    deployment = find_deployment(store, project, name)
    return differences_of(store, deployment, named(deployment.variants, variant))


def acknowledge_alert(store: Store, actor: Actor, alert_id: str) -> Alert:
    """Say that a person has seen an alert; doing so again changes nothing.

    Raises:
        NotFound: there is no such alert.
        Conflict: it is resolved already.
    """
    with store.write(actor, _project_of(store, alert_id)) as tx:
        found = _require(tx.connection, alert_id)
        if found.status == "resolved":
            raise Conflict(
                "monitoring.alert_resolved",
                "That alert is resolved already.",
                hint="See what is open with: mw alerts list",
                value=alert_id,
            )
        if found.status == "open":
            tx.execute(
                update(alerts)
                .where(alerts.c.id == found.id)
                .values(status="acknowledged", acknowledged_by=actor.name)
            )
            tx.event("alert.acknowledged", f"alert:{found.id}", {"by": actor.name})
        return _named(store, tx, found.id)


def resolve(store: Store, actor: Actor, alert_id: str) -> Alert:
    """End an alert; it is raised anew if a later window shows the same. Raises ``NotFound``."""
    with store.write(actor, _project_of(store, alert_id)) as tx:
        found = _require(tx.connection, alert_id)
        if found.status != "resolved":
            resolve_alert(tx, found.id)
        return _named(store, tx, found.id)


@describes("window")
def _windows(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = select(windows).where(windows.c.project == project, windows.c.id.in_(ids))
    found = {}
    for row in connection.execute(query):
        window = window_record(row, row.deployment_id)
        label = f"{window.start[:10]} to {window.end[:10]}"
        found[f"window:{row.id}"] = LineageNode(id=f"window:{row.id}", kind="window", label=label)
    return found


@describes("alert")
def _alerts(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = select(alerts).where(alerts.c.project == project, alerts.c.id.in_(ids))
    return {
        f"alert:{row.id}": LineageNode(
            id=f"alert:{row.id}", kind="alert", label=row.kind.replace("_", " "), href="/alerts"
        )
        for row in connection.execute(query)
    }


def owner_of_alert(store: Store, alert_id: str) -> str | None:
    """The project of an alert; None where there is no such alert."""
    with store.read() as connection:
        return connection.execute(select(alerts.c.project).where(alerts.c.id == alert_id)).scalar()


def unknown_alert(alert_id: str) -> NotFound:
    """The error for an alert that does not exist."""
    return NotFound(
        "monitoring.unknown_alert",
        "There is no alert with that id.",
        hint="See them with: mw alerts list",
        value=alert_id,
    )


def _project_of(store: Store, alert_id: str) -> str:
    with store.read() as connection:
        return _require(connection, alert_id).project


def _require(connection: Connection, alert_id: str) -> Alert:
    row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).first()
    if row is None:
        raise unknown_alert(alert_id)
    return alert_record(row, row.deployment_id)


def _named(store: Store, tx: Transaction, alert_id: str) -> Alert:
    found = _require(tx.connection, alert_id)
    names = {known.id: known.name for known in list_deployments(store, found.project)}
    return found.model_copy(update={"deployment": names.get(found.deployment_id, found.deployment)})
