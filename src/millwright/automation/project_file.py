"""The controller that takes in the project file of the control plane's own folder when it is edited."""

from __future__ import annotations

from millwright.kernel.projects import follow_file
from millwright.kernel.store import Store
from millwright.kernel.workspace import FILE_NAME


class ProjectFileController:
    """Looks at the file's time at every turn, and into it only when that is another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen_ns = 0

    def reconcile(self) -> None:
        """Record what the file says now."""
        try:
            changed_ns = (self._store.workspace.root / FILE_NAME).stat().st_mtime_ns
        except OSError:
            return
        if changed_ns != self._seen_ns:
            follow_file(self._store)
            self._seen_ns = changed_ns

    def shutdown(self) -> None:
        """There is nothing to end."""
