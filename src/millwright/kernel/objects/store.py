"""The object stores of a workspace's projects. What one project stored, no other can tell."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

from millwright.kernel.errors import InvalidInput
from millwright.kernel.objects.project import ProjectObjects

Fetcher = Callable[[str, list[bytes]], None]
"""Brings chunks of a project here from its remote."""

_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class ObjectStore:
    """One folder per project, under ``projects/``; objects are kept once per project.

    ``fetcher`` is asked for chunks that are known and not here, or not known at all.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fetcher: Fetcher | None = None
        self._lock = threading.Lock()
        self._projects: dict[str, ProjectObjects] = {}

    def of(self, project: str) -> ProjectObjects:
        """A project's objects.

        Raises:
            InvalidInput: that is no name of a project.
        """
        with self._lock:
            found = self._projects.get(project)
            if found is None:
                found = self._projects[project] = self._opened(project)
            return found

    def close(self) -> None:
        """Release files and indexes; the next use opens them again."""
        with self._lock:
            for project in self._projects.values():
                project.close()

    def _opened(self, project: str) -> ProjectObjects:
        if not _PROJECT.fullmatch(project):
            raise InvalidInput(
                "objects.project",
                "That is not a project's name.",
                hint="Use letters, digits, _ . -, at most 100 characters.",
                value=project,
            )

        def fetch(chunks: list[bytes]) -> bool:
            if self._adopted_legacy(project, chunks):
                return True
            if self.fetcher is None:
                return False
            self.fetcher(project, chunks)
            return True

        return ProjectObjects(self.root / "projects" / project, fetch)

    def _adopted_legacy(self, project: str, objects: list[bytes]) -> bool:
        """Take over objects that an earlier Millwright wrote as whole files, ``ab/cdef…``."""
        found = False
        for name in (object_id.hex() for object_id in objects):
            path = self.root / name[:2] / name[2:]
            if path.is_file():
                self.of(project).link(path)
                found = True
        return found
