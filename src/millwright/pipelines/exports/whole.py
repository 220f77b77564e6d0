"""A whole pipeline for another orchestrator: one pod or job, which may be lost and started again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from millwright.kernel.door import connect
from millwright.kernel.errors import Conflict
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.dsl import Pipeline
from millwright.pipelines.engine import LEASE_MS, execute, queue_run
from millwright.pipelines.exports.one_step import Outcome
from millwright.pipelines.records import COMMITTED, ENDED
from millwright.pipelines.result import PipelineResult

if TYPE_CHECKING:
    from millwright.kernel.workspace import Workspace

_PATIENCE_SECONDS = 4 * LEASE_MS / 1000
"""How long a follower waits for the lease of a pod that is gone."""


def run_whole(
    workspace: Workspace,
    project: str,
    pipeline: Pipeline[..., Any],
    params: Mapping[str, object],
    *,
    cause: Mapping[str, Any],
    executor: str | None = None,
) -> Outcome:
    """Run a pipeline, or go on with the run that the same group began.

    Raises:
        PipelineFailed: a step failed.
        Conflict: somebody else executes the run.
    """
    with connect(workspace, patience_seconds=60.0) as door:
        group = cause.get("group")
        key = None if group is None else f"{cause['by']}/{group}"[:200]
        queued = queue_run(
            door, project, pipeline, params, cause=cause, trigger="api", idempotency_key=key
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            run = PipelineClient(door).get(queued.id)
            if run.status in ENDED:
                result = PipelineResult.of(run, door)
                break
            try:
                result = execute(door, project, queued.id, executor=executor)
                break
            except Conflict:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1.0)
        result.raise_if_failed()
        outputs = {
            f"{task.name}.{name}": artifact
            for task in result.run.tasks
            if task.status in COMMITTED and task.parent is None
            for name, artifact in task.outputs.items()
        }
        return Outcome(status="succeeded", outputs=outputs, run=result.run_id)
