"""Executing a run in this process: plan it, claim it, go through its steps.

All state is changed through the door, step by step, so the process may be killed at any moment:
whoever claims the run next goes on after the last committed step.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.pipelines import values
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.dsl import Pipeline, Plan
from millwright.pipelines.entry_point import load_entry_point
from millwright.pipelines.execution import Execution
from millwright.pipelines.lease import HeldRun
from millwright.pipelines.listening import OnEvent, ignore
from millwright.pipelines.ownership import is_gone, this_owner
from millwright.pipelines.records import (
    Claim,
    NewPipelineRun,
    PipelineRunDetail,
)
from millwright.pipelines.result import PipelineResult
from millwright.pipelines.step_log import copied_output

LEASE_MS = 15_000


def queue_run(
    door: Door,
    project: str,
    pipeline: Pipeline[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    cause: Mapping[str, Any] | None = None,
) -> PipelineRunDetail:
    """Plan a pipeline and store it as a run for a worker to claim; errors as in ``plan``."""
    return _queue(PipelineClient(door), project, pipeline.prepare(params or {}), cause)


def execute(
    door: Door,
    project: str,
    work: Pipeline[..., Any] | str,
    params: Mapping[str, object] | None = None,
    *,
    on_event: OnEvent = ignore,
    cause: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    scratch: Path | None = None,
    lease_ms: int = LEASE_MS,
) -> PipelineResult:
    """Run a pipeline, or a stored run by its id, in this process and to its end.

    Args:
        door: the way to the control plane.
        project: where the run belongs.
        work: a pipeline to start, or the id of a run to execute or to go on with.
        params: of the pipeline; a stored run has its own.
        on_event: hears of progress, in this thread or the step's.
        cause: why the run exists, such as ``{"alert": ID}``.
        folder: from where the code of a stored run is loaded; the current folder by default.
        scratch: where steps get their folders; the system's place by default.
        lease_ms: for how long the run stays this process's own without a heartbeat.

    Returns:
        The result, whether the run succeeded, failed or was cancelled.

    Raises:
        InvalidInput: the pipeline cannot be planned.
        Conflict: another worker holds the run, took it over, or it has ended.
    """
    client = PipelineClient(door)
    if isinstance(work, str):
        stored = client.get(work)
        plan = _plan_stored(stored, folder or Path.cwd())
    else:
        plan = work.prepare(params or {})
        stored = _queue(client, project, plan, cause)
    if stored.project != project:
        raise Conflict("pipelines.other_project", f"Run {stored.id} is of {stored.project}.")
    holder = stored.lease_owner
    claim = Claim(
        owner=this_owner(),
        pid=os.getpid(),
        lease_ms=lease_ms,
        graph=None if plan.graph == stored.graph else plan.graph,
        replaces=holder if holder is not None and is_gone(holder) else None,
    )
    run = client.claim(stored.id, claim)
    with (
        HeldRun(client, run.id, run.attempt, lease_ms=lease_ms) as held,
        tempfile.TemporaryDirectory(prefix="mw-run-", dir=scratch) as place,
        copied_output(),
    ):
        return Execution(client, run, plan, held, Path(place), on_event).run()


def _queue(
    client: PipelineClient, project: str, plan: Plan, cause: Mapping[str, Any] | None
) -> PipelineRunDetail:
    new = NewPipelineRun(
        name=plan.graph.pipeline,
        entry_point=plan.entry_point,
        graph=plan.graph,
        cause=None if cause is None else dict(cause),
    )
    return client.create(project, new)


def _plan_stored(run: PipelineRunDetail, folder: Path) -> Plan:
    found = load_entry_point(run.entry_point, folder)
    if not isinstance(found, Pipeline):
        raise InvalidInput(
            "pipelines.not_a_pipeline",
            f"{run.entry_point} is not a pipeline.",
            hint="Decorate the function with @mw.pipeline.",
        )
    return found.prepare({name: values.decode(tree) for name, tree in run.params.items()})
