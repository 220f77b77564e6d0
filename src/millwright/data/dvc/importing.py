"""Importing a DVC repository: every tracked path a dataset, every change of it a version.

Objects are linked from DVC's cache into the store, each verified against its MD5; nothing is
copied, and the repository stays as it was. Doing it again adds only what is new: objects are
known by ``correspondence``, versions by the commit that their source names.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from millwright.data import trees
from millwright.data.dvc import files, git, remotes
from millwright.data.dvc.correspondence import Correspondence
from millwright.data.dvc.history import PathVersion, Reading, read_history, read_working_tree
from millwright.data.dvc.import_report import (
    ImportedVersion,
    ImportReport,
    MissingObject,
    PipelineStage,
)
from millwright.data.dvc.naming import fit, names_for
from millwright.data.dvc.repository import Repository
from millwright.data.dvc.sources import open_source
from millwright.data.dvc.taking import Progress, Taker
from millwright.data.trees import Entry, Kind
from millwright.data.working.journal import Known as KnownVersion
from millwright.data.working.ledger import Draft, Ledger, ledger_of
from millwright.data.working.place import Place
from millwright.kernel.errors import MillwrightError, NotFound

_SOURCE = re.compile(
    r"dvc (?P<place>.+)@(?P<commit>[0-9a-f]{40}|[0-9a-f]{32}(?:\.dir)?)\Z", re.DOTALL
)


def import_repository(
    place: Place,
    url: str,
    *,
    revision: str | None = None,
    history: bool = True,
    remote: str | None = None,
    on_progress: Progress | None = None,
) -> ImportReport:
    """Take a DVC repository's data into the project of a workspace.

    Args:
        place: the workspace and its project.
        url: the repository: a folder, or an address that git can clone.
        revision: up to which commit; the one checked out by default.
        history: all versions, or only those at the revision.
        remote: the DVC remote for what the cache lacks; the default remote if None.

    Raises:
        NotFound: there is no DVC repository, revision or remote of that name.
        InvalidInput: a DVC file of the newest version is malformed or leads outside.
    """
    with open_source(url) as source:
        repository = source.repository
        if not os.path.isdir(repository.dvc_dir):
            raise NotFound(
                "dvc.no_repository",
                f"There is no DVC repository at {url}.",
                hint="Name the folder that has .dvc in it.",
                value=url,
            )
        reading, wanted = _read(repository, revision, history)
        report = ImportReport(url, wanted, unreadable=reading.unreadable)
        report.stages, report.left_out = _stages(repository, wanted)
        with _taking(place, repository, remote) as (known, taker):
            _Import(place, ledger_of(place), known, taker, report, on_progress).all(
                reading.versions
            )
            report.objects_linked = taker.linked
            report.bytes_linked = taker.linked_bytes
            report.objects_fetched = taker.fetched
    return report


def _read(
    repository: Repository, revision: str | None, history: bool
) -> tuple[Reading, str | None]:
    root = repository.git_root
    if root is None or (revision is None and not git.has_commits(root)):
        return read_working_tree(repository), None
    commit = git.resolve(root, revision or "HEAD")
    return read_history(repository, commit, whole=history), commit


def _stages(repository: Repository, commit: str | None) -> tuple[list[PipelineStage], list[str]]:
    tracking = repository.at(commit) if commit else repository.now
    stages, left_out = [], []
    for source, all_of_it in tracking.stages.items():
        folder = source.rpartition("/")[0]
        for stage in all_of_it:
            name = stage.name if source == files.PIPELINE else f"{source}:{stage.name}"
            base = posixpath.join(folder, stage.wdir)
            outs = tuple(posixpath.normpath(posixpath.join(base, o.path)) for o in stage.outs)
            deps = tuple(posixpath.normpath(posixpath.join(base, d.path)) for d in stage.deps)
            command = stage.command
            text = " && ".join(map(str, command)) if isinstance(command, list) else str(command)
            stages.append(PipelineStage(name, text, deps, outs))
    for tracked in tracking.outs:
        if not tracked.out.cached:
            left_out.append(f"{tracked.place} is kept in git, not in DVC's cache.")
        elif "files" in tracked.out.rest or "version_id" in tracked.out.rest:
            left_out.append(
                f"{tracked.place} is kept in the versions of its cloud store, not in DVC's cache."
            )
        elif tracked.out.md5 is None:
            left_out.append(f"{tracked.place} was never committed to DVC's cache.")
    for source, dvc_file in tracking.dvc_files.items():
        left_out += [
            f"{out.path} ({source}) lies outside of the repository."
            for out in dvc_file.outs
            if out.is_remote
        ]
    return stages, left_out


@contextmanager
def _taking(
    place: Place, repository: Repository, remote: str | None
) -> Iterator[tuple[Correspondence, Taker]]:
    chosen = None
    if remote is not None or repository.config.get("core", "remote"):
        try:
            chosen = remotes.place_of(repository.config.remote(remote))
        except MillwrightError:
            if remote is not None:
                raise
            chosen = None  # a default remote out of reach matters only if the cache lacks something
    known = Correspondence(place.state, place.project)
    fetched = place.state / "tmp" / f"dvc-import-{os.getpid()}"
    taker = Taker(place.objects, known, repository.cache, chosen, fetched)
    try:
        yield known, taker
    finally:
        taker.close()
        known.close()


class _Taken(NamedTuple):
    """A version's content: its manifest, or None where objects are missing."""

    root: bytes
    files: int
    size: int


