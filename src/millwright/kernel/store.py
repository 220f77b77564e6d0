"""Where state lives: the database and the objects, and the transaction that changes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable

from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.changes import Changes
from millwright.kernel.database import Database
from millwright.kernel.objects import ObjectStore
from millwright.kernel.plain_sql import AnyConnection, perform
from millwright.kernel.workspace import Workspace

Edge = tuple[str, str]
"""A lineage edge between two nodes such as ``run:ID``: the second came of the first."""
_EDGE = (
    "INSERT INTO lineage (project, source, target, event) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (project, source, target) DO NOTHING"
)
_NODE = (
    "INSERT INTO lineage_nodes (project, node, label, details, event) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (project, node) DO UPDATE SET label = excluded.label, "
    "details = excluded.details, event = excluded.event"
)


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
        perform(self.connection, _EDGE, self.project or "", source, target, seq)

    def _node(self, node: Node, seq: int) -> None:
        told = (node.label[:500], json.dumps(node.details), seq)
        perform(self.connection, _NODE, self.project or "", node.name, *told)


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
