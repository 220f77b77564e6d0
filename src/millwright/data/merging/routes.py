"""HTTP to merging versions."""

from __future__ import annotations

from fastapi import Depends

from millwright.data.merging import service
from millwright.data.merging.records import MergeOutcome, MergeRequest
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="data")


@router.post(
    "/projects/{project}/datasets/{name}/versions/{version}/merge", permission=Permission.WRITE
)
def merge_version(
    project: Name,
    name: Name,
    version: str,
    body: MergeRequest,
    call: Call = Depends(current_call),
) -> MergeOutcome:
    """Merge a version into a branch, by rows and columns of a table or by paths of files."""
    return service.merge_version(call.store, call.actor, project, name, version, body)
