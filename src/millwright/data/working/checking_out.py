"""``mw data checkout``: a version's files into the working copy, never over unsaved work."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from millwright.data import trees
from millwright.data.trees import (
    Change,
    Entry,
    Kind,
    Nodes,
    NodesInMemory,
    check_path,
    check_target,
)
from millwright.data.trees.comparing import changed_entries
from millwright.data.trees.reading import lookup_many
from millwright.data.working.adding import alone_with, place_version, write_beside
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.pages import NOT_THERE
from millwright.data.working.place import Place
from millwright.data.working.reviewing import entry_at, found_in
from millwright.data.working.scanning import EMPTY_FOLDER, SIGNATURE, UNKNOWN, look_at, settle
from millwright.kernel.errors import Conflict, Unavailable

Progress = Callable[[int, int], None]

_AT_ONCE = 20_000
_SHOWN = 5


@dataclass(slots=True)
class Plan:
    """What has to happen on disk to come to a version."""

    write: dict[str, Entry] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    already: dict[str, tuple[bytes, Entry]] = field(default_factory=dict)
    """Paths at which the wanted content is already."""
    occupied: set[str] = field(default_factory=set)
    """Paths at which something is."""
    unsaved: list[str] = field(default_factory=list)
    """Paths with content that no version is known to have."""


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What was done."""

    version: Known
    written: int
    removed: int
    erased: int
    """Paths whose bytes were erased for good."""


def checkout(
    place: Place,
    index: WorkingIndex,
    tracked: Tracked,
    version: Known,
    wanted: tuple[Nodes, bytes],
    *,
    force: bool = False,
    on_progress: Progress | None = None,
) -> CheckedOut:
    """Bring a version's files to a dataset's place.

    Only paths that differ from the version that is there are touched; the same version again
    brings back what is missing. What a person changed on those paths stops everything before
    anything is touched.

    Args:
        place, index: the working copy.
        tracked: the dataset's place (``id`` 0 where it is not in the working copy yet).
        version: the version.
        wanted: its manifest.
        force: overwrite unsaved work.
        on_progress: told how many files of how many are written.

    Raises:
        Conflict: unsaved work is in the way.
        Unavailable: bytes are on a remote only.
    """
    nodes, root = wanted
    with alone_with(place, tracked.path):
        base = tracked.base(place.root)
        changes = _differing(place, index, tracked, nodes, root)
        plan = _planned(index, tracked, base, changes)
        if plan.unsaved and not force:
            raise _unsaved(tracked, plan.unsaved)
        _refuse_collisions(base, plan.write)
        _check_present(place, plan.write)
        for path in plan.remove:
            _remove(place, base, path)
        written = _write(place, base, plan, on_progress)
        there = plan.already | written
        given = {path: entry for path, (_, entry) in there.items()}
        signs = _signs(changes, there)
        now = place_version(
            index, tracked, version, root, [signs], given=given if version.kind == "table" else {}
        )
        write_beside(place, now, version)
    erased = sum(entry.kind == Kind.ERASED for entry in plan.write.values())
    return CheckedOut(version, len(written) - erased, len(plan.remove), erased)


def _signs(changes: list[Change], there: dict[str, tuple[bytes, Entry]]) -> dict[str, bytes | None]:
    """What to remember of each path: its signature, that it was erased, or nothing (None)."""
    signs: dict[str, bytes | None] = {
        change.path.decode(): None for change in changes if change.after is None
    }
    for path, (sign, entry) in there.items():
        signs[path] = NOT_THERE if entry.kind == Kind.ERASED else sign
    return signs


def _differing(
    place: Place, index: WorkingIndex, tracked: Tracked, nodes: Nodes, root: bytes
) -> list[Change]:
    """Paths that may have to be touched: from what is there (as far as known) to what is wanted."""
    base = tracked.base(place.root)
    if tracked.kind == "table" and tracked.id:
        # The manifest of a table's one file is nowhere but here.
        held = index.given(tracked.id)
        here = trees.build({path.encode(): entry for path, entry in held.items()})
        nodes = NodesInMemory(here.nodes, nodes)
    if not tracked.id:
        return [Change(path, None, entry) for path, entry in trees.walk(nodes, root)]
    same = tracked.root == root
    if not tracked.members and not base.exists():
        # The folder is gone: nothing has to be looked at.
        gone = [] if same else changed_entries(nodes, tracked.root, root)
        removed = [change for change in gone if change.after is None]
        return [Change(path, None, entry) for path, entry in trees.walk(nodes, root)] + removed
    if not same:
        return changed_entries(nodes, tracked.root, root)
    # The same version again: bring back what differs from it.
    found = found_in(place, tracked)
    known = index.signatures(tracked.id)
    differing = {path for path, sign in known.items() if found.get(path) != sign}
    wanted = lookup_many(nodes, root, [path.encode() for path in differing])
    return [Change(path, entry, entry) for path, entry in sorted(wanted.items())]


