"""``mw data add``: what is in a folder becomes the next version of a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3

from millwright.data import trees
from millwright.data.storage.reach import COLLECTED
from millwright.data.trees import Built, Entry
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.ledger import Draft, Ledger
from millwright.data.working.manifest_file import (
    ManifestFile,
    keep_out_of_git,
    manifest_path,
    write_manifest,
)
from millwright.data.working.place import Place, relative_to_root
from millwright.data.working.reviewing import Suspects, entries_known, found_in, suspects
from millwright.data.working.storing import Progress, Storing
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.locks import exclusive

_AT_ONCE = 100_000
"""Paths: what is known of a million at once takes a gigabyte."""
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be added: a folder, or files of a folder."""

    path: str
    base: Path
    members: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A version in the working copy, and whether it is a new one."""

    version: Known
    is_new: bool
    added: int
    modified: int
    removed: int


def target_of(place: Place, paths: Sequence[Path], name: str | None) -> Target:
    """What paths on the command line mean.

    Raises:
        NotFound: there is nothing at one of them.
        InvalidInput: several are given and one is a folder, or it is the workspace itself.
    """
    for path in paths:
        if not path.is_symlink() and not path.exists():
            raise NotFound(
                "data.no_file",
                f"There is nothing at '{path}'.",
                hint="Check the path.",
                value=str(path),
            )
    first = Path(place.root, relative_to_root(place, paths[0]))
    if len(paths) == 1 and first.is_dir():
        if place.root == first or place.root.is_relative_to(first):
            raise InvalidInput(
                "data.whole_workspace",
                f"'{paths[0]}' holds the workspace itself.",
                hint="Add a folder inside of it.",
                value=str(paths[0]),
            )
        return Target(relative_to_root(place, first), first, (), name or _named(first.name))
    files = [Path(place.root, relative_to_root(place, path)) for path in paths]
    if any(file.is_dir() for file in files):
        raise InvalidInput(
            "data.many_folders",
            "Several paths can be one dataset only if all are files.",
            hint="Add each folder by itself.",
        )
    base = files[0].parent
    while not all(file.is_relative_to(base) for file in files):
        base = base.parent
    members = tuple(sorted(file.relative_to(base).as_posix() for file in files))
    if len(files) == 1:
        return Target(relative_to_root(place, first), base, members, name or _named(first.stem))
    if name is None:
        raise InvalidInput(
            "data.no_name",
            "Several files need a name for the dataset that they are.",
            hint="Give it with --name.",
        )
    return Target(relative_to_root(place, base / name), base, members, name)


def _named(text: str) -> str:
    name = _NAME.sub("-", text).strip("-._")[:100]
    if not name:
        raise InvalidInput(
            "data.no_name", f"'{text}' gives the dataset no name.", hint="Give one with --name."
        )
    return name


@contextmanager
def alone_with(place: Place, path: str) -> Iterator[None]:
    """Be the only one who works on a dataset's files; others wait."""
    word = blake3(path.encode()).hexdigest()[:16]
    with exclusive(place.workspace.folder("working") / f"{word}.lock"):
        yield


def add(
    place: Place,
    index: WorkingIndex,
    ledger: Ledger,
    target: Target,
    *,
    message: str = "",
    follow: bool | None = None,
    on_progress: Progress | None = None,
) -> Kept:
    """Keep what is at a target as the next version of its dataset; durable on return.

    The same content as the newest version adds nothing. ``follow`` says whether links count as what
    they point to; None is what was said last.

    Raises:
        InvalidInput: a path or link cannot be part of a dataset, or is neither file nor folder.
        Conflict: a file changed again and again while it was read, or the folder holds a version of
            another project.
    """
    with alone_with(place, target.path):
        tracked = _tracked(index, target, follow=follow)
        seen = suspects(index, tracked if tracked.id else None, found_in(place, tracked))
        known = entries_known(place, index, tracked, seen.new + seen.changed)
        reading = _Reading(place, tracked, seen, known, message, on_progress)
        try:
            draft = reading.draft()
            kept, is_new = _keep(ledger, tracked, draft)
        except NotFound as cause:
            _refuse_another_projects(ledger, tracked, place.project, cause)
            if cause.code != COLLECTED:
                raise
            # Nothing named the new bytes yet: they are stored once more.
            draft = reading.draft()
            kept, is_new = _keep(ledger, tracked, draft)
        now = place_version(index, tracked, kept, draft.root, reading.signs())
        write_beside(place, now, kept)
    return Kept(kept, is_new, len(seen.new), len(seen.changed), len(seen.gone))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is to be read of a dataset's files, and what is known of them."""

    place: Place
    tracked: Tracked
    seen: Suspects
    known: dict[str, Entry]
    message: str
    on_progress: Progress | None

    def draft(self) -> Draft:
        """Store what is new and changed, and the manifest; the version that it makes."""
        place, tracked = self.place, self.tracked
        swept = place.objects.sweeps()
        root = b""
        for entries in self._entries():
            built = _built(place, tracked, root, entries)
            place.trees.keep(built)
            root = built.root
        totals = trees.totals(place.trees, root)
        return Draft(
            name=tracked.name,
            root=root,
            files=totals.entries,
            size=totals.size,
            branch=tracked.branch,
            parents=(tracked.version_id,) if tracked.version_id else None,
            message=self.message,
            source=tracked.path,
            swept=swept,
        )

    def signs(self) -> Iterator[dict[str, bytes | None]]:
        """What was there when it was stored, some thousand paths at a time; None where it is gone."""
        found = self.seen.found
        for paths in _some(self.seen.gone):
            yield dict.fromkeys(paths)
        for paths in _some(self._wanted()):
            yield {path: found[path] for path in paths}

    def _wanted(self) -> list[str]:
        # In order, since neighbours by name mostly are neighbours in time and on disk.
        seen = self.seen
        return sorted(path for path in seen.new + seen.changed if path in seen.found)

    def _entries(self) -> Iterator[dict[bytes, Entry | None]]:
        """What becomes of the manifest, so many paths at a time: what is gone goes first."""
        entries: dict[bytes, Entry | None] = {}
        for paths in _some(self.seen.gone):
            yield {path.encode(): None for path in paths}
        base = self.tracked.base(self.place.root)
        earlier = {f"{base}/{path}": entry.hex for path, entry in self.known.items()}
        storing = Storing(self.place, base, self.seen.found, earlier, follow=self.tracked.follow)
        for stored in storing.parts(self._wanted(), self.on_progress):
            for path, (_, entry) in stored.items():
                if self.known.get(path) != entry:
                    entries[path.encode()] = entry
            if len(entries) >= _AT_ONCE:
                yield entries
                entries = {}
        yield entries


