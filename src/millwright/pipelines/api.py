"""Pipelines from Python: ``mw.step``, ``mw.pipeline``, ``mw.run_pipeline``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millwright.kernel.config import FILE_NAME
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.workspace import Workspace
from millwright.pipelines.context import progress, step_context
from millwright.pipelines.dsl import Pipeline, pipeline, step
from millwright.pipelines.engine import execute
from millwright.pipelines.entry_point import load_file
from millwright.pipelines.listening import OnEvent, ignore
from millwright.pipelines.result import PipelineResult

__all__ = [
    "find_pipeline",
    "pipeline",
    "progress",
    "run_file",
    "run_pipeline",
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
) -> PipelineResult:
    """Run a pipeline in this process, durably.

    Args:
        pipeline: made by ``@mw.pipeline``.
        params: its parameters.
        project: where the run belongs; by default the project of the folder we are in.
        door: the way to the control plane; by default that of the folder we are in.
        on_event: hears of progress.
        cause: why the run exists.

    Raises:
        InvalidInput: it cannot be planned; no step has run.
        PipelineFailed: a step raised; an error of Millwright's own is raised as it is.
    """
    if door is not None:
        name = project or _project(Workspace.find())
        result = execute(door, name, pipeline, params, on_event=on_event, cause=cause)
        result.raise_if_failed()
        return result
    workspace = Workspace.find()
    # The door stays open as long as the result is used: its outputs are loaded through it.
    opened = connect(workspace)
    return run_pipeline(
        pipeline,
        params,
        project=project or _project(workspace),
        door=opened,
        on_event=on_event,
        cause=cause,
    )


def run_file(
    target: str,
    params: Mapping[str, object],
    *,
    project: str | None = None,
    door: Door | None = None,
    on_event: OnEvent = ignore,
) -> PipelineResult:
    """Run the pipeline of a file: ``FILE.py``, or ``FILE.py:name`` where it defines several.

    Parameters may be text, as from a command line; they are read as their annotations say. Errors
    as in ``run_pipeline`` and ``find_pipeline``.
    """
    return run_pipeline(
        find_pipeline(target), params, project=project, door=door, on_event=on_event
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


def _project(workspace: Workspace) -> str:
    if (workspace.root / FILE_NAME).exists():
        return workspace.project().project
    return "default"
