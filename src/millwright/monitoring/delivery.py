"""Telling people: alerts to the console and to the project's receivers.

What is to be told is written down first, and sent from there (``message_log.py``), so one raised
just before a crash is told after it, and none twice. Sending happens in a thread of its own: a
receiver that hangs must not hold up monitoring.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Row

from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import now_ms
from millwright.kernel.config import AlertsConfig
from millwright.kernel.config_alerts import ReceiverConfig
from millwright.kernel.egress import allowed_from_environment, exchange
from millwright.kernel.errors import InvalidInput, MillwrightError, Unavailable
from millwright.kernel.messages import RETRY_SECONDS, Message, send_mail
from millwright.kernel.store import Store
from millwright.monitoring.alert_formats import (
    ONE_BY_ONE,
    Telling,
    cloud_event,
    request_for,
    text_of,
)
from millwright.monitoring.alert_log import alert_record
from millwright.monitoring.message_log import (
    alerts_to_tell,
    change,
    due_messages,
    key_of,
    next_due,
    silenced_until,
    told_of,
    write_down,
)
from millwright.monitoring.records import Alert
from millwright.monitoring.routing import CONSOLE, messages_due, next_escalation
from millwright.monitoring.watched import Catalog

_log = logging.getLogger("millwright.alerts")
_LOOK_SECONDS = 5.0
_SHORTEST_SECONDS = 0.05


class Delivery:
    """A thread that tells of alerts when they are raised, acknowledged, resolved or left alone."""

    def __init__(self, store: Store, catalog: Catalog, url: str = "") -> None:
        """``url``: where people reach the UI, if the project file does not say."""
        self._store = store
        self._catalog = catalog
        self._url = url
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._interrupted = True
        """Whether an earlier process may have been stopped while it was sending."""

    def wake(self) -> None:
        """Begin, at the first call, with what an earlier process left untold."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="alert-delivery", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop after the message in progress."""
        self._closing.set()
        self._store.changes.ring()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        seen, wait = -1, 0.0
        while not self._closing.is_set():
            seen = self._store.changes.wait(seen, seconds=wait)
            if self._closing.is_set():
                return
            try:
                wait = self._turn()
            except Exception:
                _log.exception("alerts could not be told and are tried again")
                wait = _LOOK_SECONDS

    def _turn(self) -> float:
        """Write down what is to be told, tell what is due; seconds until there may be more."""
        with self._store.read() as connection:
            rows = alerts_to_tell(connection)
            told = told_of(connection, [row.id for row in rows])
        names = {found.id: found.name for found in self._catalog.deployments()}
        known = {row.id: row for row in rows}
        records = {
            row.id: alert_record(row, names.get(row.deployment_id, row.deployment_id))
            for row in rows
        }
        moments: list[int] = []
        for identifier, alert in records.items():
            config = self._catalog.policy(alert.project).alerts
            due = messages_due(alert, config, told[identifier], now_ms())
            if due:
                with self._store.database.write() as connection:
                    write_down(connection, known[identifier], due)
            later = next_escalation(alert, config, now_ms())
            moments += [] if later is None else [later]
        self._tell_due(known, records)
        with self._store.read() as connection:
            later = next_due(connection)
        moments += [] if later is None else [later]
        left = (min(moments) - now_ms()) / 1000 if moments else _LOOK_SECONDS
        return min(max(left, _SHORTEST_SECONDS), _LOOK_SECONDS)

    def _tell_due(self, rows: dict[str, Row[Any]], records: dict[str, Alert]) -> None:
        with self._store.read() as connection:
            due = due_messages(connection, interrupted=self._interrupted)
        self._interrupted = False
        due = [message for message in due if self._may_go(message, rows, records)]
        due.sort(key=_group)
        for _, grouped in groupby(due, key=_group):
            messages = list(grouped)
            alert = records[messages[0].alert_id]
            config = self._catalog.policy(alert.project).alerts
            receiver = config.every_receiver.get(messages[0].receiver)
            alone = receiver is not None and receiver.type in ONE_BY_ONE
            for part in [[m] for m in messages] if alone else [messages]:
                if self._closing.is_set():
                    return
                found = tuple(records[message.alert_id] for message in part)
                telling = Telling(found, part[0].occasion, config.url or self._url)
                self._tell(part, telling, config, receiver)

    def _may_go(
        self, message: Row[Any], rows: dict[str, Row[Any]], records: dict[str, Alert]
    ) -> bool:
        """Whether a message is to be sent now; one that is silenced waits, one that is over goes."""
        alert = records.get(message.alert_id)
        if alert is None:
            return False
        if alert.status == "resolved" and message.occasion != "resolved":
            with self._store.database.write() as connection:
                change(connection, [key_of(message)], state="dropped")
            return False
        if message.receiver == CONSOLE or message.occasion == "resolved":
            return True
        with self._store.read() as connection:
            until = silenced_until(connection, rows[message.alert_id])
        if until is None:
            return True
        with self._store.database.write() as connection:
            change(connection, [key_of(message)], due_ms=until, answer="It is silenced.")
        return False

    def _tell(
        self,
        messages: Sequence[Row[Any]],
        telling: Telling,
        config: AlertsConfig,
        receiver: ReceiverConfig | None,
    ) -> None:
        name, keys = messages[0].receiver, [key_of(message) for message in messages]
        with self._store.database.write() as connection:
            change(connection, keys, state="sending")
        attempt = max(message.attempts for message in messages) + 1
        problem: str | None = None
        try:
            if name == CONSOLE:
                _say(telling)
            elif receiver is not None:
                _send(receiver, telling)
        except MillwrightError as cause:
            problem = str(cause)
            ids = ", ".join(alert.id for alert in telling.alerts)
            _log.warning("alert %s to %s, attempt %d: %s", ids, name, attempt, cause)
        if problem is not None and attempt <= len(RETRY_SECONDS):
            due = now_ms() + round(RETRY_SECONDS[attempt - 1] * 1000)
            with self._store.database.write() as connection:
                change(
                    connection, keys, state="waiting", due_ms=due, attempts=attempt, answer=problem
                )
            return
        state = "told" if problem is None else "failed"
        with self._store.write(SYSTEM, telling.alerts[0].project) as tx:
            change(tx.connection, keys, state=state, attempts=attempt, answer=problem)
            if name == CONSOLE:
                return
            kind = "alert.delivered" if problem is None else "alert.undeliverable"
            for alert in telling.alerts:
                payload = {"receiver": name, "occasion": telling.occasion, "status": alert.status}
                tx.event(kind, f"alert:{alert.id}", payload)


