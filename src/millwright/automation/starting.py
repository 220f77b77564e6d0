"""From what a schedule or trigger knows to the run that it starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import JsonValue

from millwright.kernel import clock
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import FILE_NAME, ProjectConfig
from millwright.kernel.config_automation import TRAIN, StartedPipeline
from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.store import Store
from millwright.pipelines import Graph, NewPipelineRun, encode, project_of

StartedBy = Literal[
    "manual", "schedule", "backfill", "dataset", "upstream", "webhook", "alert", "api"
]
"""What starts a run, in a word."""
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}")


def new_run(
    store: Store,
    project: str,
    started: StartedPipeline,
    known: Mapping[str, Any],
    cause: Mapping[str, Any],
    trigger: StartedBy,
) -> NewPipelineRun:
    """The run that starts now; it is not queued yet.

    Args:
        started: the pipeline and its parameters, with placeholders.
        known: what placeholders stand for.
        cause: why the run exists, in full.
        trigger: the same in a word.

    Raises:
        InvalidInput: a parameter has a placeholder for something that is not known.
        Conflict: the code is of a project whose file is not in this workspace.
    """
    params = {name: filled(value, known) for name, value in started.params.items()}
    new = _planned(store, project, started, params, cause, trigger)
    if started.deadline is None:
        return new
    latest = clock.now_ms() + parse_duration(started.deadline)
    return new.model_copy(update={"deadline_ms": latest})


def _planned(
    store: Store,
    project: str,
    started: StartedPipeline,
    params: dict[str, JsonValue],
    cause: Mapping[str, Any],
    trigger: StartedBy,
) -> NewPipelineRun:
    if started.pipeline == TRAIN:
        return _training(store, project, params, cause, trigger)
    if (store.workspace.root / FILE_NAME).exists():
        _require_own(project, project_of(store.workspace))
    # The project's code is loaded by the worker alone, which plans the nodes when it claims the run.
    name = started.pipeline.rpartition(":")[2]
    graph = Graph(
        pipeline=name, parameters={key: encode(value) for key, value in params.items()}, nodes=()
    )
    return NewPipelineRun(
        name=name,
        entry_point=entry_point(started.pipeline),
        graph=graph,
        cause=dict(cause),
        trigger=trigger,
    )


def entry_point(pipeline: str) -> str:
    """``module:attribute`` of ``FILE.py:NAME``, as it is named from the project's folder.

    >>> entry_point("flows/nightly.py:refresh")
    'flows.nightly:refresh'
    """
    file, _, name = pipeline.rpartition(":")
    module = ".".join(PurePosixPath(file).with_suffix("").parts)
    if not re.fullmatch(r"\w+(\.\w+)*", module):
        raise InvalidInput(
            "automation.pipeline",
            f"{pipeline!r} is no file in the project's folder that Python can import.",
            hint="Write it as FILE.py:NAME, relative to the project's folder.",
            value=pipeline,
        )
    return f"{module}:{name}"


def filled(value: JsonValue, known: Mapping[str, Any]) -> JsonValue:
    """A parameter with its placeholders replaced; one that is nothing else keeps the value's type.

    >>> filled("sales-{day}.csv", {"day": "2024-01-01"}), filled("{version}", {"version": 3})
    ('sales-2024-01-01.csv', 3)
    """
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    alone = _PLACEHOLDER.fullmatch(value)
    if alone is not None:
        found: JsonValue = _known(alone[1], known)
        return found
    return _PLACEHOLDER.sub(lambda match: str(_known(match[1], known)), value)


def _known(path: str, known: Mapping[str, Any]) -> Any:
    found: Any = known
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            names = [str(name) for name in known]
            guess = nearest(path, names)
            raise InvalidInput(
                "automation.placeholder",
                f"A parameter asks for {{{path}}}, which is not known here.",
                hint=f"Did you mean {{{guess}}}?" if guess else f"Known: {', '.join(names)}.",
                value=path,
            )
        found = found[part]
    return found


def _training(
    store: Store,
    project: str,
    params: Mapping[str, JsonValue],
    cause: Mapping[str, Any],
    trigger: StartedBy,
) -> NewPipelineRun:
    """The main job as the project file of this workspace describes it."""
    from millwright.automation.lifecycle import plan_of, training_pipeline
    from millwright.automation.sources import ChampionRef, Period
    from millwright.registry import CHAMPION, find_model, find_version

    unknown = sorted(set(params) - {"budget"})
    if unknown:
        raise InvalidInput(
            "automation.parameter",
            f"The main job has no parameter {unknown[0]!r}.",
            hint="It takes: budget.",
            value=unknown[0],
        )
    config = own_config(store, project)
    plan = plan_of(config)
    if "budget" in params:
        plan = plan.model_copy(update={"budget_ms": parse_duration(str(params["budget"]))})
    try:
        number = find_model(store, project, config.deployment_name).model.aliases.get(CHAMPION)
    except NotFound:
        number = None
    champion = None
    if number is not None:
        version = find_version(store, project, config.deployment_name, str(number))
        champion = ChampionRef(id=version.id, model=config.deployment_name, version=number)
    prepared = training_pipeline.prepare(
        {
            "config": config,
            "root": str(store.workspace.root),
            "period": Period(),
            "plan": plan,
            "rival": champion,
        }
    )
    return NewPipelineRun(
        name=prepared.graph.pipeline,
        entry_point=prepared.entry_point,
        graph=prepared.graph,
        cause=dict(cause),
        trigger=trigger,
    )


def own_config(store: Store, project: str) -> ProjectConfig:
    """The project file in this workspace, whose sources are read and whose code runs.

    What was sent over the network has no say in which files and addresses that are.

    Raises:
        Conflict: it is of another project.
    """
    config = store.workspace.project()
    _require_own(project, config.project)
    return config


def _require_own(project: str, own: str) -> None:
    if own != project:
        raise Conflict(
            "automation.other_project",
            f"This workspace holds the project '{own}', not '{project}'.",
            hint="Run the control plane in the project's own folder.",
        )
