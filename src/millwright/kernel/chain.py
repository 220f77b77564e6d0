"""Appending to the event log: each event's hash covers its fields and the hash before it.

Apart from ``kernel.events``, which reads and verifies the log, because a pipeline run in one process
writes events without SQLAlchemy.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from blake3 import blake3

from millwright.kernel import clock
from millwright.kernel.ids import new_id

GENESIS = "0" * 64
_COVERED = (
    *("previous", "seq", "id", "time_ms", "project", "actor", "kind", "subject", "payload"),
)
# Made once: each ``json.dumps`` with options makes an encoder of its own.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_encode_payload = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_CHAIN = 1
# As plain text: every change of state passes here, and building statements costs more than they do.
_LAST = "SELECT seq, hash FROM event_head"
_FIRST_HEAD = "INSERT INTO event_head (chain, seq, hash) VALUES (?, ?, ?)"
_NEXT_HEAD = "UPDATE event_head SET seq = ?, hash = ?"
CHANNEL = "millwright_events"
"""On PostgreSQL, where those who listen hear of every transaction with an event, once it is
committed; the payload says which process it was."""
_TELL = f" RETURNING pg_notify('{CHANNEL}', ?)"
_IMPORTED = new_id()
_INSERT = (
    "INSERT INTO events (seq, id, time_ms, project, actor, kind, subject, payload, previous, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Statements(Protocol):
    """What executes plain SQL: a connection of SQLAlchemy, or the bare one of a pipeline run."""

    @property
    def dialect(self) -> Any:
        """Names the database."""

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Any:
        """Execute a statement; the answer has ``first()``."""


def append(
    connection: Statements,
    *,
    project: str | None,
    actor: str,
    kind: str,
    subject: str,
    payload: Mapping[str, Any],
) -> int:
    """Append an event and return its sequence number. The caller holds the write transaction."""
    last = connection.exec_driver_sql(_LAST).first()
    seq, previous = (1, GENESIS) if last is None else (last[0] + 1, last[1])
    told = (
        *(seq, new_id(), clock.now_ms(), project, actor, kind, subject),
        _encode_payload(payload),
    )
    sealed = _sealed((previous, *told))
    _execute(connection, _INSERT, *told, previous, sealed)
    if last is None:
        _execute(connection, _FIRST_HEAD, _CHAIN, seq, sealed)
    elif connection.dialect.name == "postgresql":
        _execute(connection, _NEXT_HEAD + _TELL, seq, sealed, this_process())
    else:
        _execute(connection, _NEXT_HEAD, seq, sealed)
    return seq


def this_process() -> str:
    """What this process is called where others hear of its events."""
    return f"{_IMPORTED}/{os.getpid()}"


def _execute(connection: Statements, text: str, *values: Any) -> None:
    marked = text.replace("?", "%s") if connection.dialect.name == "postgresql" else text
    connection.exec_driver_sql(marked, values)


def sealing_hash(row: Mapping[str, Any]) -> str:
    """The hash of an event's fields, the hash before it among them, in hexadecimal."""
    return _sealed(row[name] for name in _COVERED)


def _sealed(covered: Iterable[Any]) -> str:
    return blake3(_encode(list(covered)).encode()).hexdigest()
