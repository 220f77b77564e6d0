"""Pipeline runs through the door."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.pipelines.records import (
    Claim,
    FailTask,
    FinishRun,
    FinishTask,
    Heartbeat,
    NewPipelineRun,
    PipelineRunDetail,
    PipelineRunPage,
    Pulse,
    Resolve,
    StartTask,
    Task,
)


class PipelineClient:
    """Typed calls of the pipeline routes; errors as the routes raise them."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def create(self, project: str, new: NewPipelineRun) -> PipelineRunDetail:
        """Queue a run."""
        return _detail(self.door.post(f"/projects/{project}/pipeline-runs", new))

    def page(self, project: str, **filters: Any) -> PipelineRunPage:
        """Runs, newest first; filters: name, status, limit, page_token."""
        answer = self.door.get(f"/projects/{project}/pipeline-runs", **filters)
        return PipelineRunPage.model_validate(answer)

    def get(self, run_id: str) -> PipelineRunDetail:
        """A run with its graph and tasks."""
        return _detail(self.door.get(f"/pipeline-runs/{quote(run_id, safe='')}"))

    def claim(self, run_id: str, claim: Claim) -> PipelineRunDetail:
        """Become the run's one worker."""
        return _detail(self.door.post(f"/pipeline-runs/{run_id}/claim", claim))

    def heartbeat(self, run_id: str, beat: Heartbeat) -> Pulse:
        """Renew the lease."""
        return Pulse.model_validate(self.door.post(f"/pipeline-runs/{run_id}/heartbeat", beat))

    def resolve(self, run_id: str, request: Resolve) -> dict[str, Task]:
        """Take earlier results; all tasks by name."""
        answer = self.door.post(f"/pipeline-runs/{run_id}/resolve", request)
        return {task["name"]: Task.model_validate(task) for task in answer}

    def start(self, run_id: str, task: str, request: StartTask) -> Task:
        """Start a step, or take its earlier result."""
        return self._task(run_id, task, "start", request)

    def finish(self, run_id: str, task: str, request: FinishTask) -> Task:
        """Commit what a step made."""
        return self._task(run_id, task, "finish", request)

    def fail(self, run_id: str, task: str, request: FailTask) -> Task:
        """Record that a step raised."""
        return self._task(run_id, task, "fail", request)

    def finish_run(self, run_id: str, end: FinishRun) -> PipelineRunDetail:
        """End a run."""
        return _detail(self.door.post(f"/pipeline-runs/{run_id}/finish", end))

    def cancel(self, run_id: str) -> PipelineRunDetail:
        """Ask a run to stop."""
        return _detail(self.door.post(f"/pipeline-runs/{run_id}/cancel"))

    def _task(self, run_id: str, task: str, verb: str, request: Any) -> Task:
        path = f"/pipeline-runs/{run_id}/tasks/{quote(task, safe='')}/{verb}"
        return Task.model_validate(self.door.post(path, request))


def _detail(answer: Any) -> PipelineRunDetail:
    return PipelineRunDetail.model_validate(answer)
