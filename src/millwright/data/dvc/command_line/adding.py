"""``add``, ``commit`` and ``unprotect``."""

from __future__ import annotations

import glob
import os
from typing import Any

from millwright.data.dvc import files, linking
from millwright.data.dvc.command_line.words import Parser, ignore_in_git, say, tell_git
from millwright.data.dvc.folders import files_below
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.data.dvc.working_tree import current, keep, look_at
from millwright.kernel.errors import Conflict, InvalidInput, NotFound


def add(arguments: list[str]) -> int:
    """Track files or folders."""
    parser = Parser("add", "Track files or folders.")
    parser.flags("--no-commit", "--glob", "-f/--force", "--no-relink")
    parser.add_argument("-o", "--out", help="Copy the target here first and track the copy.")
    parser.ignored("--remote-jobs", "-j/--jobs")
    parser.add_argument("--desc", help="A sentence on what it is.")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args(arguments)
    repository = find()
    targets = _expanded(options.targets) if options.glob else options.targets
    if options.out:
        targets = [_copied(repository, targets, options.out, options.force)]
    changed: list[str] = []
    for target in targets:
        changed += track(repository, target, commit=not options.no_commit, desc=options.desc)
    tell_git(repository, list(dict.fromkeys(changed)), options.quiet)
    return 0


def _expanded(patterns: list[str]) -> list[str]:
    found = [path for pattern in patterns for path in glob.glob(pattern, recursive=True)]
    return [path for path in found if not path.endswith(files.DVC_FILE)]


def _copied(repository: Repository, targets: list[str], out: str, force: bool) -> str:
    if len(targets) != 1:
        raise InvalidInput("dvc.add", "`--out` takes one target.")
    if os.path.exists(out):
        if not force:
            raise Conflict("dvc.exists", f"{out} exists.", hint="Use --force to replace it.")
        linking.remove(out)
    from millwright.data.dvc.command_line.getting import copy_path

    copy_path(targets[0], repository.full(repository.place(out)))
    return out


def track(
    repository: Repository, target: str, *, commit: bool = True, desc: str | None = None
) -> list[str]:
    """Track one path; the places of the files that git should take."""
    place = repository.place(target)
    if place.endswith(files.DVC_FILE) and repository.read(place) is not None:
        place = _single_out(repository, place) or place
    if not os.path.lexists(repository.full(place)):
        raise NotFound("dvc.missing", f"output '{target}' does not exist.", value=target)
    known = _overlapping(repository, place)
    if known is not None and known.stage is not None:
        raise Conflict(
            "dvc.stage_output",
            f"{place} is an output of the stage {known.address}.",
            hint=f"Record its change with `mw-dvc commit {known.address}`.",
        )
    if known is not None:
        place = known.place
    source = known.source if known is not None else place + files.DVC_FILE
    return record(repository, place, source, known, commit=commit, desc=desc)


def _single_out(repository: Repository, source: str) -> str | None:
    outs = [tracked.place for tracked in repository.now.outs if tracked.source == source]
    return outs[0] if len(outs) == 1 else None


def _overlapping(repository: Repository, place: str) -> Tracked | None:
    """The output that a path is, or lies in; refused if outputs lie in it."""
    for tracked in repository.now.outs:
        if place == tracked.place or place.startswith(tracked.place + "/"):
            return tracked
        if not place or tracked.place.startswith(place + "/"):
            raise Conflict(
                "dvc.overlap",
                f"{place or 'The repository'} holds {tracked.place}, which is tracked by itself.",
                hint=f"Stop tracking that first: `mw-dvc remove {tracked.source}`.",
            )
    return None


def record(
    repository: Repository,
    place: str,
    source: str,
    known: Tracked | None,
    *,
    commit: bool = True,
    desc: str | None = None,
) -> list[str]:
    """Write what a path holds into its ``.dvc`` file; the places of changed git files."""
    kind = files.CURRENT
    found = look_at(repository, place, kind)
    if found is None:
        raise NotFound("dvc.missing", f"output '{place}' does not exist.", value=place)
    rest: dict[str, Any] = dict(known.out.rest) if known is not None else {}
    if desc:
        rest["desc"] = desc
    cached = rest.get("cache", True) is not False
    if commit and cached:
        keep(repository, place, found, kind)
    path = known.out.path if known is not None else place.rpartition("/")[2]
    out = files.Output(path, found.md5, found.size, found.nfiles, kind, found.isexec, rest)
    changed = write_dvc_file(repository, source, out)
    ignoring = ignore_in_git(repository, place) if cached else None
    return ([ignoring] if ignoring else []) + ([source] if changed or ignoring else [])


def write_dvc_file(repository: Repository, source: str, out: files.Output) -> bool:
    """Put an output's record into its ``.dvc`` file; whether the text changed."""
    before = repository.read(source)
    dvc_file = files.DvcFile((out,), (), {})
    if before is not None:
        dvc_file = files.DvcFile.read(before, source)
        outs = [out if each.path == out.path else each for each in dvc_file.outs]
        dvc_file = dvc_file._replace(outs=tuple(outs if out in outs else [*outs, out]))
        if files.DvcFile.read(dvc_file.text(), source) == files.DvcFile.read(before, source):
            return False
    linking.write_file(repository.full(source), dvc_file.text().encode())
    return True


def commit(arguments: list[str]) -> int:
    """Record changed outputs and keep them in the cache."""
    parser = Parser("commit", "Record changed outputs and keep them in the cache.")
    parser.flags("-f/--force", "-d/--with-deps", "-R/--recursive", "--no-relink")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    repository = find()
    changed: list[str] = []
    for tracked, _ in repository.chosen(options.targets, options.recursive):
        if tracked.stage is not None:
            raise InvalidInput(
                "dvc.commit",
                f"{tracked.place} is an output of the stage {tracked.address}.",
                hint="Stages are committed by dvc itself: `dvc commit`.",
            )
        found = current(repository, tracked)
        if found is not None and (found.md5 != tracked.out.md5):
            changed += record(repository, tracked.place, tracked.source, tracked)
        elif found is not None and tracked.out.cached:
            keep(repository, tracked.place, found, tracked.out.hash)
    tell_git(repository, list(dict.fromkeys(changed)), options.quiet)
    return 0


def unprotect(arguments: list[str]) -> int:
    """Make linked files writable, each a private copy."""
    parser = Parser("unprotect", "Make linked files writable.")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args(arguments)
    repository = find()
    for target in options.targets:
        place = repository.place(target)
        full = repository.full(place)
        if os.path.isdir(full):
            for inside, _ in list(files_below(full, place, repository.rules)):
                linking.make_writable(f"{full}/{inside}")
        elif os.path.exists(full):
            linking.make_writable(full)
        else:
            raise NotFound("dvc.missing", f"'{target}' does not exist.", value=target)
        say(options, f"Unprotected '{target}'.")
    return 0
