"""One change of the ledger in progress: statements, and the event that records them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from millwright.kernel import chain
from millwright.pipelines.ledger.sql import Sql

Edge = tuple[str, str]

_EDGE = "INSERT INTO lineage (project, source, target, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True)
class Book:
    """The ledger inside a write transaction, and who writes."""

    sql: Sql
    actor: str
    project: str

    def event(
        self,
        kind: str,
        run_id: str,
        payload: Mapping[str, Any] | None = None,
        edges: Iterable[Edge] = (),
    ) -> None:
        """Append an event about a run, and the lineage edges it brings about."""
        number = chain.append(
            self.sql,
            project=self.project,
            actor=self.actor,
            kind=kind,
            subject=f"pipeline-run:{run_id}",
            payload=payload or {},
        )
        rows = [(self.project, *edge, number) for edge in dict.fromkeys(edges)]
        self.sql.many(_EDGE, rows)
