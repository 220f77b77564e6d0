"""The controller that looks at the clock."""

from __future__ import annotations

from collections.abc import Callable

from millwright.automation.declarations import Declarations
from millwright.automation.schedules.firing import fire_due
from millwright.kernel import clock
from millwright.kernel.store import Store


class ScheduleController:
    """Fires what is due at every call. Any number of them may work on one database."""

    def __init__(self, store: Store, now_ms: Callable[[], int] = clock.now_ms) -> None:
        self._store = store
        self._now_ms = now_ms
        self._declarations = Declarations(store)

    def reconcile(self) -> None:
        """Take over what the project file declares, then fire what is due."""
        self._declarations.apply()
        fire_due(self._store, self._now_ms())

    def shutdown(self) -> None:
        """Nothing to end: all that it knows is stored."""
