"""The demo's project folder."""

from __future__ import annotations

import importlib.resources
import shutil
from pathlib import Path

from millwright.kernel.config import FILE_NAME
from millwright.kernel.errors import Conflict
from millwright.kernel.workspace import Workspace

_OURS = ("data", ".millwright", FILE_NAME)


def lay_out(folder: Path, *, fresh: bool) -> Workspace:
    """The workspace in a folder, its project file written; with ``fresh`` everything anew.

    Raises:
        Conflict: the folder holds another project.
    """
    text = importlib.resources.files("millwright.demo").joinpath(FILE_NAME).read_text("utf-8")
    path = folder / FILE_NAME
    if path.exists() and not path.read_text("utf-8").startswith(text.splitlines()[0]):
        raise Conflict(
            "demo.other_project",
            f"{folder} holds another project.",
            hint="Choose another folder with --dir.",
        )
    if fresh:
        for name in _OURS:
            found = folder / name
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink(missing_ok=True)
    if not path.exists():
        path.write_text(text, "utf-8")
    return Workspace(folder)
