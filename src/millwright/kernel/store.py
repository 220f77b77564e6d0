"""Where state lives: the database and the objects, and the transaction that changes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable, insert, select

from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.changes import Changes
from millwright.kernel.database import Database
from millwright.kernel.objects import ObjectStore
from millwright.kernel.tables import lineage
from millwright.kernel.workspace import Workspace

Edge = tuple[str, str]
"""A lineage edge between two nodes such as ``run:ID``: the second came of the first."""


class Transaction:
    """One change of state in progress: statements, and the events that record them."""

    def __init__(self, connection: Connection, actor: Actor, project: str | None) -> None:
        self.connection = connection
        self.actor = actor
        self.project = project

    def execute(self, statement: Executable, rows: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy Core statement, with many rows at once where ``rows`` is a list."""
        if rows is None:
            return self.connection.execute(statement)
        return self.connection.execute(statement, rows)

    def event(
        self,
        kind: str,
        subject: str,
        payload: Mapping[str, Any] | None = None,
        edges: Iterable[Edge] = (),
    ) -> int:
        """Append an event (``room.what-happened``) and the lineage edges it brings about."""
        seq = events.append(
            self.connection,
            project=self.project,
            actor=self.actor.name,
            kind=kind,
            subject=subject,
            payload=payload or {},
        )
        for source, target in dict.fromkeys(edges):
            self._edge(source, target, seq)
        return seq

    def _edge(self, source: str, target: str, seq: int) -> None:
        key = (
            lineage.c.project == (self.project or ""),
            lineage.c.source == source,
            lineage.c.target == target,
        )
        if self.connection.execute(select(lineage.c.event).where(*key)).first() is None:
            row = {"project": self.project or "", "source": source, "target": target, "event": seq}
            self.connection.execute(insert(lineage).values(row))


class Companion(Protocol):
    """Something that lives as long as the store it works for."""

    def close(self) -> None:
        """End it, with nothing left undone."""


@dataclass(frozen=True)
class Store:
    """All that a service needs to read and change state."""

    workspace: Workspace
    database: Database
    objects: ObjectStore
    changes: Changes = field(default_factory=Changes)
    companions: dict[str, Companion] = field(default_factory=dict, compare=False, repr=False)
    """What rooms keep open as long as the store is; closed with it."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state."""
        with self.database.read() as connection:
            yield connection

    @contextmanager
    def write(self, actor: Actor, project: str | None = None) -> Iterator[Transaction]:
        """A transaction: everything in it happens, events included, or nothing does."""
        with self.database.write() as connection:
            yield Transaction(connection, actor, project)
        self.changes.ring()

    def close(self) -> None:
        """Close what was opened beside it, then release the database connections."""
        for companion in list(self.companions.values()):
            companion.close()
        self.companions.clear()
        self.objects.close()
        self.database.dispose()
