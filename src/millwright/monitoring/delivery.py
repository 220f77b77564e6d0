"""Telling people: alerts to the console and over the project's channels, at least once.

An alert's row says whether it was delivered, so one raised just before a crash is sent after it.
Sending happens in a thread of its own: a webhook that hangs must not hold up monitoring.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select, update

from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import now_ms
from millwright.kernel.config import AlertsConfig
from millwright.kernel.errors import MillwrightError
from millwright.kernel.messages import RETRY_SECONDS, Channel, Message, channels, tell
from millwright.kernel.store import Store
from millwright.monitoring.alert_log import alert_record, rows_of
from millwright.monitoring.records import Alert
from millwright.monitoring.tables import alerts
from millwright.monitoring.watched import Catalog

_log = logging.getLogger("millwright.alerts")
RESUME_MS = 24 * 3_600_000
"""How old an undelivered alert may be and still be sent after a restart."""


@dataclass
class _Parcel:
    alert_id: str
    attempt: int = 0
    due: float = field(default_factory=time.monotonic)
    reached: frozenset[Channel] = frozenset()
    """Channels that took it at an earlier attempt."""


class Delivery:
    """A thread that delivers alerts when they are raised or resolved."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._parcels: list[_Parcel] = []
        self._condition = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None

    def add(self, alert_ids: Iterable[str]) -> None:
        """Deliver these alerts as they now stand."""
        parcels = [_Parcel(identifier) for identifier in alert_ids]
        if parcels:
            with self._condition:
                self._parcels += parcels
                self._condition.notify()

    def wake(self) -> None:
        """Begin, at the first call, with what an earlier process left undelivered."""
        if self._thread is None:
            self.add(self._left_over())
            self._thread = threading.Thread(target=self._run, name="alert-delivery", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop after the message in progress."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _left_over(self) -> list[str]:
        query = select(alerts.c.id).where(
            alerts.c.delivered_ms.is_(None), alerts.c.created_ms > now_ms() - RESUME_MS
        )
        waiting = {parcel.alert_id for parcel in self._parcels}
        with self._store.read() as connection:
            found = connection.execute(query.order_by(alerts.c.id)).scalars()
            return [str(identifier) for identifier in found if identifier not in waiting]

    def _run(self) -> None:
        while True:
            with self._condition:
                parcel = self._next()
                while parcel is None and not self._closing:
                    waits = [p.due - time.monotonic() for p in self._parcels]
                    self._condition.wait(max(min(waits), 0.01) if waits else None)
                    parcel = self._next()
                if self._closing or parcel is None:
                    return
                self._parcels.remove(parcel)
            try:
                self._deliver(parcel)
            except Exception:
                _log.exception("an alert could not be delivered")

    def _next(self) -> _Parcel | None:
        now = time.monotonic()
        return next((parcel for parcel in self._parcels if parcel.due <= now), None)

    def _deliver(self, parcel: _Parcel) -> None:
        with self._store.read() as connection:
            rows = rows_of(connection, [parcel.alert_id])
        if not rows:
            return
        names = {found.id: found.name for found in self._catalog.deployments()}
        alert = alert_record(rows[0], names.get(rows[0].deployment_id, rows[0].deployment_id))
        where = self._catalog.policy(alert.project).alerts
        if where.console and parcel.attempt == 0:
            _say(alert)
        reached = parcel.reached | self._sent(alert, where, parcel)
        if reached >= set(channels(where)):
            self._record(alert)
            return
        if parcel.attempt < len(RETRY_SECONDS):
            due = time.monotonic() + RETRY_SECONDS[parcel.attempt]
            with self._condition:
                self._parcels.append(_Parcel(parcel.alert_id, parcel.attempt + 1, due, reached))
                self._condition.notify()

    def _sent(self, alert: Alert, where: AlertsConfig, parcel: _Parcel) -> set[Channel]:
        sent: set[Channel] = set()
        for channel in channels(where):
            if channel in parcel.reached:
                continue
            try:
                tell(message_of(alert), channel, where)
                sent.add(channel)
            except MillwrightError as cause:
                _log.warning(
                    "alert %s to the %s, attempt %d: %s",
                    alert.id,
                    channel,
                    parcel.attempt + 1,
                    cause,
                )
        return sent

    def _record(self, alert: Alert) -> None:
        change = update(alerts).where(alerts.c.id == alert.id).values(delivered_ms=now_ms())
        with self._store.write(SYSTEM, alert.project) as tx:
            tx.execute(change)
            tx.event("alert.delivered", f"alert:{alert.id}", {"status": alert.status})


def message_of(alert: Alert) -> Message:
    """An alert as it is told to people."""
    happened = "Resolved: " if alert.status == "resolved" else ""
    lines = [
        f"Deployment: {alert.deployment} (project {alert.project})",
        f"Severity: {alert.severity}",
        f"Since: {alert.since}",
    ]
    if alert.features:
        lines.append(f"Columns: {', '.join(alert.features)}")
    event = cloud_event(alert)
    return Message(str(event["id"]), f"{happened}{alert.title}", "\n".join(lines), event)


def cloud_event(alert: Alert) -> dict[str, object]:
    """The message to a webhook: CloudEvents 1.0, structured mode, the alert as its data."""
    happened = "resolved" if alert.status == "resolved" else "raised"
    return {
        "specversion": "1.0",
        "id": f"{alert.id}-{happened}",
        "type": f"millwright.alert.{happened}",
        "source": f"/projects/{alert.project}/deployments/{alert.deployment}",
        "subject": f"alert:{alert.id}",
        "time": alert.resolved_at or alert.created_at,
        "datacontenttype": "application/json",
        "data": alert.model_dump(mode="json"),
    }


def _say(alert: Alert) -> None:
    line = {
        "alert": alert.id,
        "deployment": alert.deployment,
        "kind": alert.kind,
        "status": alert.status,
    }
    level = logging.INFO if alert.status == "resolved" else logging.WARNING
    verb = "resolved: " if alert.status == "resolved" else ""
    _log.log(level, "%s%s %s", verb, alert.title, json.dumps(line))
