"""The HTTP routes of pipeline runs, through which workers change every state they change."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.pipelines import cache, queries, service, task_service
from millwright.pipelines.records import (
    CacheAnswer,
    CacheQuery,
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
    RunStatus,
    StartTask,
    Task,
)

router = RoomRouter(tag="pipelines")


@router.post("/projects/{project}/pipeline-runs", permission=Permission.WRITE)
def create_run(
    project: Name, body: NewPipelineRun, call: Call = Depends(current_call)
) -> PipelineRunDetail:
    """Queue a run."""
    return service.create_run(call.store, call.actor, project, body)


@router.get("/projects/{project}/pipeline-runs", permission=Permission.READ)
def list_runs(
    project: Name,
    name: str | None = None,
    status: RunStatus | None = None,
    limit: int = Query(50, ge=1, le=500),
    page_token: str | None = None,
    call: Call = Depends(current_call),
) -> PipelineRunPage:
    """Runs of a project, newest first."""
    return queries.list_runs(
        call.store, project, name=name, status=status, limit=limit, page_token=page_token
    )


@router.get("/pipeline-runs/{run_id}", permission=Permission.READ)
def get_run(run_id: str, call: Call = Depends(current_call)) -> PipelineRunDetail:
    """A run with its graph and tasks."""
    return queries.get_run(call.store, run_id)


@router.post("/pipeline-runs/{run_id}/claim", permission=Permission.WRITE)
def claim_run(run_id: str, body: Claim, call: Call = Depends(current_call)) -> PipelineRunDetail:
    """Become the one worker of a run that nobody executes."""
    return service.claim_run(call.store, call.actor, run_id, body)


@router.post("/pipeline-runs/{run_id}/heartbeat", permission=Permission.WRITE)
def heartbeat(run_id: str, body: Heartbeat, call: Call = Depends(current_call)) -> Pulse:
    """Renew the lease on a run, and learn whether it should stop."""
    return service.heartbeat(call.store, run_id, body)


@router.post("/pipeline-runs/{run_id}/resolve", permission=Permission.WRITE)
def resolve(run_id: str, body: Resolve, call: Call = Depends(current_call)) -> list[Task]:
    """Take earlier results for every step that has one."""
    return list(task_service.resolve(call.store, call.actor, run_id, body))


@router.post("/pipeline-runs/{run_id}/tasks/{task}/start", permission=Permission.WRITE)
def start_task(run_id: str, task: str, body: StartTask, call: Call = Depends(current_call)) -> Task:
    """Start a step, or take its earlier result."""
    return task_service.start(call.store, call.actor, run_id, task, body)


@router.post("/pipeline-runs/{run_id}/tasks/{task}/finish", permission=Permission.WRITE)
def finish_task(
    run_id: str, task: str, body: FinishTask, call: Call = Depends(current_call)
) -> Task:
    """Commit what a step made."""
    return task_service.finish(call.store, call.actor, run_id, task, body)


@router.post("/pipeline-runs/{run_id}/tasks/{task}/fail", permission=Permission.WRITE)
def fail_task(run_id: str, task: str, body: FailTask, call: Call = Depends(current_call)) -> Task:
    """Record that a step raised."""
    return task_service.fail(call.store, call.actor, run_id, task, body)


@router.post("/pipeline-runs/{run_id}/finish", permission=Permission.WRITE)
def finish_run(
    run_id: str, body: FinishRun, call: Call = Depends(current_call)
) -> PipelineRunDetail:
    """End a run."""
    return service.finish_run(call.store, call.actor, run_id, body)


@router.post("/pipeline-runs/{run_id}/cancel", permission=Permission.WRITE)
def cancel_run(run_id: str, call: Call = Depends(current_call)) -> PipelineRunDetail:
    """Ask a run to stop."""
    return service.cancel_run(call.store, call.actor, run_id)


@router.post("/projects/{project}/step-cache/resolve", permission=Permission.READ)
def resolve_cache(
    project: Name, body: CacheQuery, call: Call = Depends(current_call)
) -> CacheAnswer:
    """Earlier results of steps, by key."""
    return cache.lookup(call.store, project, body.keys)
