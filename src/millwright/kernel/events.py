"""The one spine: an append-only, hash-chained log of every change of state.

Each event's hash covers its own fields and the hash before it, so altering, removing or reordering
any row breaks the chain from there on; that the newest were cut off shows against the head, which
is kept in a table of its own. Events are appended by ``Transaction.event`` in the same
transaction as the change they record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from blake3 import blake3
from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.ids import new_id
from millwright.kernel.record import Record
from millwright.kernel.tables import event_head, events

GENESIS = "0" * 64
_CHAIN = 1
# As plain text: every change of state passes here, and building statements costs more than they do.
_LAST = "SELECT seq, hash FROM event_head"
_FIRST_HEAD = "INSERT INTO event_head (chain, seq, hash) VALUES (?, ?, ?)"
_NEXT_HEAD = "UPDATE event_head SET seq = ?, hash = ?"


class Event(Record):
    """One change of state: who did what to which thing, when."""

    seq: int
    id: str
    time: str
    project: str | None
    actor: str
    kind: str
    subject: str
    payload: dict[str, Any]
    hash: str


class Verification(Record):
    """What checking the chain found."""

    ok: bool
    events: int
    head: str = GENESIS
    """Hash of the last whole event. Kept outside of the database too, it shows even whether
    somebody cut off the newest events and set the database's own head back."""
    first_broken_seq: int | None = None
    problem: str | None = None


def append(
    connection: Connection,
    *,
    project: str | None,
    actor: str,
    kind: str,
    subject: str,
    payload: Mapping[str, Any],
) -> int:
    """Append an event and return its sequence number. The caller holds the write transaction."""
    last = connection.exec_driver_sql(_LAST).first()
    seq, previous = (1, GENESIS) if last is None else (last.seq + 1, last.hash)
    row: dict[str, Any] = {
        "seq": seq,
        "id": new_id(),
        "time_ms": clock.now_ms(),
        "project": project,
        "actor": actor,
        "kind": kind,
        "subject": subject,
        "payload": json.dumps(payload, sort_keys=True, separators=(",", ":"), default=str),
        "previous": previous,
    }
    sealed = _hash(row)
    marks = ", ".join("?" * (len(row) + 1))
    insert = f"INSERT INTO events ({', '.join(row)}, hash) VALUES ({marks})"  # noqa: S608
    _execute(connection, insert, *row.values(), sealed)
    if last is None:
        _execute(connection, _FIRST_HEAD, _CHAIN, seq, sealed)
    else:
        _execute(connection, _NEXT_HEAD, seq, sealed)
    return seq


def _execute(connection: Connection, text: str, *values: Any) -> None:
    marked = text.replace("?", "%s") if connection.dialect.name == "postgresql" else text
    connection.exec_driver_sql(marked, values)


def read(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = 100,
    kind: str | None = None,
    subject: str | None = None,
    project: str | None = None,
    newest_first: bool = False,
) -> list[Event]:
    """Events after a sequence number, oldest first unless asked otherwise."""
    query = select(events).where(events.c.seq > after).limit(limit)
    query = query.order_by(events.c.seq.desc() if newest_first else events.c.seq)
    if kind is not None:
        query = query.where(events.c.kind == kind)
    if subject is not None:
        query = query.where(events.c.subject == subject)
    if project is not None:
        query = query.where(events.c.project == project)
    return [_event(row) for row in connection.execute(query)]


def verify(connection: Connection) -> Verification:
    """Recompute the whole chain and say where it first breaks."""
    previous, expected = GENESIS, 1
    for row in connection.execute(select(events).order_by(events.c.seq)):
        problem = _problem(row, previous, expected)
        if problem is not None:
            return Verification(
                ok=False,
                events=expected - 1,
                head=previous,
                first_broken_seq=row.seq,
                problem=problem,
            )
        previous, expected = row.hash, expected + 1
    kept = connection.execute(select(event_head.c.seq, event_head.c.hash)).first()
    cut = _cut_off(kept, expected - 1, previous)
    return Verification(
        ok=cut is None,
        events=expected - 1,
        head=previous,
        first_broken_seq=None if cut is None else expected,
        problem=cut,
    )


def _cut_off(kept: Any, last: int, previous: str) -> str | None:
    if kept is None:
        return None if last == 0 else "The head of the log is gone."
    if kept.seq > last:
        return f"Events {last + 1} to {kept.seq} are missing."
    if (kept.seq, kept.hash) != (last, previous):
        return "The head of the log is not its last event."
    return None


def _problem(row: Row[Any], previous: str, expected: int) -> str | None:
    if row.seq != expected:
        return f"Event {expected} is missing."
    if row.previous != previous:
        return f"Event {row.seq} does not follow the event before it."
    if row.hash != _hash(dict(row._mapping)):
        return f"Event {row.seq} was altered after it was written."
    return None


def _hash(row: Mapping[str, Any]) -> str:
    covered = [
        row[name]
        for name in (
            "previous",
            "seq",
            "id",
            "time_ms",
            "project",
            "actor",
            "kind",
            "subject",
            "payload",
        )
    ]
    return blake3(json.dumps(covered, separators=(",", ":")).encode()).hexdigest()


def _event(row: Row[Any]) -> Event:
    return Event(
        seq=row.seq,
        id=row.id,
        time=clock.rfc3339(row.time_ms),
        project=row.project,
        actor=row.actor,
        kind=row.kind,
        subject=row.subject,
        payload=json.loads(row.payload),
        hash=row.hash,
    )
