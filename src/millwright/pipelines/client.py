"""Pipeline runs through the door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from millwright.pipelines.records import (
    Approval,
    Attempt,
    Claim,
    ClaimNext,
    Decision,
    NewPipelineRun,
    PipelineRunDetail,
    PipelineRunPage,
    Pool,
    Pulse,
    TaskLog,
    Wave,
)

if TYPE_CHECKING:
    from millwright.kernel.door import Door


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

    def claim_next(self, project: str, claim: ClaimNext) -> PipelineRunDetail | None:
        """Claim what is queued, waiting a while for something to come."""
        answer = self.door.post(f"/projects/{project}/pipeline-runs/claim-next", claim)
        return None if answer is None else _detail(answer)

    def commit(self, run_id: str, wave: Wave) -> Pulse:
        """Commit what became of a run's steps."""
        return Pulse.model_validate(self.door.post(f"/pipeline-runs/{run_id}/waves", wave))

    def log(self, run_id: str, task: str, **which: Any) -> TaskLog:
        """What a step has written; which: after, attempt, wait_ms."""
        path = f"/pipeline-runs/{run_id}/tasks/{quote(task, safe='')}/log"
        return TaskLog.model_validate(self.door.get(path, **which))

    def attempts(self, run_id: str) -> list[Attempt]:
        """Every try of every step."""
        answer = self.door.get(f"/pipeline-runs/{run_id}/attempts")
        return [Attempt.model_validate(one) for one in answer]

    def approvals(self, project: str, *, waiting: bool = True) -> list[Approval]:
        """Questions to people."""
        answer = self.door.get(f"/projects/{project}/pipeline-approvals", waiting=waiting)
        return [Approval.model_validate(one) for one in answer]

    def decide(self, run_id: str, task: str, decision: Decision) -> Approval:
        """Answer a question."""
        path = f"/pipeline-runs/{run_id}/approvals/{quote(task, safe='')}"
        return Approval.model_validate(self.door.post(path, decision))

    def pools(self, project: str) -> list[Pool]:
        """The pools of a project."""
        answer = self.door.get(f"/projects/{project}/pipeline-pools")
        return [Pool.model_validate(one) for one in answer]

    def put_pool(self, project: str, pool: Pool) -> Pool:
        """Make a pool, or change how many slots it has."""
        return Pool.model_validate(self.door.put(f"/projects/{project}/pipeline-pools", pool))

    def cancel(self, run_id: str) -> PipelineRunDetail:
        """Ask a run to stop."""
        return _detail(self.door.post(f"/pipeline-runs/{run_id}/cancel"))


def _detail(answer: Any) -> PipelineRunDetail:
    return PipelineRunDetail.model_validate(answer)
