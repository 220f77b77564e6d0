"""Which project a request means that names none: that of the workspace."""

from __future__ import annotations

import os
import time

from sqlalchemy import select

from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.kernel.tables import projects
from millwright.kernel.workspace import FILE_NAME

NAMELESS = "default"
"""The project of a workspace that has none of its own."""
_SECONDS = 1.0
"""How long that there is none is believed where nothing was heard to change; others may write too."""


class DefaultProject:
    """``MILLWRIGHT_PROJECT``, else that of ``millwright.yaml``, else the oldest one recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: str | None = None
        self._file = store.workspace.root / FILE_NAME
        self._looked: tuple[float, int, bool] | None = None

    def __call__(self) -> str:
        """The project's name; looked up again as long as there is none."""
        if self._found is None and not self._just_looked():
            self._found = os.environ.get("MILLWRIGHT_PROJECT") or self._look()
        return self._found or NAMELESS

    def _just_looked(self) -> bool:
        """Whether looking again could tell nothing else: it costs more than a quick request."""
        now = time.monotonic()
        known, heard = self._looked, (self._store.changes.count, self._file.exists())
        if known is not None and now < known[0] + _SECONDS and known[1:] == heard:
            return True
        self._looked = (now, *heard)
        return False

    def _look(self) -> str | None:
        try:
            return self._store.workspace.starts().project
        except (MillwrightError, OSError):
            query = select(projects.c.name).order_by(projects.c.created_ms, projects.c.name)
            with self._store.read() as connection:
                return connection.execute(query.limit(1)).scalar()
