"""Which version is brought to which place: named by a person, or by the manifest files of git."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from millwright.data.references import LATEST, MAIN, split
from millwright.data.working.checking_out import CheckedOut, Progress, checkout
from millwright.data.working.copies import WorkingCopy
from millwright.data.working.ignoring import NEVER
from millwright.data.working.index import Tracked, own_place
from millwright.data.working.journal import Known
from millwright.data.working.ledger import find
from millwright.data.working.manifest_file import (
    SUFFIX,
    ManifestFile,
    manifest_path,
    read_manifest,
)
from millwright.data.working.place import relative_to_root
from millwright.kernel.errors import InvalidInput, NotFound

_SKIPPED = NEVER | {"node_modules", ".venv", "venv", ".tox"}


def manifests(copy: WorkingCopy) -> list[Path]:
    """The manifest files below the workspace's root; datasets' own folders are not entered."""
    inside = {each.path for each in copy.index.tracked() if not each.members}
    found = []
    for folder, folders, files in os.walk(copy.place.root):
        below = Path(folder).relative_to(copy.place.root).as_posix()
        prefix = "" if below == "." else below + "/"
        here = {name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX)}
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED and name not in here and prefix + name not in inside
        )
        found += [Path(folder) / f"{name}{SUFFIX}" for name in sorted(here) if name]
    return found


def checkout_manifest(
    copy: WorkingCopy, path: Path, *, force: bool, on_progress: Progress | None = None
) -> CheckedOut:
    """Bring the version here that a manifest file names."""
    manifest = read_manifest(path)
    target = path.parent / manifest.path
    if manifest_path(target) != path:
        raise InvalidInput(
            "data.manifest",
            f"{path.name} is about '{manifest.path}', which it does not stand beside.",
            hint=f"Name it {manifest.path}{SUFFIX}.",
            value=str(path),
        )
    where = relative_to_root(copy.place, target)
    tracked = copy.known(where, copy.index.tracked()) or _from_manifest(where, manifest)
    version = _named_by(copy, manifest)
    return _checkout(copy, tracked, version, manifest.branch, force, on_progress)


def checkout_reference(
    copy: WorkingCopy,
    reference: str,
    *,
    to: Path | None = None,
    force: bool = False,
    on_progress: Progress | None = None,
) -> CheckedOut:
    """Bring a version here: to where the dataset is, else to a folder of its name."""
    name, selector = split(reference)
    tracked = copy.index.tracked()
    if to is not None:
        where = relative_to_root(copy.place, to)
        tracked = [each for each in tracked if each.path == where]
    found = own_place(tracked, name)
    if found is not None and "@" not in reference:
        # The name alone means what belongs here.
        selector = found.version_id
    version = find(copy.ledger, name, selector)
    branch = _branch(copy, name, selector, version, found)
    if found is None:
        suffix = "" if version.kind == "files" else ".parquet"
        target = to or copy.place.root / f"{name}{suffix}"
        found = _new_place(relative_to_root(copy.place, target), version, branch)
    return _checkout(copy, found, version, branch, force, on_progress)


def _checkout(
    copy: WorkingCopy,
    tracked: Tracked,
    version: Known,
    branch: str,
    force: bool,
    on_progress: Progress | None,
) -> CheckedOut:
    wanted = copy.tree_of(version, tracked.path.rpartition("/")[2])
    return checkout(
        copy.place,
        copy.index,
        replace(tracked, branch=branch),
        version,
        wanted,
        force=force,
        on_progress=on_progress,
    )


def _branch(
    copy: WorkingCopy, name: str, selector: str, version: Known, found: Tracked | None
) -> str:
    """The branch that versions kept from here on belong to."""
    if selector == LATEST:
        return MAIN
    if selector in copy.ledger.branches(name):
        return selector
    return found.branch if found is not None else version.branch


def _named_by(copy: WorkingCopy, manifest: ManifestFile) -> Known:
    versions = copy.ledger.versions(manifest.dataset)
    for version in versions:
        if version.digest == manifest.digest:
            return version
    raise NotFound(
        "data.unknown_version",
        f"{manifest.dataset}@{manifest.version} is not known here.",
        hint="Bring it here with: mw data pull",
        value=f"{manifest.dataset}@{manifest.version}",
    )


def _from_manifest(where: str, manifest: ManifestFile) -> Tracked:
    members = manifest.members
    if not members and manifest.kind == "table":
        members = (manifest.path,)
    return Tracked(
        0, where, manifest.dataset, 0, "", manifest.kind, "", b"", manifest.branch, members, False
    )


def _new_place(where: str, version: Known, branch: str) -> Tracked:
    members = () if version.kind == "files" else (where.rpartition("/")[2],)
    return Tracked(0, where, version.name, 0, "", version.kind, "", b"", branch, members, False)
