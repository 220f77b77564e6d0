"""HTTP to the services of storage."""

from __future__ import annotations

from fastapi import Depends

from millwright.data.storage import (
    erased_versions,
    erasing,
    erasure_finishing,
    fsck,
    garbage,
    remotes_service,
    transfer_service,
)
from millwright.data.storage.records import (
    Collected,
    ErasureReport,
    ErasureRequest,
    FsckReport,
    FsckRequest,
    GarbageRequest,
    NewRemote,
    RemoteCollected,
    RemoteContents,
    RemoteGarbageRequest,
    RemoteInfo,
    RemoteName,
    RemotePublished,
    Tombstone,
    Transfer,
    Transferred,
)
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call

router = RoomRouter(tag="storage")

_STORAGE = "/projects/{project}/storage"
_REMOTES = f"{_STORAGE}/remotes"


@router.get(_REMOTES, permission=Permission.READ)
def list_remotes(project: Name, call: Call = Depends(current_call)) -> list[RemoteInfo]:
    """The remotes of the workspace."""
    return remotes_service.list_remotes(call.store)


@router.post(_REMOTES, permission=Permission.ADMIN, reach=Reach.INSTALLATION)
def add_remote(project: Name, body: NewRemote, call: Call = Depends(current_call)) -> RemoteInfo:
    """Add a remote; the server connects to it, so this takes an administrator."""
    return remotes_service.add_remote(call.store, call.actor, project, body)


@router.get(f"{_REMOTES}/{{name}}", permission=Permission.READ)
def show_remote(
    project: Name, name: RemoteName, call: Call = Depends(current_call)
) -> RemoteContents:
    """What the project has on a remote."""
    return remotes_service.show_remote(call.store, project, name)


@router.delete(f"{_REMOTES}/{{name}}", permission=Permission.ADMIN, reach=Reach.INSTALLATION)
def remove_remote(
    project: Name, name: RemoteName, call: Call = Depends(current_call)
) -> RemoteInfo:
    """Forget a remote; what is stored there stays."""
    return remotes_service.remove_remote(call.store, call.actor, project, name)


@router.post(f"{_REMOTES}/{{name}}/gc", permission=Permission.ADMIN, reach=Reach.INSTALLATION)
def collect_on_remote(
    project: Name,
    name: RemoteName,
    body: RemoteGarbageRequest,
    call: Call = Depends(current_call),
) -> RemoteCollected:
    """Remove packs of a remote that no version on it needs, or say how many there are."""
    return remotes_service.collect_on_remote(call.store, call.actor, project, name, body)


@router.post(f"{_REMOTES}/{{name}}/publish", permission=Permission.ADMIN, reach=Reach.INSTALLATION)
def publish_remote(
    project: Name, name: RemoteName, call: Call = Depends(current_call)
) -> RemotePublished:
    """Make a remote readable by plain HTTP, and keep it so with every push."""
    return remotes_service.publish_remote(call.store, call.actor, project, name)


@router.post(f"{_STORAGE}/push", permission=Permission.WRITE)
def push(project: Name, body: Transfer, call: Call = Depends(current_call)) -> Transferred:
    """Bring versions to a remote; call again until it is complete."""
    return transfer_service.push_versions(call.store, call.actor, project, body)


@router.post(f"{_STORAGE}/fetch", permission=Permission.WRITE)
def fetch(project: Name, body: Transfer, call: Call = Depends(current_call)) -> Transferred:
    """Bring versions, and the bytes of those wanted, from a remote; call until it is complete."""
    return transfer_service.fetch_versions(call.store, call.actor, project, body)


@router.post(f"{_STORAGE}/gc", permission=Permission.ADMIN)
def collect_garbage(
    project: Name, body: GarbageRequest, call: Call = Depends(current_call)
) -> Collected:
    """Remove what nothing refers to, or say what that would be."""
    return garbage.collect(call.store, call.actor, project, body)


@router.post(f"{_STORAGE}/fsck", permission=Permission.WRITE)
def check_bytes(project: Name, body: FsckRequest, call: Call = Depends(current_call)) -> FsckReport:
    """Read every stored byte again; name what is damaged, and repair it from a remote."""
    return fsck.check(call.store, call.actor, project, body)


@router.post(f"{_STORAGE}/erasures", permission=Permission.ADMIN)
def erase(project: Name, body: ErasureRequest, call: Call = Depends(current_call)) -> ErasureReport:
    """Erase from every kept version and remote, and prove it; or say what that would do."""
    return erasing.erase(call.store, call.actor, project, body)


@router.post(f"{_STORAGE}/erasures/resume", permission=Permission.ADMIN)
def resume_erasures(project: Name, call: Call = Depends(current_call)) -> list[ErasureReport]:
    """Bring erasures to their end that were cut off."""
    return erasure_finishing.resume_erasures(call.store, call.actor, project)


@router.get(f"{_STORAGE}/erasures", permission=Permission.ADMIN)
def list_erasures(project: Name, call: Call = Depends(current_call)) -> list[ErasureReport]:
    """The erasures of a project, newest first."""
    return erasing.list_erasures(call.store, project)


@router.get("/projects/{project}/datasets/{name}/tombstones", permission=Permission.READ)
def tombstones(project: Name, name: Name, call: Call = Depends(current_call)) -> list[Tombstone]:
    """What was erased from the versions of a dataset, when, by whom and why."""
    return erased_versions.tombstones(call.store, project, name)
