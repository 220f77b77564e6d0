"""The one spine: an append-only, hash-chained log of every change of state.

Each event's hash covers its own fields and the hash before it, so altering, removing or reordering
any row breaks the chain from there on; that the newest were cut off shows against the head, which
is kept in a table of its own. Events are appended by ``Transaction.event`` in the same
transaction as the change they record.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from millwright.kernel import chain, clock
from millwright.kernel.chain import GENESIS, sealing_hash
from millwright.kernel.plain_sql import Plain
from millwright.kernel.record import Record
from millwright.kernel.tables import event_head, events

__all__ = ["GENESIS", "Event", "Verification", "append", "read", "verify"]


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
    return chain.append(
        Plain(connection),
        project=project,
        actor=actor,
        kind=kind,
        subject=subject,
        payload=payload,
    )


def read(
    connection: Connection,
    *,
    after: int = 0,
    limit: int = 100,
    kind: str | None = None,
    subject: str | None = None,
    project: str | None = None,
    among: Collection[str] | None = None,
    newest_first: bool = False,
) -> list[Event]:
    """Events after a sequence number, oldest first unless asked otherwise.

    ``among``: only those of these projects; None for all, and for those of no project.
    """
    query = select(events).where(events.c.seq > after).limit(limit)
    query = query.order_by(events.c.seq.desc() if newest_first else events.c.seq)
    if kind is not None:
        query = query.where(events.c.kind == kind)
    if subject is not None:
        query = query.where(events.c.subject == subject)
    if project is not None:
        query = query.where(events.c.project == project)
    if among is not None:
        query = query.where(events.c.project.in_(among))
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
        if kept.seq == last + 1:
            return f"Event {kept.seq} is missing."
        return f"Events {last + 1} to {kept.seq} are missing."
    if (kept.seq, kept.hash) != (last, previous):
        return "The head of the log is not its last event."
    return None


def _problem(row: Row[Any], previous: str, expected: int) -> str | None:
    if row.seq != expected:
        return f"Event {expected} is missing."
    if row.previous != previous:
        return f"Event {row.seq} does not follow the event before it."
    if row.hash != sealing_hash(dict(row._mapping)):
        return f"Event {row.seq} was altered after it was written."
    return None


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
