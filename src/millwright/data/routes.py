"""HTTP to the services of the data room."""

from __future__ import annotations

from fastapi import Depends, Query

from millwright.data import service
from millwright.data.quality.profile_records import TableProfile
from millwright.data.records import (
    Dataset,
    DatasetRef,
    DatasetVersion,
    FileDiff,
    FileListing,
    JournalTaken,
    NewRef,
    NewVersion,
)
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call

router = RoomRouter(tag="data")

_DATASETS = "/projects/{project}/datasets"
_DATASET = f"{_DATASETS}/{{name}}"
_VERSION = f"{_DATASET}/versions/{{version}}"


@router.get(_DATASETS, permission=Permission.READ)
def list_datasets(project: Name, call: Call = Depends(current_call)) -> list[Dataset]:
    """The datasets of a project, each with its latest version."""
    return service.list_datasets(call.store, project)


@router.post("/datasets/journal", permission=Permission.WRITE, reach=Reach.PROJECTS)
def take_journal(call: Call = Depends(current_call)) -> JournalTaken:
    """Take in what the data commands kept in this workspace while no door was open."""
    return JournalTaken(versions=service.take_journal(call.store))


@router.post(f"{_DATASET}/versions", permission=Permission.WRITE)
def commit_version(
    project: Name, name: Name, body: NewVersion, call: Call = Depends(current_call)
) -> DatasetVersion:
    """Keep uploaded Parquet, or a manifest of files, as the next version of its branch; the newest
    again if it is the same."""
    return service.commit_version(call.store, call.actor, project, name, body)


@router.get(f"{_DATASET}/versions", permission=Permission.READ)
def list_versions(
    project: Name, name: Name, call: Call = Depends(current_call)
) -> list[DatasetVersion]:
    """All versions of a dataset, newest first."""
    return service.list_versions(call.store, project, name)


@router.get(_VERSION, permission=Permission.READ)
def get_version(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> DatasetVersion:
    """One version: a number, a tag, a branch, the beginning of its digest, or `latest`."""
    return service.get_version(call.store, project, name, version)


@router.get(f"{_VERSION}/profile", permission=Permission.READ)
def get_profile(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> TableProfile:
    """What the columns of a version look like."""
    return service.get_profile(call.store, project, name, version)


@router.get(f"{_VERSION}/files", permission=Permission.READ)
def list_files(
    project: Name,
    name: Name,
    version: str,
    path: str = "",
    after: str = "",
    limit: int = Query(1000, ge=1, le=10_000),
    call: Call = Depends(current_call),
) -> FileListing:
    """The names in a folder of a version of files; ask again with `after` for more."""
    return service.list_files(call.store, project, name, version, path, after, limit)


@router.get(f"{_DATASET}/diff", permission=Permission.READ)
def diff_files(
    project: Name,
    name: Name,
    from_: str = Query(alias="from"),
    to: str = "latest",
    limit: int = Query(1000, ge=1, le=100_000),
    call: Call = Depends(current_call),
) -> FileDiff:
    """What differs between two versions of files, renames included."""
    return service.diff_files(call.store, project, name, from_, to, limit)


@router.get(f"{_DATASET}/refs", permission=Permission.READ)
def list_refs(project: Name, name: Name, call: Call = Depends(current_call)) -> list[DatasetRef]:
    """The tags and branches of a dataset."""
    return service.list_refs(call.store, project, name)


@router.put(f"{_DATASET}/refs/{{ref}}", permission=Permission.WRITE)
def put_ref(
    project: Name, name: Name, ref: Name, body: NewRef, call: Call = Depends(current_call)
) -> DatasetRef:
    """Tag a version, or start a branch at it."""
    return service.put_ref(call.store, call.actor, project, name, ref, body)


@router.delete(f"{_DATASET}/refs/{{ref}}", permission=Permission.WRITE)
def delete_ref(project: Name, name: Name, ref: Name, call: Call = Depends(current_call)) -> None:
    """Take a tag or branch away; no version is deleted."""
    service.delete_ref(call.store, call.actor, project, name, ref)
