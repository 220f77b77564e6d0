"""The controller that follows the event log for triggers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from millwright.automation.triggers import service
from millwright.automation.triggers.matching import KINDS, occurrence
from millwright.deployment import list_deployments
from millwright.kernel import events
from millwright.kernel.access import SYSTEM
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.store import Store

_BATCH = 500
_LAZY = 2_000
"""Events without an occurrence that may pass before it is written down that they were looked at."""


class TriggerController:
    """Fires for each event that a trigger waits for, once: also for those that happened while
    nothing ran."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, int] = {}
        """How far the log was looked at, by trigger; at most ``_LAZY`` further than is stored."""

    def reconcile(self) -> None:
        """Look at what has happened since the last time."""
        for row in service.following(self._store):
            self._follow(row)

    def shutdown(self) -> None:
        """Nothing to end: all that it knows is stored."""

    def _follow(self, row: Row[Any]) -> None:
        config = TriggerConfig.model_validate_json(row.config)
        seen = max(row.seen, self._seen.get(row.id, 0))
        while batch := self._events(row.project, seen):
            for event in batch:
                seen = event.seq
                if event.kind not in KINDS:
                    continue
                happened = occurrence(config, event, self._deployments(config, row.project))
                if happened is not None:
                    service.fire(self._store, SYSTEM, row, happened, seen=seen)
                    self._seen[row.id] = seen
        if seen - row.seen > _LAZY:
            service.look_no_further_back(self._store, row.id, seen)
        self._seen[row.id] = seen

    def _events(self, project: str, seen: int) -> list[events.Event]:
        with self._store.read() as connection:
            return events.read(connection, after=seen, limit=_BATCH, project=project)

    def _deployments(self, config: TriggerConfig, project: str) -> dict[str, str]:
        if config.when != "alert":
            return {}
        return {found.id: found.name for found in list_deployments(self._store, project)}
