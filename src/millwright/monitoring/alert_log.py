"""Alerts as rows: one unresolved alert for a deployment and kind, from its first window to its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.ids import new_id
from millwright.kernel.store import Transaction
from millwright.monitoring.records import Alert, AlertSignal, Judgement
from millwright.monitoring.tables import alerts


@dataclass(frozen=True)
class JudgedWindow:
    """A stored window and what the rules said of it."""

    window_id: str
    start_ms: int
    end_ms: int
    judgements: tuple[Judgement, ...]


@dataclass(frozen=True)
class Subject:
    """The deployment that alerts are about."""

    project: str
    deployment_id: str


def unresolved(connection: Connection, deployment_id: str) -> dict[str, Row[Any]]:
    """The unresolved alert of each kind, as rows."""
    query = select(alerts).where(
        alerts.c.deployment_id == deployment_id, alerts.c.status != "resolved"
    )
    return {row.kind: row for row in connection.execute(query)}


def since_of(rows: dict[str, Row[Any]]) -> dict[str, int]:
    """When each unresolved kind began, in event milliseconds."""
    return {kind: int(json.loads(row.detail)["since_ms"]) for kind, row in rows.items()}


def apply_judgements(
    tx: Transaction, subject: Subject, window: JudgedWindow, judged: dict[str, int]
) -> list[str]:
    """Raise, continue or resolve alerts by what a window shows; ids of those raised or resolved.

    Args:
        judged: the start of the latest window judged, by kind; brought up to date. A window older
            than that changes nothing: its labels came late, and newer evidence has spoken.
    """
    changed: list[str] = []
    current = unresolved(tx.connection, subject.deployment_id)
    for judgement in window.judgements:
        if judged.get(judgement.kind, window.start_ms) > window.start_ms:
            continue
        judged[judgement.kind] = window.start_ms
        row = current.get(judgement.kind)
        if judgement.signal is None:
            if row is not None and row.last_window_ms <= window.start_ms:
                _resolve(tx, row.id, {"window": window.window_id})
                changed.append(row.id)
        elif row is None:
            changed.append(_raise(tx, subject, window, judgement.signal))
        else:
            _continue(tx, row, window, judgement.signal)
    return changed


def resolve_alert(tx: Transaction, alert_id: str) -> None:
    """End an alert by a person's word."""
    _resolve(tx, alert_id, {"by": tx.actor.name})


def alert_record(row: Row[Any], deployment: str) -> Alert:
    """A row of ``alerts`` as a record."""
    detail = json.loads(row.detail)
    return Alert(
        id=row.id,
        project=row.project,
        deployment_id=row.deployment_id,
        deployment=deployment,
        window_id=row.window_id,
        kind=row.kind,
        severity=row.severity,
        title=row.title,
        status=row.status,
        features=tuple(detail["features"]),
        effect=detail["effect"],
        threshold=detail["threshold"],
        windows=row.windows,
        evidence=detail["evidence"],
        since=rfc3339(int(detail["since_ms"])),
        event_time=rfc3339(row.event_time_ms),
        event_time_ms=row.event_time_ms,
        created_at=rfc3339(row.created_ms),
        resolved_at=None if row.resolved_ms is None else rfc3339(row.resolved_ms),
        acknowledged_by=row.acknowledged_by,
    )


def rows_of(connection: Connection, alert_ids: Sequence[str]) -> list[Row[Any]]:
    """The alerts with these ids, oldest first."""
    query = select(alerts).where(alerts.c.id.in_(alert_ids)).order_by(alerts.c.id)
    return list(connection.execute(query))


def _raise(tx: Transaction, subject: Subject, window: JudgedWindow, signal: AlertSignal) -> str:
    identifier = new_id()
    tx.execute(
        insert(alerts).values(
            id=identifier,
            project=subject.project,
            deployment_id=subject.deployment_id,
            window_id=window.window_id,
            kind=signal.kind,
            severity=signal.severity,
            title=signal.title,
            detail=_detail(signal),
            status="open",
            windows=1,
            last_window_ms=window.start_ms,
            event_time_ms=window.end_ms,
            created_ms=now_ms(),
        )
    )
    tx.event(
        "alert.raised",
        f"alert:{identifier}",
        _payload(subject.deployment_id, signal),
        edges=[(f"window:{window.window_id}", f"alert:{identifier}")],
    )
    return identifier


def _continue(tx: Transaction, row: Row[Any], window: JudgedWindow, signal: AlertSignal) -> None:
    new_window = window.start_ms > row.last_window_ms
    detail = _detail(signal)
    if not new_window and detail == row.detail and signal.title == row.title:
        return
    tx.execute(
        update(alerts)
        .where(alerts.c.id == row.id)
        .values(
            window_id=window.window_id,
            title=signal.title,
            detail=detail,
            windows=row.windows + int(new_window),
            last_window_ms=window.start_ms,
        )
    )
    if new_window:
        tx.event(
            "alert.continued",
            f"alert:{row.id}",
            {**_payload(row.deployment_id, signal), "windows": row.windows + 1},
            edges=[(f"window:{window.window_id}", f"alert:{row.id}")],
        )


def _resolve(tx: Transaction, alert_id: str, payload: dict[str, Any]) -> None:
    tx.execute(
        update(alerts)
        .where(alerts.c.id == alert_id)
        .values(status="resolved", resolved_ms=now_ms())
    )
    known = tx.execute(select(alerts.c.kind, alerts.c.title).where(alerts.c.id == alert_id)).one()
    payload = {**payload, "kind": known.kind, "title": known.title}
    tx.event("alert.resolved", f"alert:{alert_id}", payload)


def _payload(deployment_id: str, signal: AlertSignal) -> dict[str, Any]:
    return {
        "deployment": deployment_id,
        "kind": signal.kind,
        "severity": signal.severity,
        "title": signal.title,
    }


def _detail(signal: AlertSignal) -> str:
    return json.dumps(
        {
            "effect": signal.effect,
            "threshold": signal.threshold,
            "since_ms": signal.since_ms,
            "features": signal.features,
            "evidence": signal.evidence,
        }
    )