class _Import:
    """One run of an import."""

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        correspondence: Correspondence,
        taker: Taker,
        report: ImportReport,
        on_progress: Progress | None,
    ) -> None:
        self._place = place
        self._swept = place.objects.sweeps()
        self._ledger = ledger
        self._correspondence = correspondence
        self._taker = taker
        self._report = report
        self._on_progress = on_progress
        self._ids: dict[tuple[str, str], str] = {}

    def all(self, versions: list[PathVersion]) -> None:
        """Take all versions, oldest first."""
        taken, before = self._known_versions()
        names = names_for((version.place for version in versions), taken)
        for version in versions:
            name = names[version.place]
            commit = _mark(version)
            known = before.get((name, version.place, commit))
            if known is not None:
                self._ids[version.place, commit] = known.id
                self._note(version, known, new=False)
                continue
            content = self._content(version)
            if content is not None:
                kept, new = self._ledger.keep(self._draft(name, version, content))
                self._correspondence.add_version(version.place, commit, kept.id)
                self._ids[version.place, commit] = kept.id
                self._note(version, kept, new=new)

    def _known_versions(
        self,
    ) -> tuple[dict[str, str | None], dict[tuple[str, str, str], KnownVersion]]:
        """Names in use, with the path each was given for; and versions by dataset, path, commit."""
        taken: dict[str, str | None] = {}
        before = {}
        by_id: dict[str, KnownVersion] = {}
        for name in self._ledger.names():
            taken[name] = None
            for version in self._ledger.versions(name):
                by_id[version.id] = version
                match = _SOURCE.match(version.source)
                if match is not None:
                    taken[name] = match["place"]
                    before[name, match["place"], match["commit"]] = version
        for (place, origin), identifier in self._correspondence.versions().items():
            if identifier in by_id:
                kept = by_id[identifier]
                before[kept.name, place, origin] = kept
        return taken, before

    def _content(self, version: PathVersion) -> _Taken | None:
        out = version.out
        try:
            entries = self._taker.entries(out)
        except MillwrightError as error:
            self._miss(version, str(out.md5), "", error.message)
            return None
        if entries is None:
            self._miss(version, str(out.md5), "", "the list of its files is nowhere")
            return None
        have, lost = self._taker.take((e.md5 for e in entries), out.hash, self._on_progress)
        for entry in entries:
            if entry.md5 in lost:
                self._miss(version, entry.md5, entry.relpath, lost[entry.md5])
        if lost:
            return None
        kind = Kind.EXECUTABLE if out.isexec else Kind.FILE
        single = version.place.rpartition("/")[2]
        built = trees.build(
            {
                trees.check_path(entry.relpath or single): Entry(
                    kind, have[entry.md5].size, bytes.fromhex(have[entry.md5].digest)
                )
                for entry in entries
            }
        )
        self._place.trees.keep(built)
        totals = trees.totals(self._place.trees, built.root)
        return _Taken(built.root, totals.entries, totals.size)

    def _draft(self, name: str, version: PathVersion, content: _Taken) -> Draft:
        ids = [self._ids.get((version.place, parent)) for parent in version.parents]
        parents = tuple(i for i in ids if i is not None)
        return Draft(
            name=name,
            root=content.root,
            files=content.files,
            size=content.size,
            branch="main",
            parents=parents or None,
            message=_message(version),
            source=f"dvc {version.place}@{_mark(version)}",
            swept=self._swept,
        )

    def _miss(self, version: PathVersion, md5: str, file: str, why: str) -> None:
        commit = version.commit.id if version.commit else None
        self._report.missing.append(MissingObject(version.place, commit, md5, file, why))

    def _note(self, version: PathVersion, kept: KnownVersion, *, new: bool) -> None:
        commit = version.commit
        self._report.versions.append(
            ImportedVersion(
                dataset=kept.name,
                version=kept.version,
                path=version.place,
                files=kept.files,
                size=kept.size,
                new=new,
                commit=commit.id if commit else None,
                author=commit.author if commit else None,
                date=commit.date if commit else None,
                message=commit.message if commit else "",
                tags=tuple(fit(tag) for tag in version.tags),
            )
        )


def _mark(version: PathVersion) -> str:
    """What tells a version of a path from its others: the commit, or without git the digest."""
    return version.commit.id if version.commit is not None else str(version.out.md5)


def _message(version: PathVersion) -> str:
    commit = version.commit
    if commit is None:
        return "Imported from DVC."
    lines = [commit.message, "", f"Git-Commit: {commit.id}", f"Git-Author: {commit.author}"]
    lines.append(f"Git-Date: {commit.date}")
    if version.tags:
        lines.append(f"Git-Tags: {', '.join(version.tags)}")
    return "\n".join(lines)[:10_000]
