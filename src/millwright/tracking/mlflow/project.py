"""Which project a request means that names none: that of the workspace."""

from __future__ import annotations

import os

from sqlalchemy import select

from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.kernel.tables import projects

NAMELESS = "default"
"""The project of a workspace that has none of its own."""


class DefaultProject:
    """``MILLWRIGHT_PROJECT``, else that of ``millwright.yaml``, else the oldest one recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: str | None = None

    def __call__(self) -> str:
        """The project's name; looked up again as long as there is none."""
        if self._found is None:
            self._found = os.environ.get("MILLWRIGHT_PROJECT") or self._look()
        return self._found or NAMELESS

    def _look(self) -> str | None:
        try:
            return self._store.workspace.project().project
        except (MillwrightError, OSError):
            query = select(projects.c.name).order_by(projects.c.created_ms, projects.c.name)
            with self._store.read() as connection:
                return connection.execute(query.limit(1)).scalar()
