"""Where state lives: the database and the objects, and the transaction that changes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable, insert, select, update

from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.changes import Changes
from millwright.kernel.database import Database
from millwright.kernel.objects import ObjectStore
from millwright.kernel.plain_sql import AnyConnection
from millwright.kernel.tables import lineage, lineage_nodes
from millwright.kernel.workspace import Workspace

Edge = tuple[str, str]
"""A lineage edge between two nodes such as ``run:ID``: the second came of the first."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the lineage graph that no table but the graph's own tells of."""

    name: str
    """``kind:id``."""
    label: str
    details: Mapping[str, Any] = field(default_factory=dict)


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
        nodes: Iterable[Node] = (),
    ) -> int:
        """Append an event (``room.what-happened``), the lineage edges it brings about, and what is
        known of those of their ends that have no table of their own."""
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
        for node in nodes:
            self._node(node, seq)
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

    def _node(self, node: Node, seq: int) -> None:
        table = lineage_nodes
        row = {"label": node.label[:500], "details": json.dumps(node.details), "event": seq}
        key = (table.c.project == (self.project or ""), table.c.node == node.name)
        if self.connection.execute(update(table).where(*key).values(row)).rowcount == 0:
            named = {"project": self.project or "", "node": node.name}
            self.connection.execute(insert(table).values({**named, **row}))


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
    def lookup(self) -> Iterator[AnyConnection]:
        """As ``read``, for a few rows by plain SQL (``kernel.plain_sql``), at the least cost."""
        with self.database.lookup() as connection:
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
