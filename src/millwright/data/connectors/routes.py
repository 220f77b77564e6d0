"""HTTP to the sources of versions. Reading a source is the client's business, never the server's."""

from __future__ import annotations

from fastapi import Depends

from millwright.data.connectors import service
from millwright.data.connectors.records import DatasetSource, NewSource, Observation, Observed
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="data")

_DATASETS = "/projects/{project}/datasets"
_SOURCE = f"{_DATASETS}/{{name}}/versions/{{version}}/source"


@router.get("/projects/{project}/data-sources", permission=Permission.READ)
def list_sources(project: Name, call: Call = Depends(current_call)) -> list[DatasetSource]:
    """The source of every dataset that was imported."""
    return service.list_sources(call.store, project)


@router.get(_SOURCE, permission=Permission.READ)
def source_of(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> DatasetSource:
    """Where a version came from, and in which state that was."""
    return service.source_of(call.store, project, name, version)


@router.put(_SOURCE, permission=Permission.WRITE)
def record_source(
    project: Name, name: Name, version: str, body: NewSource, call: Call = Depends(current_call)
) -> DatasetSource:
    """Say where a version came from."""
    return service.record_source(call.store, call.actor, project, name, version, body)


@router.post(f"{_DATASETS}/{{name}}/source/observations", permission=Permission.WRITE)
def observe(
    project: Name, name: Name, body: Observation, call: Call = Depends(current_call)
) -> Observed:
    """Say which state the source of a dataset is in; a new one becomes an event."""
    return service.observe(call.store, call.actor, project, name, body)
