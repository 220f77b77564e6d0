"""The working copy as a whole: its datasets, found by name, path, or the manifest files of git."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from millwright.data import trees
from millwright.data.references import LATEST, MAIN, split
from millwright.data.trees import Entry, Kind, Nodes, NodesInMemory
from millwright.data.working.checking_out import CheckedOut, Progress, checkout
from millwright.data.working.ignoring import NEVER
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.ledger import Ledger, find, ledger_of
from millwright.data.working.manifest_file import (
    SUFFIX,
    ManifestFile,
    manifest_path,
    read_manifest,
)
from millwright.data.working.place import Place, relative_to_root
from millwright.kernel.errors import InvalidInput, NotFound, nearest

_SKIPPED = NEVER | {"node_modules", ".venv", "venv", ".tox"}


@dataclass(frozen=True)
class WorkingCopy:
    """What the commands work with."""

    place: Place
    index: WorkingIndex
    ledger: Ledger

    @classmethod
    @contextmanager
    def opened(cls, project: str | None = None, *, start: bool = False) -> Iterator[WorkingCopy]:
        """The working copy around the current folder."""
        place = Place.find(project, start=start)
        index = WorkingIndex(place.state)
        try:
            yield cls(place, index, ledger_of(place))
        finally:
            index.close()

    def chosen(self, words: tuple[str, ...]) -> list[Tracked]:
        """The datasets of the working copy with these names or paths; all without any.

        Raises:
            NotFound: one is not in the working copy.
        """
        tracked = self.index.tracked()
        if not words:
            return tracked
        return [self.one(word, tracked) for word in words]

    def one(self, word: str, tracked: list[Tracked] | None = None) -> Tracked:
        """The dataset with this name, path, or manifest file; raises ``NotFound``."""
        known = self.index.tracked() if tracked is None else tracked
        found = self.known(word, known)
        if found is None:
            names = [each.name for each in known]
            guess = nearest(word, names)
            raise NotFound(
                "data.not_in_working_copy",
                f"'{word}' is no dataset of the working copy.",
                hint=f"Did you mean '{guess}'?" if guess else "Add it with: mw data add PATH",
                value=word,
            )
        return found

    def known(self, word: str, tracked: list[Tracked]) -> Tracked | None:
        """As ``one``, or None."""
        path = relative_to_root(self.place, Path(word.removesuffix(SUFFIX)))
        for each in tracked:
            if each.path == path or each.name == word:
                return each
        return None

    def version_of(self, reference: str) -> Known:
        """The version that ``name@…`` names; raises ``NotFound``."""
        name, selector = split(reference)
        return find(self.ledger, name, selector)

    def tree_of(self, version: Known, file_name: str | None = None) -> tuple[Nodes, bytes]:
        """The manifest of a version; of a table, that of the one file that it was given as."""
        if version.kind == "files":
            return self.place.trees, bytes.fromhex(version.digest)
        digest = version.original or version.digest
        size = self.place.objects.size(digest)
        name = file_name or f"{version.name}.parquet"
        built = trees.build({name.encode(): Entry(Kind.FILE, size, bytes.fromhex(digest))})
        return NodesInMemory(built.nodes, self.place.trees), built.root

    def manifests(self) -> list[Path]:
        """The manifest files below the workspace's root; datasets' own folders are not entered."""
        inside = {each.path for each in self.index.tracked() if not each.members}
        found = []
        for folder, folders, files in os.walk(self.place.root):
            below = Path(folder).relative_to(self.place.root).as_posix()
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
        self, path: Path, *, force: bool, on_progress: Progress | None = None
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
        where = relative_to_root(self.place, target)
        tracked = self.known(where, self.index.tracked()) or _from_manifest(where, manifest)
        version = self._named_by(manifest)
        return self._checkout(tracked, version, manifest.branch, force, on_progress)

    def checkout_reference(
        self,
        reference: str,
        *,
        to: Path | None = None,
        force: bool = False,
        on_progress: Progress | None = None,
    ) -> CheckedOut:
        """Bring a version here: to where the dataset is, else to a folder of its name."""
        name, selector = split(reference)
        tracked = [each for each in self.index.tracked() if each.name == name]
        if to is not None:
            where = relative_to_root(self.place, to)
            tracked = [each for each in tracked if each.path == where]
        found = tracked[0] if tracked else None
        if found is not None and "@" not in reference:
            # The name alone means what belongs here.
            selector = found.version_id
        version = find(self.ledger, name, selector)
        branch = self._branch(name, selector, version, found)
        if found is None:
            suffix = "" if version.kind == "files" else ".parquet"
            target = to or self.place.root / f"{name}{suffix}"
            found = _new_place(relative_to_root(self.place, target), version, branch)
        return self._checkout(found, version, branch, force, on_progress)

    def _checkout(
        self,
        tracked: Tracked,
        version: Known,
        branch: str,
        force: bool,
        on_progress: Progress | None,
    ) -> CheckedOut:
        wanted = self.tree_of(version, tracked.path.rpartition("/")[2])
        return checkout(
            self.place,
            self.index,
            replace(tracked, branch=branch),
            version,
            wanted,
            force=force,
            on_progress=on_progress,
        )

    def _branch(self, name: str, selector: str, version: Known, found: Tracked | None) -> str:
        """The branch that versions kept from here on belong to."""
        if selector == LATEST:
            return MAIN
        if selector in self.ledger.branches(name):
            return selector
        return found.branch if found is not None else version.branch

    def _named_by(self, manifest: ManifestFile) -> Known:
        versions = self.ledger.versions(manifest.dataset)
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
