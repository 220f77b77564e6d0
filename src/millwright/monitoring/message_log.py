"""Messages about alerts as rows: written down before they are sent, each once.

The key of a row is alert, occasion and receiver, so whatever is killed, nothing is written down
twice. A row is ``sending`` while it is sent: what a killed process left so is sent again under the
same id, by which PagerDuty, Opsgenie, Alertmanager, mail programs and readers of CloudEvents know a
repetition. Whether a chat took a message in the very moment of a kill, nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Connection, insert, or_, select, tuple_, update
from sqlalchemy.engine import Row

from millwright.kernel.clock import now_ms, rfc3339
from millwright.monitoring.records import Told
from millwright.monitoring.routing import Due
from millwright.monitoring.tables import alert_messages, alert_silences, alerts

RECENT_MS = 24 * 3_600_000
"""How long after its end an alert may still have to be told."""
Key = tuple[str, str, str]
"""Alert, occasion, receiver."""
_table = alert_messages.c


def alerts_to_tell(connection: Connection) -> list[Row[Any]]:
    """Alerts that are not resolved, or were lately, oldest first."""
    since = now_ms() - RECENT_MS
    fresh = or_(alerts.c.created_ms > since, alerts.c.resolved_ms > since)
    waiting = select(_table.alert_id).where(_table.state.in_(("waiting", "sending")))
    query = select(alerts).where(or_(fresh, alerts.c.id.in_(waiting)))
    return list(connection.execute(query.order_by(alerts.c.id)))


def told_of(connection: Connection, alert_ids: Sequence[str]) -> dict[str, tuple[Told, ...]]:
    """What was written down about each alert, in the order in which it falls due."""
    query = select(alert_messages).where(_table.alert_id.in_(alert_ids))
    found: dict[str, list[Told]] = {identifier: [] for identifier in alert_ids}
    for row in connection.execute(query.order_by(_table.due_ms, _table.receiver)):
        found[row.alert_id].append(
            Told(
                receiver=row.receiver,
                occasion=row.occasion,
                state=row.state,
                attempts=row.attempts,
                answer=row.answer,
                due=rfc3339(row.due_ms),
            )
        )
    return {identifier: tuple(told) for identifier, told in found.items()}


def write_down(connection: Connection, alert: Row[Any], due: Iterable[Due]) -> None:
    """Messages that are to be sent; one that is there already stays as it is."""
    for message in due:
        key = (alert.id, message.occasion, message.receiver)
        known = select(_table.state).where(_is(key))
        if connection.execute(known).first() is not None:
            continue
        connection.execute(
            insert(alert_messages).values(
                alert_id=alert.id,
                occasion=message.occasion,
                receiver=message.receiver,
                project=alert.project,
                deployment_id=alert.deployment_id,
                state="waiting",
                attempts=0,
                due_ms=message.due_ms,
            )
        )


def due_messages(connection: Connection, *, interrupted: bool) -> list[Row[Any]]:
    """Messages whose time has come, in their order; with those that a killed process was sending."""
    states = ("waiting", "sending") if interrupted else ("waiting",)
    query = select(alert_messages).where(_table.state.in_(states), _table.due_ms <= now_ms())
    return list(connection.execute(query.order_by(_table.due_ms, _table.alert_id)))


def next_due(connection: Connection) -> int | None:
    """When the next message falls due."""
    query = select(_table.due_ms).where(_table.state == "waiting")
    return connection.execute(query.order_by(_table.due_ms).limit(1)).scalar()


def change(connection: Connection, keys: Sequence[Key], **values: object) -> None:
    """Set columns of messages."""
    places = tuple_(_table.alert_id, _table.occasion, _table.receiver).in_(list(keys))
    connection.execute(update(alert_messages).where(places).values(**values))


def silenced_until(connection: Connection, alert: Row[Any]) -> int | None:
    """When the last silence over an alert ends; None where nothing silences it."""
    silence = alert_silences.c
    query = select(silence.until_ms).where(
        silence.project == alert.project,
        silence.until_ms > now_ms(),
        or_(silence.deployment_id.is_(None), silence.deployment_id == alert.deployment_id),
        or_(silence.kind.is_(None), silence.kind == alert.kind),
    )
    return connection.execute(query.order_by(silence.until_ms.desc()).limit(1)).scalar()


def key_of(row: Row[Any]) -> Key:
    """The key of a message."""
    return cast(Key, (row.alert_id, row.occasion, row.receiver))


def _is(key: Key) -> Any:
    return (_table.alert_id == key[0]) & (_table.occasion == key[1]) & (_table.receiver == key[2])
