"""A project's folder: ``millwright.yaml`` and, beside it, ``.millwright/`` with all state."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.kernel.errors import NotFound

if TYPE_CHECKING:
    from millwright.kernel.config import ProjectConfig, StartsConfig

FILE_NAME = "millwright.yaml"
"""The project file (its contents are the matter of ``kernel.config``)."""
WORKSPACE_VARIABLE = "MILLWRIGHT_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The paths of one installation's local state."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace around a folder: the nearest ancestor with a ``millwright.yaml``.

        Where no folder is given, ``MILLWRIGHT_WORKSPACE`` names it before the working directory does.

        Raises:
            NotFound: no folder up to the root has one.
        """
        named = os.environ.get(WORKSPACE_VARIABLE) if start is None else None
        folder = (start or Path(named or Path.cwd())).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / FILE_NAME).exists() or (candidate / ".millwright").is_dir():
                return cls(candidate)
        raise NotFound(
            "workspace.missing",
            f"There is no {FILE_NAME} in {folder} or above it.",
            hint="Create a project with: mw init NAME --data FILE --target COLUMN",
        )

    @property
    def state(self) -> Path:
        """The folder with everything that Millwright writes."""
        return self.root / ".millwright"

    @property
    def database_url(self) -> str:
        """``MILLWRIGHT_DATABASE_URL``, or SQLite in the state folder."""
        return (
            os.environ.get("MILLWRIGHT_DATABASE_URL") or f"sqlite:///{self.state / 'millwright.db'}"
        )

    @property
    def objects(self) -> Path:
        """The folder of the object store."""
        return self.state / "objects"

    def folder(self, *parts: str) -> Path:
        """A folder under the state folder, created where it is missing.

        ``parts`` are fixed words and ids made by Millwright, never text that a user sent.
        """
        path = self.state.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def project(self) -> ProjectConfig:
        """The project file, read afresh."""
        # Whoever only needs paths does not wait for pydantic.
        from millwright.kernel.config import load_project

        return load_project(self.root / FILE_NAME)

    def starts(self) -> StartsConfig:
        """What the project file says beside the main job, read afresh; it may lack ``data``."""
        from millwright.kernel.config import load_starts

        return load_starts(self.root / FILE_NAME)

    @property
    def address_file(self) -> Path:
        """Where a running control plane says its address: ``{"url": …, "pid": …}``."""
        return self.state / "control-plane.json"

    def running_url(self) -> str | None:
        """The address of this workspace's control plane, if its process is alive."""
        found = self.running()
        return None if found is None else found[0]

    def running(self) -> tuple[str, int] | None:
        """Address and process id of this workspace's control plane, if it is alive."""
        try:
            address = json.loads(self.address_file.read_text("utf-8"))
            process = int(address["pid"])
            os.kill(process, 0)
        except (OSError, ValueError, KeyError):
            return None
        return str(address["url"]), process


def project_here() -> str:
    """``MILLWRIGHT_PROJECT``, or the project of the folder around the working directory.

    Raises:
        NotFound: there is no project here.
    """
    return os.environ.get("MILLWRIGHT_PROJECT") or Workspace.find().starts().project