def _some(paths: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield paths[start : start + _AT_ONCE]


def _refuse_another_projects(
    ledger: Ledger, tracked: Tracked, project: str, cause: NotFound
) -> None:
    """Say why something is missing: the folder holds a version that this project does not have."""
    kept = {version.id for version in ledger.versions(tracked.name)}
    if tracked.version_id and tracked.version_id not in kept:
        raise Conflict(
            "data.other_project",
            f"{tracked.path} holds {tracked.reference}, which is no version of project {project}.",
            hint="Add it in the project that has it, or add a copy of the folder.",
            value=tracked.path,
        ) from cause


def _keep(ledger: Ledger, tracked: Tracked, draft: Draft) -> tuple[Known, bool]:
    if not tracked.id or tracked.root != draft.root or tracked.digest != draft.root.hex():
        return ledger.keep(draft)
    known = next((v for v in ledger.versions(tracked.name) if v.id == tracked.version_id), None)
    return (known, False) if known is not None else ledger.keep(draft)


def _tracked(index: WorkingIndex, target: Target, *, follow: bool | None) -> Tracked:
    for each in index.tracked():
        if each.path == target.path:
            keeps = each.follow if follow is None else follow
            same = replace(each, members=target.members, follow=keeps)
            if each.name != target.name and each.kind == "files":
                # Renaming a dataset starts another one with the same files.
                return replace(same, name=target.name, version=0, version_id="", digest="")
            return same
        if each.name == target.name:
            raise Conflict(
                "data.name_taken",
                f"'{target.name}' is the dataset of {each.path} here.",
                hint="Give another name with --name.",
                value=target.name,
            )
    return Tracked(
        0, target.path, target.name, 0, "", "files", "", b"", "main", target.members, bool(follow)
    )


def _built(
    place: Place, tracked: Tracked, root: bytes, entries: dict[bytes, Entry | None]
) -> Built:
    """The manifest after these changes: of ``root``, or of what was there before any."""
    if not root and tracked.id and tracked.kind == "files":
        root = tracked.root
    if root:
        return trees.edit(place.trees, root, entries)
    return trees.build({path: entry for path, entry in entries.items() if entry is not None})


def place_version(
    index: WorkingIndex,
    tracked: Tracked,
    version: Known,
    root: bytes,
    signs: Iterable[Mapping[str, bytes | None]],
    *,
    given: Mapping[str, Entry] | None = None,
) -> Tracked:
    """Write down that a version is in the working copy now.

    Args:
        index: the working copy's.
        tracked, version, root: the dataset's place, the version, and its manifest.
        signs: the signatures of what changed, in parts; None where nothing is any more.
        given: the entry of the one file that a table was given as.
    """
    with index.writing():
        now = index.track(
            replace(
                tracked,
                name=version.name,
                version=version.version,
                version_id=version.id,
                kind=version.kind,
                digest=version.digest,
                root=root,
            )
        )
        for part in signs:
            index.sign(now.id, part)
        if given:
            index.give(now.id, given)
    return now


def write_beside(place: Place, tracked: Tracked, version: Known) -> Path | None:
    """Write the manifest file, and keep the data out of git; nothing outside the workspace."""
    if Path(tracked.path).is_absolute():
        return None
    target = place.root / tracked.path
    manifest = ManifestFile(
        dataset=version.name,
        version=version.version,
        kind=version.kind,
        digest=version.digest,
        files=version.files,
        size=version.size,
        path=target.name,
        branch=tracked.branch,
        members=() if version.kind == "table" else tracked.members,
        original=version.original,
    )
    path = manifest_path(target)
    write_manifest(path, manifest)
    base = tracked.base(place.root)
    data = [base / member for member in tracked.members] if tracked.members else [target]
    keep_out_of_git(place.root, data, place.state)
    return path
