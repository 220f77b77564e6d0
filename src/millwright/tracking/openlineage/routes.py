"""OpenLineage over HTTP, where its clients look for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Depends, Query
from sqlalchemy import select

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.errors import InvalidInput
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call
from millwright.kernel.store import Store
from millwright.kernel.tables import projects
from millwright.tracking.openlineage.receiving import receive
from millwright.tracking.openlineage.records import (
    DatasetEvent,
    Incoming,
    Received,
    RunEvents,
)
from millwright.tracking.openlineage.telling import run_events

router = RoomRouter(tag="lineage")

Event = Annotated[Incoming, Body()]
"""FastAPI's older versions look for a choice of records in the query unless it is said."""


@router.post("/projects/{project}/lineage", permission=Permission.WRITE, status_code=201)
def take(project: Name, body: Event, call: Call = Depends(current_call)) -> Received:
    """Take an OpenLineage event, of a run, a job or a dataset: what it names becomes nodes."""
    return receive(call.store, call.actor, project, body)


@router.post("/lineage", permission=Permission.WRITE, reach=Reach.PROJECTS, status_code=201)
def take_anywhere(
    body: Event, project: Name | None = None, call: Call = Depends(current_call)
) -> Received:
    """As OpenLineage's own clients send it: the project is the parameter's, the one named by the
    namespace of the job (of a DatasetEvent: the dataset), or the only one there is."""
    allowed = call.actor.projects(Permission.WRITE)
    named = body.dataset if isinstance(body, DatasetEvent) else body.job
    chosen = project or _chosen(call.store, named.namespace, allowed)
    actor = call.within(chosen, Permission.WRITE)
    return receive(call.store, actor, chosen, body)


@router.get("/projects/{project}/lineage/openlineage", permission=Permission.READ)
def tell(
    project: Name,
    after: int = Query(0, ge=0),
    limit: int = Query(500, ge=1, le=1000),
    call: Call = Depends(current_call),
) -> RunEvents:
    """The log as OpenLineage RunEvents, oldest first."""
    with call.store.read() as connection:
        return run_events(connection, project, after, limit)


def _chosen(store: Store, namespace: str, allowed: frozenset[str] | None) -> str:
    with store.read() as connection:
        names = connection.execute(select(projects.c.name)).scalars()
        known = [name for name in names if allowed is None or name in allowed]
    named = namespace.removeprefix("millwright/")
    if named in known:
        return named
    if len(known) == 1:
        return str(known[0])
    raise InvalidInput(
        "lineage.which_project",
        "It is not said which project this event belongs to.",
        hint="Send it to /api/v1/projects/PROJECT/lineage, or give ?project=PROJECT.",
        value=namespace,
    )
