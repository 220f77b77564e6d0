"""Running the main job for a workspace."""

from __future__ import annotations

from collections.abc import Callable

from millwright.automation.candidates import Registered
from millwright.automation.lifecycle import plan_of, training_pipeline
from millwright.automation.sources import Period
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import FILE_NAME
from millwright.kernel.door import Door
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineEvent, PipelineResult, execute


def train_project(
    door: Door,
    workspace: Workspace,
    *,
    budget: str | None = None,
    on_event: Callable[[PipelineEvent], None] = lambda _: None,
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
    config = workspace.project()
    text = (workspace.root / FILE_NAME).read_text("utf-8")
    door.put(f"/projects/{config.project}", {"config": text})
    plan = plan_of(config)
    if budget is not None:
        plan = plan.model_copy(update={"budget_ms": parse_duration(budget)})
    result = execute(
        door,
        config.project,
        training_pipeline,
        {"config": config, "root": str(workspace.root), "period": Period(), "plan": plan},
        on_event=on_event,
        scratch=workspace.folder("scratch"),
    )
    result.raise_if_failed()
    return result


def registered_by(result: PipelineResult) -> Registered:
    """What the training came to."""
    registered = result.value()
    assert isinstance(registered, Registered)
    return registered
