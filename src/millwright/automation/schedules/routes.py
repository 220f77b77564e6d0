"""Routes of schedules and their backfills."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.automation.schedules import backfilling, service
from millwright.automation.schedules.records import (
    Backfill,
    BackfillPlan,
    FireRange,
    NewBackfill,
    Schedule,
)
from millwright.kernel.access import Permission
from millwright.kernel.clock import now_ms, parse_rfc3339
from millwright.kernel.config import Name
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="automation")
_PLACE = "/projects/{project}/schedules/{name}"


@router.get("/projects/{project}/schedules", permission=Permission.READ)
def list_schedules(project: Name, call: Call = Depends(current_call)) -> list[Schedule]:
    """The schedules of a project, with their next and last fires."""
    return service.list_schedules(call.store, project)


@router.get(_PLACE, permission=Permission.READ)
def get_schedule(project: Name, name: Name, call: Call = Depends(current_call)) -> Schedule:
    """One schedule."""
    return service.get_schedule(call.store, project, name)


@router.put(_PLACE, permission=Permission.WRITE)
def put_schedule(
    project: Name, name: Name, body: ScheduleConfig, call: Call = Depends(current_call)
) -> Schedule:
    """Add a schedule or change it."""
    return service.put_schedule(call.store, call.actor, project, name, body)


@router.delete(_PLACE, permission=Permission.WRITE)
def remove_schedule(project: Name, name: Name, call: Call = Depends(current_call)) -> None:
    """Remove a schedule; its runs stay."""
    service.remove_schedule(call.store, call.actor, project, name)


@router.post(_PLACE + "/pause", permission=Permission.WRITE)
def pause_schedule(project: Name, name: Name, call: Call = Depends(current_call)) -> Schedule:
    """Stop firing."""
    return service.pause_schedule(call.store, call.actor, project, name)


@router.post(_PLACE + "/resume", permission=Permission.WRITE)
def resume_schedule(project: Name, name: Name, call: Call = Depends(current_call)) -> Schedule:
    """Fire again, from now on."""
    return service.resume_schedule(call.store, call.actor, project, name)


@router.post(_PLACE + "/run", permission=Permission.WRITE)
def run_now(project: Name, name: Name, call: Call = Depends(current_call)) -> dict[str, str]:
    """Start a run now; its id."""
    return {"run_id": service.run_now(call.store, call.actor, project, name)}


@router.get(_PLACE + "/next", permission=Permission.READ)
def next_fires(
    project: Name,
    name: Name,
    after: str | None = None,
    count: int = Query(10, ge=1, le=1000),
    call: Call = Depends(current_call),
) -> list[str]:
    """The fires after a moment (now, unless given)."""
    moment = now_ms() if after is None else parse_rfc3339(after)
    return service.next_fires(call.store, project, name, moment, count)


@router.post(_PLACE + "/backfills/plan", permission=Permission.WRITE)
def plan_backfill(
    project: Name, name: Name, body: FireRange, call: Call = Depends(current_call)
) -> BackfillPlan:
    """What a backfill of a range would run; starts nothing."""
    return backfilling.plan_backfill(call.store, project, name, body)


@router.post(_PLACE + "/backfills", permission=Permission.WRITE)
def start_backfill(
    project: Name, name: Name, body: NewBackfill, call: Call = Depends(current_call)
) -> Backfill:
    """Run the fires of a range, so many at a time."""
    return backfilling.start_backfill(call.store, call.actor, project, name, body)


@router.get(_PLACE + "/backfills", permission=Permission.READ)
def list_backfills(project: Name, name: Name, call: Call = Depends(current_call)) -> list[Backfill]:
    """The backfills of a schedule, newest first."""
    return backfilling.list_backfills(call.store, project, name)


@router.post("/projects/{project}/backfills/{backfill}/cancel", permission=Permission.WRITE)
def cancel_backfill(project: Name, backfill: str, call: Call = Depends(current_call)) -> Backfill:
    """Cancel the runs of a backfill that have not ended."""
    return backfilling.cancel_backfill(call.store, call.actor, project, backfill)
