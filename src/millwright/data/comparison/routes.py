"""HTTP to comparing versions and looking at their rows."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.data.comparison import service
from millwright.data.comparison.records import Preview, TableDiff
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="data")

_DATASET = "/projects/{project}/datasets/{name}"


@router.get(f"{_DATASET}/diff/rows", permission=Permission.READ)
def diff_rows(
    project: Name,
    name: Name,
    from_: str = Query(alias="from"),
    to: str = "latest",
    key: list[str] = Query([]),
    limit: int = Query(20, ge=0, le=1000),
    call: Call = Depends(current_call),
) -> TableDiff:
    """How one version of a table became another, by rows and columns; `key` may be repeated."""
    return service.compare_versions(call.store, project, name, from_, to, key, limit)


@router.get(f"{_DATASET}/versions/{{version}}/preview", permission=Permission.READ)
def preview(
    project: Name,
    name: Name,
    version: str,
    offset: int = Query(0, ge=0),
    limit: int = Query(50, ge=1, le=1000),
    columns: list[str] = Query([]),
    call: Call = Depends(current_call),
) -> Preview:
    """Some rows of a version; `columns` may be repeated, and names all columns where missing."""
    return service.preview(call.store, project, name, version, offset, limit, columns or None)
