"""The HTTP routes of pipeline runs, through which workers change every state they change."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, Owner, RoomRouter, current_call
from millwright.pipelines import approvals, queries, service
from millwright.pipelines.lean_record import work_out_checks
from millwright.pipelines.ledger.runs import unknown_run
from millwright.pipelines.records import (
    Approval,
    Attempt,
    Claim,
    ClaimNext,
    Decision,
    Found,
    Launch,
    Launched,
    Lookup,
    NewPipelineRun,
    PipelineRunDetail,
    PipelineRunPage,
    Pool,
    Pulse,
    RunStatus,
    SlotAnswer,
    SlotRequest,
    TaskLog,
    Wave,
)

work_out_checks()

router = RoomRouter(tag="pipelines", owners={"run_id": Owner(queries.owner_of, unknown_run)})
_LOOK_MS = 500
"""How often who waits for a run looks for one whose worker is not heard of any more."""


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


@router.post("/projects/{project}/pipeline-runs/claim-next", permission=Permission.WRITE)
def claim_next(
    project: Name, body: ClaimNext, call: Call = Depends(current_call)
) -> PipelineRunDetail | None:
    """Claim what is queued, the highest priority first; null if nothing comes in time."""
    claim = Claim.model_validate(body.model_dump(exclude={"wait_ms"}))
    until = clock.now_ms() + body.wait_ms
    while True:
        seen = call.store.changes.count
        found = service.claim_next(call.store, call.actor, project, claim)
        left = until - clock.now_ms()
        if found is not None or left <= 0:
            return found
        # Nothing rings when a lease is over, nor, on SQLite, when another server writes.
        call.store.changes.wait(seen, seconds=min(left, _LOOK_MS) / 1000)


@router.post("/projects/{project}/pipeline-runs/launch", permission=Permission.WRITE)
def launch_run(project: Name, body: Launch, call: Call = Depends(current_call)) -> Launched:
    """Queue, claim and begin a run that the caller executes, with its first wave of changes."""
    return service.launch_run(call.store, call.actor, project, body)


@router.post("/pipeline-runs/{run_id}/waves", permission=Permission.WRITE)
def commit_wave(run_id: str, body: Wave, call: Call = Depends(current_call)) -> Pulse:
    """Commit what became of a run's steps; an empty wave renews the lease."""
    return service.commit_wave(call.store, call.actor, run_id, body)


@router.post("/pipeline-runs/{run_id}/slots", permission=Permission.WRITE)
def take_slots(run_id: str, body: SlotRequest, call: Call = Depends(current_call)) -> SlotAnswer:
    """Ask for slots of a pool for a step."""
    return service.take_slots(call.store, call.actor, run_id, body)


@router.get("/pipeline-runs/{run_id}/attempts", permission=Permission.READ)
def list_attempts(run_id: str, call: Call = Depends(current_call)) -> list[Attempt]:
    """Every try of every step."""
    return queries.attempts(call.store, run_id)


@router.get("/pipeline-runs/{run_id}/tasks/{task:path}/log", permission=Permission.READ)
def task_log(
    run_id: str,
    task: str,
    after: int = -1,
    attempt: int | None = None,
    wait_ms: int = Query(0, ge=0, le=30_000),
    call: Call = Depends(current_call),
) -> TaskLog:
    """What a step has written so far; with ``wait_ms`` it waits for more.

    ``after`` is the last part that the caller has of ``attempt``.
    """
    until = clock.now_ms() + wait_ms
    while True:
        seen = call.store.changes.count
        found = queries.task_log(call.store, run_id, task, after=after, attempt=attempt)
        left = until - clock.now_ms()
        if found.parts or found.whole or found.ended or left <= 0:
            return found
        call.store.changes.wait(seen, seconds=min(left, 1000) / 1000)


@router.get("/projects/{project}/pipeline-pools", permission=Permission.READ)
def list_pools(project: Name, call: Call = Depends(current_call)) -> list[Pool]:
    """The pools of a project."""
    return queries.list_pools(call.store, project)


@router.put("/projects/{project}/pipeline-pools", permission=Permission.OPERATE)
def put_pool(project: Name, body: Pool, call: Call = Depends(current_call)) -> Pool:
    """Make a pool, or change how many slots it has."""
    return service.put_pool(call.store, call.actor, project, body)


@router.get("/projects/{project}/pipeline-approvals", permission=Permission.READ)
def list_approvals(
    project: Name, waiting: bool = True, call: Call = Depends(current_call)
) -> list[Approval]:
    """Questions to people, oldest first."""
    return approvals.list_approvals(call.store, project, waiting=waiting)


@router.post("/pipeline-runs/{run_id}/approvals/{task:path}", permission=Permission.WRITE)
def decide(run_id: str, task: str, body: Decision, call: Call = Depends(current_call)) -> Approval:
    """Answer a question, if the caller's role may."""
    return approvals.decide(call.store, call.actor, run_id, task, body)


@router.post("/pipeline-runs/{run_id}/cancel", permission=Permission.WRITE)
def cancel_run(run_id: str, call: Call = Depends(current_call)) -> PipelineRunDetail:
    """Ask a run to stop."""
    return service.cancel_run(call.store, call.actor, run_id)


@router.post("/projects/{project}/step-results", permission=Permission.READ)
def look_up(project: Name, body: Lookup, call: Call = Depends(current_call)) -> Found:
    """Earlier results of steps, by key."""
    return service.look_up(call.store, project, body)