def _planned(index: WorkingIndex, tracked: Tracked, base: Path, changes: list[Change]) -> Plan:
    plan = Plan()
    paths = [change.path.decode() for change in changes]
    for path in paths:
        check_path(path)
    if not base.exists():
        written = zip(paths, changes, strict=True)
        plan.write.update({path: one.after for path, one in written if one.after is not None})
        return plan
    folders = _Folders(base)
    signs = {path: sign for path in paths if (sign := folders.look_at(path)) is not None}
    plan.occupied.update(signs)
    known = index.signatures_of(tracked.id, signs) if tracked.id and signs else {}
    settle(signs.values())
    removed = {change.path.decode() for change in changes if change.after is None}
    for change, path in zip(changes, paths, strict=True):
        blocker = folders.blocks(path)
        if blocker and blocker not in removed:
            plan.unsaved.append(blocker)
        sign = signs.get(path)
        if sign is not None:
            _decide(plan, change, path, base / path, sign, known.get(path))
        elif change.after is not None:
            plan.write[path] = change.after
    return plan


def _decide(
    plan: Plan,
    change: Change,
    path: str,
    file: Path,
    sign: bytes,
    known: bytes | None,
) -> None:
    after = change.after
    if sign == EMPTY_FOLDER and (after is None or after.kind != Kind.FOLDER):
        # A folder where a file is wanted is in the way unless it is empty by then.
        if change.before is not None and change.before.kind == Kind.FOLDER:
            plan.remove.append(path)
        if after is not None:
            plan.write[path] = after
        return
    clean = known == sign
    now = change.before if clean else entry_at(file, sign)
    if now == after and after is not None:
        plan.already[path] = (sign, after)
        return
    if not clean and now != change.before:
        plan.unsaved.append(path)
    if after is None:
        plan.remove.append(path)
    else:
        plan.write[path] = after


class _Folders:
    """The folders above paths, each looked at once: there, not there, or something else there."""

    def __init__(self, base: Path) -> None:
        self._base = str(base)
        self._seen: dict[str, str | None] = {}
        self._absent: set[str] = set()
        if base.is_dir():
            self._seen[""] = None
        else:
            self._seen[""], self._absent = None, {""}

    def look_at(self, path: str) -> bytes | None:
        """The signature of what is at a path."""
        if self.blocks(path) or path.rpartition("/")[0] in self._absent:
            return None
        return look_at(f"{self._base}/{path}")

    def blocks(self, path: str) -> str | None:
        """The file or link that stands where a folder above the path has to be."""
        folder = path.rpartition("/")[0]
        if folder in self._seen:
            return self._seen[folder]
        found = self.blocks(folder)
        if found is None and folder.rpartition("/")[0] in self._absent:
            self._absent.add(folder)
        elif found is None:
            try:
                mode = os.lstat(f"{self._base}/{folder}").st_mode
                found = None if stat.S_ISDIR(mode) else folder
            except FileNotFoundError:
                self._absent.add(folder)
        self._seen[folder] = found
        return found


def _check_present(place: Place, write: dict[str, Entry]) -> None:
    """Find out before anything is touched that all bytes are here, or can be brought here."""
    needed = _digests(write)
    away = place.objects.absent(needed)
    if away:
        raise Unavailable(
            "data.not_here",
            f"The bytes of {len(away):,} of {len(needed):,} files are not here.",
            hint="Bring them here with: mw data pull",
        )


def _digests(entries: dict[str, Entry]) -> set[bytes]:
    """The objects that entries are written from."""
    without = (Kind.FOLDER, Kind.ERASED)
    return {entry.digest for entry in entries.values() if entry.kind not in without}


def _remove(place: Place, base: Path, path: str) -> None:
    target = base / path
    with suppress(FileNotFoundError):
        if target.is_symlink():
            target.unlink()
        elif target.is_dir():
            with suppress(OSError):
                target.rmdir()
        else:
            place.objects.discard(target)
    # Folders exist for what is in them.
    for folder in target.parents:
        if folder == base:
            return
        try:
            folder.rmdir()
        except OSError:
            return


