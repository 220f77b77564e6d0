"""Exporting versions as a DVC repository that an unmodified DVC finds clean.

Bytes are linked into DVC's cache and from there into the working tree where the filesystem can;
DVC's names are taken from what is known of the objects (``correspondence``) or by reading them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from millwright.data import trees
from millwright.data.dvc import dir_objects, files, git, linking
from millwright.data.dvc.correspondence import Correspondence, Known
from millwright.data.dvc.hashing import md5_of, md5_of_stream
from millwright.data.dvc.repository import Repository, Tracked, is_dvc_file
from millwright.data.dvc.working_tree import bring_back
from millwright.data.references import split
from millwright.data.trees import Entry, Kind
from millwright.data.working.journal import Known as Version
from millwright.data.working.ledger import Ledger, find, ledger_of
from millwright.data.working.place import Place
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.objects.filesystem import set_immutable

_IGNORED = "/config.local\n/tmp\n/cache\n"
_CONFIG = "[cache]\n    type = reflink,hardlink,copy\n"


@dataclass(frozen=True, slots=True)
class ExportedVersion:
    """A version that the repository tracks now."""

    dataset: str
    version: int
    path: str
    md5: str
    files: int
    size: int


@dataclass(slots=True)
class ExportReport:
    """All of an export."""

    repository: str
    versions: list[ExportedVersion] = field(default_factory=list)
    linked: int = 0
    """Objects that share their bytes with the store."""
    copied: int = 0
    left_out: list[str] = field(default_factory=list)
    """Sentences on what DVC cannot hold: empty folders, links, erased files, execution bits; in
    format 2, which of two line ends a text has."""


def export_versions(
    place: Place, references: Iterable[str], target: Path, kind: str = files.CURRENT
) -> ExportReport:
    """Write versions into a DVC repository, made if it is not there.

    Args:
        place: the workspace and its project.
        references: ``name@version``…; the newest version of every dataset if there are none.
        target: the repository's folder.
        kind: how files are hashed: as DVC 3 does, or ``files.LEGACY`` as DVC 2 does.

    Raises:
        NotFound: there is no such version.
        Conflict: a path of the repository holds something else, unsaved.
    """
    ledger = ledger_of(place)
    versions = _chosen(ledger, list(references))
    repository = _repository(target)
    report = ExportReport(str(target))
    known = Correspondence(place.state, place.project)
    try:
        export = _Export(place, repository, known, report, kind)
        for version in versions:
            export.one(version)
    finally:
        known.close()
    return report


def _chosen(ledger: Ledger, references: list[str]) -> list[Version]:
    if not references:
        references = ledger.names()
    if not references:
        raise NotFound(
            "data.nothing", "There is no dataset to export.", hint="Add one: mw data add PATH"
        )
    chosen: dict[str, Version] = {}
    for reference in references:
        name, selector = split(reference)
        if name in chosen:
            raise InvalidInput(
                "dvc.two_versions",
                f"Two versions of '{name}' cannot be in one working tree.",
                hint="Export one, commit it in git, then export the other into the same folder.",
            )
        chosen[name] = find(ledger, name, selector)
    return list(chosen.values())


def _repository(target: Path) -> Repository:
    root = os.path.realpath(target)
    if not os.path.isdir(f"{root}/.dvc"):
        os.makedirs(f"{root}/.dvc/tmp", exist_ok=True)
        in_git = git.root_of(root) is not None
        if not in_git:
            git.run(root, "init", "-q")
        linking.write_file(f"{root}/.dvc/config", _CONFIG.encode())
        linking.write_file(f"{root}/.dvc/.gitignore", _IGNORED.encode())
        if not os.path.exists(f"{root}/.dvcignore"):
            linking.write_file(f"{root}/.dvcignore", b"")
    return Repository(root)


class _Export:
    """One run of an export."""

    def __init__(
        self,
        place: Place,
        repository: Repository,
        known: Correspondence,
        report: ExportReport,
        kind: str,
    ) -> None:
        self._kind = kind
        self._place = place
        self._objects = place.objects
        self._repository = repository
        self._cache = repository.cache
        self._known = known
        self._report = report
        self._where = {tracked.place: tracked for tracked in repository.now.outs}

    def one(self, version: Version) -> None:
        """Write one version: objects, files, and the ``.dvc`` file."""
        entries = dict(self._entries(version))
        single = _single_file(version, entries)
        path = self._path_for(version, single)
        md5s = self._put(entry for entry in entries.values())
        self._tell_alike(version, entries, md5s)
        out = self._output(path, entries, md5s, single)
        source = self._where[path].source if path in self._where else path + files.DVC_FILE
        tracked = Tracked(path, source, None, out)
        os.makedirs(os.path.dirname(self._repository.full(path)), exist_ok=True)
        change = bring_back(self._repository, tracked)
        assert change is None or change.kind != "failed"
        self._write_dvc_file(source, out)
        _ignore(self._repository, path)
        self._report.versions.append(
            ExportedVersion(
                version.name, version.version, path, str(out.md5), len(entries), out.size or 0
            )
        )

    def _entries(self, version: Version) -> Iterator[tuple[str, Entry]]:
        """The files of a version by path, links replaced by what they point to."""
        if version.kind != "files":
            digest = version.original or version.digest
            suffix = Path(version.source).suffix if version.original else ".parquet"
            size = self._objects.size(digest)
            yield f"{version.name}{suffix or '.csv'}", Entry(Kind.FILE, size, bytes.fromhex(digest))
            return
        root = bytes.fromhex(version.digest)
        for key, found in trees.walk(self._place.trees, root):
            path, entry = key.decode(), found
            if entry.kind == Kind.LINK:
                followed = self._followed(root, path, entry)
                if followed is None:
                    self._leave_out(version, path, "is a link to nothing that DVC could hold")
                    continue
                entry = followed
            if entry.kind == Kind.FOLDER:
                self._leave_out(version, path, "is an empty folder, which DVC does not keep")
            elif entry.kind == Kind.ERASED:
                self._leave_out(version, path, "was erased")
            elif _is_dvcs(path):
                self._leave_out(version, path, "has a name that DVC takes for its own")
            else:
                yield path, entry

    def _followed(self, root: bytes, path: str, link: Entry) -> Entry | None:
        for _ in range(40):
            target = self._objects.read(link.hex).decode()
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))
            found = trees.lookup(self._place.trees, root, path.encode())
            if found is None or found.kind != Kind.LINK:
                return found if found is not None and found.kind != Kind.FOLDER else None
            link = found
        return None

    def _leave_out(self, version: Version, path: str, why: str) -> None:
        self._report.left_out.append(f"{version.reference}: {path} {why}.")

    def _path_for(self, version: Version, single: str | None) -> str:
        """Where in the repository: where DVC had it, else the dataset's name."""
        if version.source.startswith("dvc "):
            place = version.source[4:].rpartition("@")[0]
            return files.inside("", ".", place, "The version's source")
        name = version.name
        if single is not None and not name.endswith(Path(single).suffix):
            name += Path(single).suffix
        for place in self._where:
            if place.startswith(name + "/") or name.startswith(place + "/"):
                raise Conflict("dvc.overlap", f"{place} is tracked by DVC and overlaps {name}.")
        return name

    def _put(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Objects into DVC's cache; their MD5 by digest."""
        digests = list(dict.fromkeys(entry.hex for entry in entries))
        md5s = self._known.of_digests(digests, self._kind)
        added = []
        for digest in digests:
            md5 = md5s.get(digest)
            if md5 is None:
                md5 = md5s[digest] = self._md5_of(digest)
                added.append((md5, Known(digest, self._objects.size(digest))))
            if not self._cache.has(md5, self._kind):
                self._restore(digest, Path(self._cache.ready(md5, self._kind)))
        self._known.add(self._kind, added)
        return md5s

    def _tell_alike(
        self, version: Version, entries: dict[str, Entry], md5s: dict[str, str]
    ) -> None:
        """Name the files that DVC 2 takes for another one, whose bytes it will give instead."""
        first: dict[str, tuple[str, str]] = {}
        for path, entry in entries.items():
            digest, other = first.setdefault(md5s[entry.hex], (entry.hex, path))
            if digest != entry.hex:
                self._leave_out(version, path, f"differs from {other} in line ends only")

    def _md5_of(self, digest: str) -> str:
        with self._objects.open(digest) as content:
            return md5_of_stream(content, self._kind)

    def _restore(self, digest: str, path: Path) -> None:
        way = self._objects.restore(digest, path, how="auto")
        with _opened(path) as handle:
            # DVC manages its cache: the permission bits protect, the attribute would lock it out.
            set_immutable(handle, False)
            os.fchmod(handle, linking.READ_ONLY)
        if way == "copy":
            self._report.copied += 1
        else:
            self._report.linked += 1

    def _output(
        self, path: str, entries: dict[str, Entry], md5s: dict[str, str], single: str | None
    ) -> files.Output:
        before = self._where.get(path)
        rest = dict(before.out.rest) if before is not None else {}
        name = before.out.path if before is not None else path.rpartition("/")[2]
        size = sum(entry.size for entry in entries.values())
        if single is not None:
            entry = entries[single]
            runs = entry.kind == Kind.EXECUTABLE
            return files.Output(name, md5s[entry.hex], size, None, self._kind, runs, rest)
        content = dir_objects.render(
            dir_objects.Entry(inside, md5s[entry.hex]) for inside, entry in entries.items()
        )
        md5 = dir_objects.name_of(content)
        assert md5.startswith(md5_of(content))
        self._cache.put_bytes(content, md5, self._kind)
        runs_in = sum(entry.kind == Kind.EXECUTABLE for entry in entries.values())
        if runs_in:
            self._report.left_out.append(
                f"{path}: DVC forgets which files may be executed ({runs_in} here)."
            )
        return files.Output(name, md5, size, len(entries), self._kind, False, rest)

    def _write_dvc_file(self, source: str, out: files.Output) -> None:
        text = self._repository.read(source)
        dvc_file = files.DvcFile((out,), (), {})
        if text is not None and source.endswith(files.DVC_FILE):
            before = files.DvcFile.read(text, source)
            outs = tuple(out if each.path == out.path else each for each in before.outs)
            dvc_file = before._replace(outs=outs)
        linking.write_file(self._repository.full(source), dvc_file.text().encode())


def _single_file(version: Version, entries: dict[str, Entry]) -> str | None:
    """The one file that a version is, or None where it is a folder."""
    if len(entries) != 1:
        return None
    name = next(iter(entries))
    source = version.source
    if source.startswith("dvc "):
        source = source[4:].rpartition("@")[0]
    is_one = version.kind != "files" or source.rstrip("/").rpartition("/")[2] == name
    return name if is_one and "/" not in name else None


def _is_dvcs(path: str) -> bool:
    name = path.rpartition("/")[2]
    return is_dvc_file(name) or name == ".dvcignore" or ".dvc" in path.split("/")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def _ignore(repository: Repository, path: str) -> None:
    folder, _, name = path.rpartition("/")
    ignoring = f"{folder}/.gitignore".lstrip("/")
    text = repository.read(ignoring) or ""
    if f"/{name}" not in text.splitlines():
        text += ("" if not text or text.endswith("\n") else "\n") + f"/{name}\n"
        linking.write_file(repository.full(ignoring), text.encode())
