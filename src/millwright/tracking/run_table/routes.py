"""The table of runs over HTTP. Questions are posted because they are long; they change nothing."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import Depends, Query
from fastapi.responses import Response, StreamingResponse

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.tracking import comparing
from millwright.tracking.artifacts.preview import ArtifactPreview, preview
from millwright.tracking.comparing import ComparedRuns, Curve, CurvesQuestion
from millwright.tracking.importance import ParameterImportance
from millwright.tracking.records import Key
from millwright.tracking.routes import RUN
from millwright.tracking.run_table import service
from millwright.tracking.run_table.records import (
    TableColumns,
    TableExport,
    TableQuestion,
    TableRows,
    TableView,
)
from millwright.tracking.service import artifact
from millwright.tracking.service.runs import project_of

router = RoomRouter(tag="tracking", owners={"run": RUN})
_TABLE = "/projects/{project}/runs/table"


@router.post(_TABLE, permission=Permission.READ, response_model=TableRows)
def table_rows(project: Name, body: TableQuestion, call: Call = Depends(current_call)) -> Response:
    """Some rows of the table of runs, anywhere in it."""
    found = service.table_rows(call.store, project, body)
    return Response(orjson.dumps(found), media_type="application/json")


@router.post(_TABLE + "/csv", permission=Permission.READ, response_class=StreamingResponse)
def table_csv(
    project: Name, body: TableExport, call: Call = Depends(current_call)
) -> StreamingResponse:
    """All rows as a CSV file."""
    return StreamingResponse(
        service.table_csv(call.store, project, body),
        media_type="text/csv",
        headers={
            "content-disposition": 'attachment; filename="runs.csv"',
            "x-content-type-options": "nosniff",
        },
    )


@router.get(_TABLE + "/columns", permission=Permission.READ)
def table_columns(project: Name, call: Call = Depends(current_call)) -> TableColumns:
    """The metrics, parameters and tags that may be columns; and the experiments."""
    return service.table_columns(call.store, project)


@router.post("/projects/{project}/runs/curves", permission=Permission.READ)
def curves(project: Name, body: CurvesQuestion, call: Call = Depends(current_call)) -> list[Curve]:
    """Metrics of several runs as curves, thinned to what a screen can show."""
    return comparing.curves(call.store, project, body)


@router.get("/projects/{project}/runs/comparison", permission=Permission.READ)
def compare_runs(project: Name, runs: str, call: Call = Depends(current_call)) -> ComparedRuns:
    """Runs beside each other; ``runs`` are ids with commas between them."""
    wanted = tuple(dict.fromkeys(part for part in runs.split(",") if part))
    return comparing.compared(call.store, project, wanted)


@router.get("/projects/{project}/runs/importance", permission=Permission.READ)
def parameter_importance(
    project: Name,
    metric: Key,
    filter: Annotated[str, Query(max_length=20_000)] = "",  # noqa: A002
    experiment: str | None = None,
    call: Call = Depends(current_call),
) -> list[ParameterImportance]:
    """Which parameters a metric depends on, over all runs that pass a filter."""
    view = TableView(
        filter=filter, experiments=() if experiment is None else (experiment,), group=None
    )
    return comparing.parameter_importance(call.store, project, view, metric)


@router.get("/runs/{run}/previews/{name:path}", permission=Permission.READ)
def preview_artifact(run: str, name: str, call: Call = Depends(current_call)) -> ArtifactPreview:
    """Some of an artifact, to be looked at."""
    found = artifact(call.store, run, name)
    project = project_of(call.store, run)
    return preview(call.store, project, found.digest, found.name, found.size)
