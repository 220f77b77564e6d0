"""Storage from Python, through the door."""

from __future__ import annotations

from collections.abc import Callable

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
    RemotePublished,
    Tombstone,
    Transfer,
    Transferred,
)
from millwright.kernel.door import Door


def add_remote(door: Door, project: str, request: NewRemote) -> RemoteInfo:
    """Add a remote, once its store was reached and probed."""
    return RemoteInfo.model_validate(door.post(_remotes(project), request))


def list_remotes(door: Door, project: str) -> list[RemoteInfo]:
    """The remotes of the workspace."""
    return [RemoteInfo.model_validate(item) for item in door.get(_remotes(project))]


def show_remote(door: Door, project: str, name: str) -> RemoteContents:
    """What a project has on a remote."""
    return RemoteContents.model_validate(door.get(f"{_remotes(project)}/{name}"))


def remove_remote(door: Door, project: str, name: str) -> RemoteInfo:
    """Forget a remote; what is stored there stays."""
    return RemoteInfo.model_validate(door.delete(f"{_remotes(project)}/{name}"))


def publish_remote(door: Door, project: str, name: str) -> RemotePublished:
    """Make a remote readable by plain HTTP."""
    return RemotePublished.model_validate(door.post(f"{_remotes(project)}/{name}/publish"))


def transfer(
    door: Door,
    project: str,
    way: str,
    request: Transfer,
    tell: Callable[[Transferred], None] | None = None,
) -> Transferred:
    """Push or fetch to the end, turn by turn; ``tell`` hears of each turn.

    ``way`` is ``push`` or ``fetch``. The sums are of all turns.
    """
    chunks = packs = size = 0
    while True:
        answer = door.post(f"/projects/{project}/storage/{way}", request)
        turn = Transferred.model_validate(answer)
        chunks, packs, size = chunks + turn.chunks, packs + turn.packs, size + turn.size
        if tell is not None:
            tell(turn)
        if turn.complete:
            return turn.model_copy(update={"chunks": chunks, "packs": packs, "size": size})


def collect(door: Door, project: str, request: GarbageRequest) -> Collected:
    """Collect garbage, or say what would be collected."""
    return Collected.model_validate(door.post(f"/projects/{project}/storage/gc", request))


def collect_on_remote(
    door: Door, project: str, name: str, request: RemoteGarbageRequest
) -> RemoteCollected:
    """Remove packs of a remote that no version needs, or say how many there are."""
    return RemoteCollected.model_validate(door.post(f"{_remotes(project)}/{name}/gc", request))


def fsck(door: Door, project: str, request: FsckRequest) -> FsckReport:
    """Read every stored byte again."""
    return FsckReport.model_validate(door.post(f"/projects/{project}/storage/fsck", request))


def erase(door: Door, project: str, request: ErasureRequest) -> ErasureReport:
    """Erase from every kept version and remote, or say what that would do."""
    answer = door.post(f"/projects/{project}/storage/erasures", request)
    return ErasureReport.model_validate(answer)


def list_tombstones(door: Door, project: str, name: str) -> list[Tombstone]:
    """What was erased from the versions of a dataset, the newest erasure first."""
    found = door.get(f"/projects/{project}/datasets/{name}/tombstones")
    return [Tombstone.model_validate(item) for item in found]


def resume_erasures(door: Door, project: str) -> list[ErasureReport]:
    """Bring erasures to their end that were cut off."""
    found = door.post(f"/projects/{project}/storage/erasures/resume")
    return [ErasureReport.model_validate(item) for item in found]


def _remotes(project: str) -> str:
    return f"/projects/{project}/storage/remotes"
