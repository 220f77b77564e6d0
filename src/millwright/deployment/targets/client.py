"""Releases through the one door."""

from __future__ import annotations

from urllib.parse import quote

from millwright.deployment.targets.records import NewRelease, ReleaseList, ReleaseView, Return
from millwright.kernel.door import Door


def list_releases(door: Door, project: str, name: str | None = None) -> tuple[ReleaseView, ...]:
    """The releases of a project, or those of one deployment name, newest first."""
    which = {} if name is None else {"name": name}
    answer = door.get(f"/projects/{project}/releases", **which)
    return ReleaseList.model_validate(answer).releases


def standing(door: Door, project: str, name: str, target: str) -> tuple[ReleaseView, ...]:
    """The releases at a target that were not taken back, newest first: the first is what it serves."""
    found = list_releases(door, project, name)
    return tuple(one for one in found if one.target == target and one.left_at is None)


def record_release(
    door: Door, project: str, name: str, target: str, new: NewRelease
) -> ReleaseView:
    """Keep that a version is at a target now; raises ``NotFound`` or ``Conflict``."""
    return ReleaseView.model_validate(door.post(_path(project, name, target), new))


def record_return(door: Door, project: str, name: str, target: str, back: Return) -> ReleaseView:
    """Keep that a target serves again what it did before; raises ``Conflict``."""
    path = f"{_path(project, name, target)}/return"
    return ReleaseView.model_validate(door.post(path, back))


def _path(project: str, name: str, target: str) -> str:
    return f"/projects/{project}/releases/{quote(name, safe='')}/{quote(target, safe='')}"
