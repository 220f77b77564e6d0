"""``mw data add``: what is in a folder becomes the next version of a dataset."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3

from millwright.data import trees
from millwright.data.trees import Built, Entry, Kind, check_path, check_target
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.ledger import Draft, Ledger
from millwright.data.working.manifest_file import (
    ManifestFile,
    keep_out_of_git,
    manifest_path,
    write_manifest,
)
from millwright.data.working.pages import NOT_THERE
from millwright.data.working.place import Place, relative_to_root
from millwright.data.working.reviewing import Suspects, entries_known, found_in, suspects
from millwright.data.working.scanning import (
    Found,
    kind_of,
    look_at,
    settle,
    size_of,
    unchanged_file,
)
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.locks import exclusive

Progress = Callable[[int, int], None]
"""Told how many files of how many are done."""

_AT_ONCE = 20_000
_BYTES_AT_ONCE = 256 << 20
_ATTEMPTS = 3
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
    follow: bool = False,
    on_progress: Progress | None = None,
) -> Kept:
    """Keep what is at a target as the next version of its dataset; durable on return.

    The same content as the newest version adds nothing.

    Raises:
        InvalidInput: a path or link cannot be part of a dataset, or is neither file nor folder.
        Conflict: a file changed again and again while it was read.
    """
    with alone_with(place, target.path):
        tracked = _tracked(index, target, follow=follow)
        seen = suspects(index, tracked if tracked.id else None, found_in(place, tracked))
        changes = _read(place, index, tracked, seen, on_progress)
        known = entries_known(place, index, tracked, changes)
        entries: dict[bytes, Entry | None] = {
            path.encode(): entry
            for path, (_, entry) in changes.items()
            if path not in known or known[path] != entry
        }
        entries |= {path.encode(): None for path in seen.gone}
        built = _built(place, tracked, entries)
        root = place.trees.keep(built)
        totals = trees.totals(place.trees, built.root)
        draft = Draft(
            name=tracked.name,
            root=built.root,
            files=totals.entries,
            size=totals.size,
            branch=tracked.branch,
            parents=(tracked.version_id,) if tracked.version_id else None,
            message=message,
            source=target.path,
        )
        if tracked.id and tracked.root == built.root and tracked.digest == root:
            kept, is_new = _still_there(ledger, tracked, draft)
        else:
            kept, is_new = ledger.keep(draft)
        now = place_version(index, tracked, kept, built.root, changes, seen.gone)
        write_beside(place, now, kept)
    return Kept(kept, is_new, len(seen.new), len(seen.changed), len(seen.gone))


def _still_there(ledger: Ledger, tracked: Tracked, draft: Draft) -> tuple[Known, bool]:
    known = next((v for v in ledger.versions(tracked.name) if v.id == tracked.version_id), None)
    return (known, False) if known is not None else ledger.keep(draft)


def _tracked(index: WorkingIndex, target: Target, *, follow: bool) -> Tracked:
    for each in index.tracked():
        if each.path == target.path:
            same = replace(each, members=target.members, follow=follow or each.follow)
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
        0, target.path, target.name, 0, "", "files", "", b"", "main", target.members, follow
    )


def _built(place: Place, tracked: Tracked, entries: dict[bytes, Entry | None]) -> Built:
    if tracked.id and tracked.kind == "files":
        return trees.edit(place.trees, tracked.root, entries)
    return trees.build({path: entry for path, entry in entries.items() if entry is not None})


def _read(
    place: Place,
    index: WorkingIndex,
    tracked: Tracked,
    seen: Suspects,
    on_progress: Progress | None,
) -> dict[str, tuple[bytes, Entry]]:
    """Store the bytes of new and changed paths: signature and entry of each."""
    base, found = tracked.base(place.root), seen.found
    # In order, since neighbours by name mostly are neighbours in time and on disk.
    wanted = sorted(seen.new + seen.changed)
    known = entries_known(place, index, tracked, seen.changed)
    earlier = {f"{base}/{path}": entry.hex for path, entry in known.items()}
    done: dict[str, tuple[bytes, Entry]] = {}
    for attempt in range(_ATTEMPTS):
        settle(found[path] for path in wanted)
        again = []
        count = 0
        for part in _parts(wanted, found):
            last = attempt == _ATTEMPTS - 1
            again += _store(
                place, base, part, found, done, earlier, follow=tracked.follow, last=last
            )
            count += len(part)
            if on_progress is not None:
                on_progress(count, len(wanted))
        wanted = again
        if not wanted:
            break
    return done


def _parts(paths: list[str], found: Found) -> Iterator[list[str]]:
    """Paths in order, so many at a time as are stored, and told of, together."""
    part: list[str] = []
    size = 0
    for path in paths:
        part.append(path)
        size += size_of(found[path])
        if len(part) == _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _store(
    place: Place,
    base: Path,
    paths: list[str],
    found: Found,
    done: dict[str, tuple[bytes, Entry]],
    earlier: dict[str, str],
    *,
    follow: bool,
    last: bool,
) -> list[str]:
    """Store some paths; those that changed meanwhile are returned, with their new signature."""
    files: list[str] = []
    links: list[str] = []
    for path in paths:
        check_path(path)
        kind = kind_of(found[path])
        if kind is None:
            raise InvalidInput(
                "data.special_file",
                f"'{path}' is neither a file, a link nor a folder.",
                hint="Remove it, or leave it out with a line in .mwignore.",
                value=path,
            )
        if kind == Kind.FOLDER:
            done[path] = (found[path], Entry(Kind.FOLDER, 0, bytes(32)))
        else:
            (links if kind == Kind.LINK else files).append(path)
    targets = [check_target(path, str((base / path).readlink())).encode() for path in links]
    digests = place.objects.put_many(targets) if targets else []
    for path, target, digest in zip(links, targets, digests, strict=True):
        done[path] = (found[path], Entry(Kind.LINK, len(target), bytes.fromhex(digest)))
    return _link_files(place, base, files, found, done, earlier, follow=follow, last=last)


def _link_files(
    place: Place,
    base: Path,
    files: list[str],
    found: Found,
    done: dict[str, tuple[bytes, Entry]],
    earlier: dict[str, str],
    *,
    follow: bool,
    last: bool,
) -> list[str]:
    if not files:
        return []
    real = [(base / path).resolve() if follow else f"{base}/{path}" for path in files]
    try:
        digests = place.objects.link_many(real, earlier=earlier)
    except (Conflict, FileNotFoundError) as cause:
        if last:
            raise _keeps_changing(files[0] if len(files) == 1 else str(cause)) from cause
        return _looked_again(base, files, found, follow=follow)
    again = []
    for path, digest in zip(files, digests, strict=True):
        now = unchanged_file(f"{base}/{path}", found[path], follow=follow)
        if now is None:
            again.append(path)
            continue
        sign, mode, size = now
        kind = Kind.EXECUTABLE if mode & 0o100 else Kind.FILE
        done[path] = (sign, Entry(kind, size, bytes.fromhex(digest)))
    if again and last:
        raise _keeps_changing(again[0])
    return _looked_again(base, again, found, follow=follow)


def _looked_again(base: Path, paths: list[str], found: Found, *, follow: bool) -> list[str]:
    still = []
    for path in paths:
        now = look_at(base / path, follow=follow)
        if now is not None:
            found[path] = now
            still.append(path)
    return still


def _keeps_changing(path: str) -> Conflict:
    return Conflict(
        "data.changing",
        f"A file is changing while it is being added: {path}",
        hint="Add it again when nothing writes to it.",
        value=path,
    )


def place_version(
    index: WorkingIndex,
    tracked: Tracked,
    version: Known,
    root: bytes,
    changes: dict[str, tuple[bytes, Entry]],
    gone: Sequence[str],
) -> Tracked:
    """Write down that a version is in the working copy now."""
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
        signs: dict[str, bytes | None] = dict.fromkeys(gone)
        for path, (sign, entry) in changes.items():
            signs[path] = NOT_THERE if entry.kind == Kind.ERASED else sign
        index.sign(now.id, signs)
        if version.kind == "table" and changes:
            index.give(now.id, {path: entry for path, (_, entry) in changes.items()})
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
