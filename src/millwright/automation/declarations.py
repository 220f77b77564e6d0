"""Schedules and triggers that stand in ``millwright.yaml`` made true, whenever the file changes."""

from __future__ import annotations

import logging

from sqlalchemy import Table, select

from millwright.automation.schedules import service as schedules
from millwright.automation.schedules.tables import schedules as schedule_rows
from millwright.automation.triggers import service as triggers
from millwright.automation.triggers.tables import triggers as trigger_rows
from millwright.kernel.access import SYSTEM
from millwright.kernel.config import FILE_NAME
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store

_log = logging.getLogger("millwright.automation")


class Declarations:
    """The project file's schedules and triggers, as last applied."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, int] | None = None

    def apply(self) -> None:
        """Apply the file if it is another than the last time; one that cannot be read changes
        nothing and is told once."""
        try:
            found = (self._store.workspace.root / FILE_NAME).stat()
        except OSError:
            return
        state = (found.st_mtime_ns, found.st_size)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._apply()
        except MillwrightError as error:
            _log.warning("the schedules of %s are left as they were: %s", FILE_NAME, error)

    def _apply(self) -> None:
        config = self._store.workspace.starts()
        project = config.project
        for name, schedule in config.schedules.items():
            schedules.put_schedule(self._store, SYSTEM, project, name, schedule, declared=True)
        for name in self._declared(schedule_rows, project) - set(config.schedules):
            schedules.remove_schedule(self._store, SYSTEM, project, name, declared=True)
        for name, trigger in config.triggers.items():
            triggers.put_trigger(self._store, SYSTEM, project, name, trigger, declared=True)
        for name in self._declared(trigger_rows, project) - set(config.triggers):
            triggers.remove_trigger(self._store, SYSTEM, project, name, declared=True)

    def _declared(self, table: Table, project: str) -> set[str]:
        """The names that the file declared, as far as was seen."""
        columns = table.c
        query = select(columns.name).where(columns.project == project, columns.declared.is_(True))
        with self._store.read() as connection:
            return set(connection.execute(query).scalars())
