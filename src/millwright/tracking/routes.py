"""Tracking over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import Response

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.attachments import attachment
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, Owner, RoomRouter, current_call
from millwright.tracking import service
from millwright.tracking.exchange.records import (
    CarriedExperiment,
    CarriedLoggedModels,
    CarriedTraces,
    Taken,
    TakenCount,
)
from millwright.tracking.logged_models import carrying as carried_models
from millwright.tracking.records import (
    Artifact,
    Inputs,
    Logged,
    MetricBatch,
    MetricPoint,
    NewArtifact,
    NewRun,
    Params,
    Run,
    RunPage,
    RunPatch,
    RunStatus,
    Step,
    Tags,
)
from millwright.tracking.service.runs import owner_of, project_of, unknown_run
from millwright.tracking.traces import carrying as carried_traces

RUN = Owner(owner_of, unknown_run)
"""How a run's id in a path tells the project."""
router = RoomRouter(tag="tracking", owners={"run": RUN})


@router.post("/projects/{project}/runs", permission=Permission.WRITE, status_code=201)
def create_run(project: Name, body: NewRun, call: Call = Depends(current_call)) -> Run:
    """Start a run."""
    return service.create_run(call.store, call.actor, project, body)


@router.post("/projects/{project}/runs/import", permission=Permission.WRITE)
def take_runs(project: Name, body: CarriedExperiment, call: Call = Depends(current_call)) -> Taken:
    """Take over an experiment and some of its runs from elsewhere; again changes nothing."""
    return service.take(call.store, call.actor, project, body)


@router.post("/projects/{project}/traces/import", permission=Permission.WRITE)
def take_traces(
    project: Name, body: CarriedTraces, call: Call = Depends(current_call)
) -> TakenCount:
    """Take over traces from elsewhere, with spans and assessments; again changes nothing."""
    return carried_traces.take(call.store, call.actor, project, body)


@router.post("/projects/{project}/logged-models/import", permission=Permission.WRITE)
def take_logged_models(
    project: Name, body: CarriedLoggedModels, call: Call = Depends(current_call)
) -> TakenCount:
    """Take over logged models whose files are stored already; again changes nothing."""
    return carried_models.take(call.store, call.actor, project, body)


@router.get("/projects/{project}/runs", permission=Permission.READ)
def list_runs(
    project: Name,
    experiment: str | None = None,
    status: RunStatus | None = None,
    parent: str | None = None,
    order_by: str = "-created",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    page_token: str | None = None,
    call: Call = Depends(current_call),
) -> RunPage:
    """Runs with their parameters and latest metrics.

    ``order_by`` is ``created``, ``metrics.KEY`` or ``params.KEY``, with ``-`` for descending;
    ``parent=none`` leaves out child runs.
    """
    return service.list_runs(
        call.store,
        project,
        experiment=experiment,
        status=status,
        parent=parent,
        order_by=order_by,
        limit=limit,
        page_token=page_token,
    )


@router.get("/runs/{run}", permission=Permission.READ)
def get_run(run: str, call: Call = Depends(current_call)) -> Run:
    """One run."""
    return service.get_run(call.store, run)


@router.patch("/runs/{run}", permission=Permission.WRITE)
def patch_run(run: str, body: RunPatch, call: Call = Depends(current_call)) -> Run:
    """Rename a run or end it."""
    return service.patch_run(call.store, call.actor, run, body)


@router.delete("/runs/{run}", permission=Permission.WRITE, status_code=204, response_model=None)
def delete_run(run: str, call: Call = Depends(current_call)) -> None:
    """Delete a run; it can be restored until it is purged."""
    service.hide(call.store, call.actor, run)


@router.post("/runs/{run}/restore", permission=Permission.WRITE)
def restore_run(run: str, call: Call = Depends(current_call)) -> Run:
    """Restore a deleted run."""
    service.bring_back(call.store, call.actor, run)
    return service.get_run(call.store, run)


@router.post("/runs/{run}/metrics", permission=Permission.WRITE)
def log_metrics(run: str, body: MetricBatch, call: Call = Depends(current_call)) -> Logged:
    """Record many metric points at once."""
    return Logged(count=service.log_metrics(call.store, call.actor, run, body.points))


@router.post("/runs/{run}/params", permission=Permission.WRITE)
def log_params(run: str, body: Params, call: Call = Depends(current_call)) -> Logged:
    """Record parameters; each keeps its first value."""
    return Logged(count=service.log_params(call.store, call.actor, run, body.params))


@router.post("/runs/{run}/inputs", permission=Permission.WRITE)
def log_inputs(run: str, body: Inputs, call: Call = Depends(current_call)) -> Logged:
    """Name dataset versions that the run reads."""
    return Logged(count=service.log_inputs(call.store, call.actor, run, body.datasets))


@router.post("/runs/{run}/tags", permission=Permission.WRITE)
def set_tags(run: str, body: Tags, call: Call = Depends(current_call)) -> Logged:
    """Set tags."""
    return Logged(count=service.set_tags(call.store, call.actor, run, body.tags))


@router.post("/runs/{run}/artifacts", permission=Permission.WRITE, status_code=201)
def log_artifact(run: str, body: NewArtifact, call: Call = Depends(current_call)) -> Artifact:
    """Name an uploaded object as an artifact of the run."""
    return service.log_artifact(call.store, call.actor, run, body)


@router.get("/runs/{run}/metrics/{key:path}", permission=Permission.READ)
def metric_history(
    run: str,
    key: str,
    limit: Annotated[int, Query(ge=2, le=100_000)] = 10_000,
    first_step: Step | None = None,
    last_step: Step | None = None,
    call: Call = Depends(current_call),
) -> list[MetricPoint]:
    """Points of a metric by step; above ``limit`` the extremes of each stretch.

    ``first_step`` and ``last_step`` narrow the range, which shows every point again.
    """
    return service.metric_history(
        call.store, run, key, limit, first_step=first_step, last_step=last_step
    )


@router.post("/projects/{project}/runs/purge", permission=Permission.ADMIN)
def purge_runs(
    project: Name,
    older_than: str = "30d",
    call: Call = Depends(current_call),
) -> Logged:
    """Remove runs and experiments that were deleted longer ago than that, for good."""
    limit = clock.parse_duration(older_than)
    return Logged(count=service.purge(call.store, call.actor, project, older_than_ms=limit))


@router.get("/runs/{run}/artifacts", permission=Permission.READ)
def list_artifacts(run: str, call: Call = Depends(current_call)) -> list[Artifact]:
    """The artifacts of a run."""
    return service.artifacts(call.store, run)


@router.get("/runs/{run}/artifacts/{name:path}", permission=Permission.READ)
def get_artifact(run: str, name: str, call: Call = Depends(current_call)) -> Response:
    """The bytes of an artifact, as a download that no browser runs."""
    found = service.artifact(call.store, run, name)
    return attachment(
        call.store,
        project_of(call.store, run),
        found.digest,
        name=found.name,
        media_type=found.media_type,
    )
