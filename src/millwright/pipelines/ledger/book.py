"""One change of the ledger in progress: statements, and the event that records them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from millwright.kernel import chain, clock
from millwright.pipelines.ledger.sql import Sql

Edge = tuple[str, str]

_PROJECT = (
    "INSERT INTO projects (name, created_ms, updated_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
)
_EDGE = "INSERT INTO lineage (project, source, target, event) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


@dataclass(frozen=True)
class Book:
    """The ledger inside a write transaction, and who writes."""

    sql: Sql
    actor: str
    project: str

    def know_project(self) -> None:
        """Enter the project if this is the first that is heard of it: a folder may run pipelines
        without a ``millwright.yaml``, and people want to find what it ran."""
        now = clock.now_ms()
        if self.sql.run(_PROJECT, self.project, now, now):
            self._append("project.created", f"project:{self.project}", {})

    def event(
        self,
        kind: str,
        run_id: str,
        payload: Mapping[str, Any] | None = None,
        edges: Iterable[Edge] = (),
    ) -> None:
        """Append an event about a run, and the lineage edges it brings about."""
        number = self._append(kind, f"pipeline-run:{run_id}", payload or {})
        rows = [(self.project, *edge, number) for edge in dict.fromkeys(edges)]
        self.sql.many(_EDGE, rows)

    def _append(self, kind: str, subject: str, payload: Mapping[str, Any]) -> int:
        return chain.append(
            self.sql,
            project=self.project,
            actor=self.actor,
            kind=kind,
            subject=subject,
            payload=payload,
        )