def _group(message: Row[Any]) -> tuple[str, str, str, str]:
    """Messages that are sent as one."""
    return message.project, message.receiver, message.deployment_id, message.occasion


def _send(receiver: ReceiverConfig, telling: Telling) -> None:
    """One attempt; raises what the way out raises, and ``Unavailable`` where it was refused."""
    if receiver.email is not None:
        event = cloud_event(telling)
        send_mail(Message(event["id"], telling.title, text_of(telling), event), receiver.email)
        return
    key = ""
    if receiver.key_from is not None:
        key = os.environ.get(receiver.key_from, "")
        if not key:
            raise InvalidInput(
                "messages.no_key",
                f"The environment variable {receiver.key_from} is not set.",
                hint="Set it where the control plane is started.",
            )
    request = request_for(receiver, telling, key)
    if request is None:
        return
    answer = exchange(
        request.url,
        body=json.dumps(request.body).encode(),
        headers={"Content-Type": "application/json", **request.headers},
        allow=allowed_from_environment(),
    )
    if answer.status >= 300:
        raise Unavailable(
            "messages.refused", f"The receiver answered {answer.status}.", value=answer.status
        )


def _say(telling: Telling) -> None:
    for alert in telling.alerts:
        line = {
            "alert": alert.id,
            "deployment": alert.deployment,
            "kind": alert.kind,
            "status": alert.status,
        }
        level = logging.INFO if telling.resolved else logging.WARNING
        title = Telling((alert,), telling.occasion, "").title
        _log.log(level, "%s %s", title, json.dumps(line))
