"""The controller that purges deleted runs when the time in which they can be restored is over."""

from __future__ import annotations

from millwright.kernel import clock
from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.tracking.service import purge

_EVERY_MS = 3_600_000


class PurgeController:
    """Looks once an hour. The bytes that nothing names any more go with ``mw data gc``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next_ms = 0

    def reconcile(self) -> None:
        """Purge what is due in the project of this workspace."""
        if clock.now_ms() < self._next_ms:
            return
        self._next_ms = clock.now_ms() + _EVERY_MS
        try:
            config = self._store.workspace.starts()
        except MillwrightError:
            return
        window = clock.parse_duration(config.retention.deleted_runs)
        purge(self._store, SYSTEM, config.project, older_than_ms=window)

    def shutdown(self) -> None:
        """There is nothing to end."""
