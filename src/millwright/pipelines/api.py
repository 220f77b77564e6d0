"""Pipelines from Python: ``mw.step``, ``mw.pipeline``, ``mw.run_pipeline``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.workspace import FILE_NAME, WORKSPACE_VARIABLE, Workspace
from millwright.pipelines.context import progress, step_context
from millwright.pipelines.dsl import Pipeline, pipeline, step
from millwright.pipelines.engine import execute
from millwright.pipelines.entry_point import load_file
from millwright.pipelines.flow import approval, branch, repeat, sequence
from millwright.pipelines.listening import OnEvent, ignore
from millwright.pipelines.placement import in_worker
from millwright.pipelines.result import PipelineResult

if TYPE_CHECKING:
    from millwright.kernel.door import Door

__all__ = [
    "approval",
    "branch",
    "find_pipeline",
    "pipeline",
    "progress",
    "repeat",
    "run_file",
    "run_pipeline",
    "sequence",
    "step",
    "step_context",
]


def run_pipeline(
    pipeline: Pipeline[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    project: str | None = None,
    door: Door | None = None,
    on_event: OnEvent = ignore,
    cause: Mapping[str, Any] | None = None,
    executor: str | None = None,
) -> PipelineResult:
    """Run a pipeline in this process, durably.

    Args:
        pipeline: made by ``@mw.pipeline``.
        params: its parameters.
        project: where the run belongs; by default the project of the folder we are in.
        door: the way to the control plane; by default that of the folder we are in, which becomes
            a workspace (a folder ``.millwright``) if there is none around it.
        on_event: hears of progress.
        cause: why the run exists.
        executor: where steps run, as a URL; see ``engine.execute``.

    Raises:
        InvalidInput: it cannot be planned; no step has run.
        PipelineFailed: a step raised; an error of Millwright's own is raised as it is.
    """
    if in_worker():
        raise InvalidInput(
            "pipelines.run_in_worker",
            "A file runs its pipeline when it is imported, and a worker has imported it.",
            hint='Write the call under: if __name__ == "__main__":',
        )
    workspace = workspace_here() if door is None or project is None else None
    name = project or project_of(workspace or workspace_here())
    way = door if door is not None else workspace
    assert way is not None
    result = execute(way, name, pipeline, params, on_event=on_event, cause=cause, executor=executor)
    if result.status != "waiting":
        result.raise_if_failed()
    return result


def run_file(
    target: str,
    params: Mapping[str, object],
    *,
    project: str | None = None,
    door: Door | None = None,
    on_event: OnEvent = ignore,
    executor: str | None = None,
) -> PipelineResult:
    """Run the pipeline of a file: ``FILE.py``, or ``FILE.py:name`` where it defines several.

    Parameters may be text, as from a command line; they are read as their annotations say. Errors
    as in ``run_pipeline`` and ``find_pipeline``.
    """
    return run_pipeline(
        find_pipeline(target),
        params,
        project=project,
        door=door,
        on_event=on_event,
        executor=executor,
    )


def find_pipeline(target: str) -> Pipeline[..., Any]:
    """The pipeline that ``FILE.py`` or ``FILE.py:name`` names.

    Raises:
        NotFound: there is no such file, or no such pipeline in it.
        InvalidInput: the file defines several and none is named.
    """
    file, separator, name = target.rpartition(":")
    path = Path(file if separator and file.endswith(".py") else target)
    wanted = name if path != Path(target) else None
    module = load_file(path)
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, Pipeline) and (wanted or value.__module__ == module.__name__)
    }
    if wanted is not None:
        if wanted in found:
            return found[wanted]
        guess = nearest(wanted, found)
        raise NotFound(
            "pipelines.unknown_pipeline",
            f"{path} defines no pipeline {wanted!r}.",
            hint=f"Did you mean {guess!r}?"
            if guess
            else f"It defines: {', '.join(sorted(found)) or 'none'}.",
            value=wanted,
        )
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise InvalidInput(
            "pipelines.several_pipelines",
            f"{path} defines several pipelines: {', '.join(sorted(found))}.",
            hint=f"Name one: {path}:{min(found)}",
        )
    raise NotFound(
        "pipelines.no_pipeline",
        f"{path} defines no pipeline.",
        hint="Decorate a function that calls steps with @mw.pipeline.",
    )


def workspace_here() -> Workspace:
    """The workspace around the current folder; where there is none, this folder becomes one.

    A file with a pipeline is enough to begin with: nothing else has to be set up.
    """
    if os.environ.get(WORKSPACE_VARIABLE):
        return Workspace.find()
    try:
        return Workspace.find()
    except NotFound:
        workspace = Workspace(Path.cwd())
        workspace.folder()
        return workspace


def project_of(workspace: Workspace) -> str:
    """The project of a workspace, ``default`` where there is no project file."""
    file = workspace.root / FILE_NAME
    if not file.exists():
        return "default"
    # The whole file is checked by those who use more of it than the name.
    named = re.search(
        r"^project:[ \t]+([A-Za-z0-9][\w.-]{0,99})[ \t]*(#.*)?$", file.read_text("utf-8"), re.M
    )
    return workspace.starts().project if named is None else named[1]
