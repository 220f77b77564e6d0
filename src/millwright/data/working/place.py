"""Where a working copy lives: the workspace around a folder, its project, its objects."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.workspace import FILE_NAME, Workspace

if TYPE_CHECKING:
    from millwright.data.tree_store import TreeStore
    from millwright.kernel.objects import ProjectObjects

_PROJECT_LINE = re.compile(
    r"""^project:[ \t]*(["']?)([A-Za-z0-9][A-Za-z0-9_.-]{0,99})\1[ \t]*(?:\#.*)?$""", re.MULTILINE
)
_PROJECT_FILE = "project"
"""In the state folder of a workspace that has data and no ``millwright.yaml``: the project's name."""


@dataclass(frozen=True)
class Place:
    """A workspace as the data commands see it."""

    workspace: Workspace
    project: str

    @classmethod
    def find(cls, project: str | None = None, *, start: bool = False) -> Place:
        """The workspace around the working folder.

        Args:
            project: another project than that of the workspace.
            start: make a workspace in the folder (in a git repository: at its root) if there is
                none around it.

        Raises:
            NotFound: there is none.
        """
        try:
            workspace = Workspace.find()
        except NotFound:
            if not start:
                raise NotFound(
                    "workspace.missing",
                    f"Nothing is kept in {Path.cwd()} or above it.",
                    hint="Keep something with: mw data add PATH",
                ) from None
            workspace = _started()
        return cls(workspace, project or project_of(workspace))

    @property
    def root(self) -> Path:
        """The workspace's folder."""
        return self.workspace.root

    @property
    def state(self) -> Path:
        """The folder with everything that Millwright writes."""
        return self.workspace.state

    @cached_property
    def objects(self) -> ProjectObjects:
        """The project's objects; what is on a remote only is fetched when it is read."""
        from millwright.kernel.objects import ObjectStore

        store = ObjectStore(self.workspace.objects)

        def fetch(project: str, chunks: list[bytes]) -> None:
            # Most commands miss nothing, and load nothing of this.
            from millwright.data.storage.lazy_fetching import fetch_when_read

            fetch_when_read(store, self.state)
            if store.fetcher is not None:
                store.fetcher(project, chunks)

        store.fetcher = fetch
        return store.of(self.project)

    @cached_property
    def trees(self) -> TreeStore:
        """The project's manifests."""
        from millwright.data.tree_store import TreeStore

        return TreeStore(self.objects)


def project_of(workspace: Workspace) -> str:
    """The project's name, without reading the whole project file where that can be helped.

    Raises:
        InvalidInput: it is not written down.
    """
    file = workspace.root / FILE_NAME
    if file.exists():
        found = _PROJECT_LINE.findall(file.read_text("utf-8"))
        return found[0][1] if len(found) == 1 else workspace.project().project
    named = workspace.state / _PROJECT_FILE
    if named.exists():
        return named.read_text("utf-8").strip()
    raise InvalidInput(
        "data.no_project",
        f"{workspace.root} has neither a {FILE_NAME} nor kept data.",
        hint="Name the project: --project on the command line, project=… in Python.",
    )


def _started() -> Workspace:
    folder = Path.cwd()
    root = next((f for f in (folder, *folder.parents) if (f / ".git").exists()), folder)
    workspace = Workspace(root)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", root.name).strip("-._")[:100] or "data"
    (workspace.folder() / _PROJECT_FILE).write_text(f"{name}\n", "utf-8")
    return workspace


def relative_to_root(place: Place, path: Path) -> str:
    """How the working copy names a path: from the workspace's root, or absolute outside of it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links in the path are kept as they are.
    try:
        return absolute.relative_to(place.root).as_posix()
    except ValueError:
        return absolute.as_posix()
