"""Running the main job for a workspace, in this process or in a worker of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from millwright.automation.candidates import Registered
from millwright.automation.champion import champion_now
from millwright.automation.lifecycle import plan_of, training_pipeline
from millwright.automation.sources import Period
from millwright.kernel import clock, process
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import FILE_NAME
from millwright.kernel.door import Door
from millwright.kernel.workspace import Workspace
from millwright.pipelines import (
    PipelineClient,
    PipelineEvent,
    PipelineResult,
    execute,
    follow,
    queue_run,
    spawn_worker,
)

OnEvent = Callable[[PipelineEvent], None]


_OWN_MS = 60_000


def train_project(
    door: Door,
    workspace: Workspace,
    *,
    budget: str | None = None,
    on_event: OnEvent = lambda _: None,
) -> PipelineResult:
    """Train, validate and register a model as the workspace's ``millwright.yaml`` says.

    The result's steps can be looked into with ``output``; ``registered_by`` gives the end.

    Args:
        door: the way to the API.
        workspace: where the project is.
        budget: time for the search, such as ``60s``; the project's own when None.
        on_event: hears of every step's start, progress and end.

    Raises:
        MillwrightError: the project or its data are not usable; nothing that was good is lost.
    """
    parameters = _parameters(door, workspace, budget)
    result = execute(
        door,
        workspace.project().project,
        training_pipeline,
        parameters,
        on_event=on_event,
        folder=workspace.root,
        scratch=workspace.folder("scratch"),
    )
    result.raise_if_failed()
    return result


def train_in_worker(
    door: Door,
    workspace: Workspace,
    *,
    budget: str | None = None,
    on_event: OnEvent = lambda _: None,
    while_waiting: Callable[[], None] = lambda: None,
) -> PipelineResult:
    """As ``train_project``, in a process that gives its memory back when it is done.

    A run with the same parameters that was left unfinished (somebody was killed) is continued.
    """
    project = workspace.project().project
    parameters = _parameters(door, workspace, budget)
    run_id = _unfinished(door, project, parameters)
    if run_id is None:
        # Our own worker claims it at once; a control plane's would only if we were killed.
        later = clock.now_ms() + _OWN_MS
        run_id = queue_run(door, project, training_pipeline, parameters, not_before_ms=later).id
    worker = spawn_worker(run_id, workspace=workspace, url=door.url)
    try:
        result = follow(door, run_id, worker, on_event, while_waiting)
    finally:
        process.stop(worker)
    result.raise_if_failed()
    return result


def registered_by(result: PipelineResult) -> Registered:
    """What the training came to."""
    registered = result.value()
    assert isinstance(registered, Registered)
    return registered


def _parameters(door: Door, workspace: Workspace, budget: str | None) -> dict[str, Any]:
    config = workspace.project()
    text = (workspace.root / FILE_NAME).read_text("utf-8")
    door.put(f"/projects/{config.project}", {"config": text})
    plan = plan_of(config)
    if budget is not None:
        plan = plan.model_copy(update={"budget_ms": parse_duration(budget)})
    return {
        "config": config,
        "root": str(workspace.root),
        "period": Period(),
        "plan": plan,
        "rival": champion_now(door, config.project, config.deployment_name),
    }


def _unfinished(door: Door, project: str, parameters: dict[str, Any]) -> str | None:
    """The newest run with these parameters that nobody ended."""
    client = PipelineClient(door)
    wanted = training_pipeline.plan(**parameters).parameters
    for status in ("running", "queued"):
        page = client.page(project, name=training_pipeline.name, status=status, limit=10)
        for found in page.pipeline_runs:
            if client.get(found.id).params == wanted:
                return found.id
    return None