def _write(
    place: Place,
    base: Path,
    plan: Plan,
    on_progress: Progress | None,
    how: Literal["auto", "copy"] = "auto",
) -> dict[str, tuple[bytes, Entry]]:
    base.mkdir(parents=True, exist_ok=True)
    written: dict[str, tuple[bytes, Entry]] = {}
    made: set[str] = {""}
    paths, start_of = list(plan.write), f"{base}/"
    for start in range(0, len(paths), _AT_ONCE):
        part = paths[start : start + _AT_ONCE]
        files: list[tuple[bytes, str | Path, bool]] = []
        for path in part:
            entry = plan.write[path]
            folder = path.rpartition("/")[0]
            if folder not in made:
                (base / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            if entry.kind in (Kind.FILE, Kind.EXECUTABLE):
                if path in plan.occupied:
                    _clear(base / path)
                files.append((entry.digest, start_of + path, entry.kind == Kind.EXECUTABLE))
            else:
                _write_other(place, path, base / path, entry)
        states = place.objects.restore_many(files, how=how)
        for path in part:
            # Stood here right after it was written: nobody has touched it since.
            state = states.get(start_of + path)
            sign = SIGNATURE.pack(*state) if state is not None else look_at(start_of + path)
            written[path] = (sign or UNKNOWN, plan.write[path])
        if on_progress is not None:
            on_progress(start + len(part), len(paths))
    return written


def write_out(
    place: Place, target: Path, wanted: dict[str, Entry], on_progress: Progress | None = None
) -> None:
    """Write entries as files of a new folder that nobody tracks: private copies, not links.

    Bytes that are on a remote only are fetched first.

    Raises:
        Unavailable: no remote that can be reached has some; nothing is written then.
    """
    place.objects.bring(place.objects.absent(_digests(wanted)))
    _check_present(place, wanted)
    _refuse_collisions(target, wanted)
    for path in wanted:
        check_path(path)
    _write(place, target, Plan(write=wanted), on_progress, how="copy")


def _write_other(place: Place, path: str, target: Path, entry: Entry) -> None:
    if entry.kind == Kind.FOLDER:
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            place.objects.discard(target)
        target.mkdir(exist_ok=True)
    elif entry.kind == Kind.LINK:
        text = check_target(path, place.objects.read(entry.hex).decode())
        _clear(target)
        temporary = target.with_name(f".mw-{os.urandom(8).hex()}")
        temporary.symlink_to(text)
        temporary.replace(target)
    elif target.is_file() or target.is_symlink():
        # What was erased of the version is erased here as well.
        place.objects.discard(target)


def _clear(target: Path) -> None:
    """Make room where an empty folder or a link stands; a file is replaced by a rename."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        try:
            target.rmdir()
        except OSError as cause:
            raise Conflict(
                "data.folder_in_the_way",
                f"'{target.name}' is a folder with files in it, where a file has to be written.",
                hint="Move the folder away and check out again; nothing was lost.",
                value=str(target),
            ) from cause
    elif stat.S_ISLNK(mode):
        target.unlink()


def _refuse_collisions(base: Path, paths: Iterable[str]) -> None:
    """Stop where two paths would be one file, because the file system ignores case."""
    folded: dict[str, str] = {}
    pairs = []
    for path in paths:
        other = folded.setdefault(path.casefold(), path)
        if other != path:
            pairs.append((other, path))
    if not pairs or not _ignores_case(base):
        return
    raise Conflict(
        "data.case",
        f"'{pairs[0][0]}' and '{pairs[0][1]}' are one file on this file system.",
        hint="Check the version out on a file system that tells upper from lower case.",
        value=pairs[0][1],
    )


def _ignores_case(base: Path) -> bool:
    base.mkdir(parents=True, exist_ok=True)
    probe = base / f".mw-Case-{os.getpid()}"
    try:
        probe.touch()
        return (base / probe.name.lower()).exists()
    finally:
        probe.unlink(missing_ok=True)


def _unsaved(tracked: Tracked, paths: list[str]) -> Conflict:
    shown = sorted(set(paths))
    names = ", ".join(f"'{path}'" for path in shown[:_SHOWN])
    more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
    return Conflict(
        "data.unsaved",
        f"{names}{more} in {tracked.path} would be overwritten and no version has what is there.",
        hint=f"Keep it with: mw data add {tracked.path}, or lose it with --force.",
        value=shown[0],
    )
