"""Releases over HTTP."""

from __future__ import annotations

from fastapi import Depends

from millwright.deployment.targets import releases
from millwright.deployment.targets.records import NewRelease, ReleaseList, ReleaseView, Return
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="deployment")
_ALL = "/projects/{project}/releases"
_ONE = _ALL + "/{name}/{target}"


@router.get(_ALL, permission=Permission.READ)
def list_releases(
    project: Name, name: Name | None = None, call: Call = Depends(current_call)
) -> ReleaseList:
    """What was released to images, clusters and clouds, newest first."""
    return ReleaseList(releases=releases.list_releases(call.store, project, name))


@router.post(_ONE, permission=Permission.OPERATE)
def record_release(
    project: Name, name: Name, target: Name, body: NewRelease, call: Call = Depends(current_call)
) -> ReleaseView:
    """Keep that a version is at a target now."""
    return releases.record_release(call.store, call.actor, project, name, target, body)


@router.post(_ONE + "/return", permission=Permission.OPERATE)
def record_return(
    project: Name, name: Name, target: Name, body: Return, call: Call = Depends(current_call)
) -> ReleaseView:
    """Keep that a target serves again what it did before."""
    return releases.record_return(call.store, call.actor, project, name, target, body)
