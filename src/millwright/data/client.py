"""Datasets from Python, through the door."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from millwright.data.parquet import from_parquet, to_parquet
from millwright.data.quality.profile_records import TableProfile
from millwright.data.records import Dataset as DatasetSummary
from millwright.data.records import (
    DatasetRef,
    DatasetVersion,
    FileDiff,
    FileItem,
    FileListing,
    NewRef,
    NewVersion,
)
from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import digest_of


def snapshot(
    door: Door,
    project: str,
    name: str,
    table: pa.Table | Path,
    source: str,
    *,
    original: str | None = None,
    key: tuple[str, ...] = (),
    message: str = "",
    branch: str = "main",
    parents: tuple[str, ...] | None = None,
) -> DatasetVersion:
    """Keep a table as the next version of a dataset; the same table adds no version.

    Args:
        door: the way to the control plane.
        project, name: where it belongs.
        table: any Arrow table, which is brought into canonical types, or a file that
            ``ParquetSink`` wrote.
        source: where it came from, for people. What follows ``?`` in an address is left out, as
            secrets travel there.
        original: the digest of the bytes that the table was given as, if they are to be kept.
        key: columns whose values together name a row.
        message: what changed and why.
        branch: the branch that it becomes the newest version of.
        parents: ids of the versions it came of; the newest of the branch when None.
    """
    digest = door.upload(project, table if isinstance(table, Path) else to_parquet(table))
    request = NewVersion(
        digest=digest,
        source=source.partition("?")[0][:1000],
        original=original,
        key=key,
        message=message,
        branch=branch,
        parents=parents,
    )
    return DatasetVersion.model_validate(door.post(f"{_path(project, name)}/versions", request))


def load(door: Door, project: str, name: str, version: int | None = None) -> pa.Table:
    """The table of a version (the latest when None), its bytes verified.

    Raises:
        NotFound: there is no such dataset or version.
        Corrupt: the bytes are not those that were kept.
    """
    return load_version(door, get_version(door, project, name, version))


def load_version(door: Door, version: DatasetVersion) -> pa.Table:
    """The table of a version at hand, its bytes verified."""
    content = door.fetch(version.project, version.digest)
    if digest_of(content) != version.digest:
        raise Corrupt(
            "data.corrupt",
            f"Dataset {version.reference} no longer has the bytes that were written.",
            hint="Restore it from a backup; nothing made of it can be trusted.",
        )
    return from_parquet(content)


def get_version(
    door: Door, project: str, name: str, version: int | str | None = None
) -> DatasetVersion:
    """The description of a version (number, tag, branch or digest), the latest when None."""
    wanted = "latest" if version is None else version
    answer = door.get(f"{_path(project, name)}/versions/{wanted}")
    return DatasetVersion.model_validate(answer)


def list_datasets(door: Door, project: str) -> list[DatasetSummary]:
    """The datasets of a project, each with its latest version."""
    found = door.get(f"/projects/{project}/datasets")
    return [DatasetSummary.model_validate(item) for item in found]


def list_versions(door: Door, project: str, name: str) -> list[DatasetVersion]:
    """All versions of a dataset, newest first."""
    found = door.get(f"{_path(project, name)}/versions")
    return [DatasetVersion.model_validate(item) for item in found]


def get_profile(door: Door, project: str, name: str, version: int | None = None) -> TableProfile:
    """The profile of a version, the latest when None."""
    wanted = "latest" if version is None else version
    return TableProfile.model_validate(
        door.get(f"{_path(project, name)}/versions/{wanted}/profile")
    )


def list_files(
    door: Door, project: str, name: str, version: int | str, path: str = ""
) -> list[FileItem]:
    """The names in a folder of a version of files."""
    found: list[FileItem] = []
    after: str | None = ""
    while after is not None:
        address = f"{_path(project, name)}/versions/{version}/files"
        page = FileListing.model_validate(door.get(address, path=path, after=after))
        found.extend(page.items)
        after = page.after
    return found


def diff_files(
    door: Door, project: str, name: str, before: int | str, after: int | str, limit: int = 1000
) -> FileDiff:
    """What differs between two versions of files."""
    query = {"from": before, "to": after, "limit": limit}
    return FileDiff.model_validate(door.get(f"{_path(project, name)}/diff", **query))


def put_ref(door: Door, project: str, name: str, ref: str, request: NewRef) -> DatasetRef:
    """Tag a version, or start a branch at it."""
    return DatasetRef.model_validate(door.put(f"{_path(project, name)}/refs/{ref}", request))


def list_refs(door: Door, project: str, name: str) -> list[DatasetRef]:
    """The tags and branches of a dataset."""
    return [DatasetRef.model_validate(one) for one in door.get(f"{_path(project, name)}/refs")]


def _path(project: str, name: str) -> str:
    return f"/projects/{project}/datasets/{name}"
