"""``status``: what changed against what is recorded, or what a remote does not have."""

from __future__ import annotations

import argparse
import json

from millwright.data.dvc import files, remotes
from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.object_cache import with_contents
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.data.dvc.working_tree import look_at, state
from millwright.kernel.errors import InvalidInput

Rows = list[object]


def status(arguments: list[str]) -> int:
    """Show what changed."""
    parser = Parser("status", "Show what changed against what is recorded.")
    parser.flags("-c/--cloud", "-d/--with-deps", "-R/--recursive", "--json", "--no-updates")
    parser.flags("-a/--all-branches", "-T/--all-tags", "-A/--all-commits")
    parser.add_argument("-r", "--remote")
    parser.ignored("-j/--jobs")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    repository = find()
    if options.cloud or options.remote:
        return _cloud(repository, options)
    changes = _changes(repository, options)
    if options.json:
        print(json.dumps(changes))
    elif not options.quiet:
        _show(changes)
    return 1 if changes and options.quiet else 0


def _changes(repository: Repository, options: argparse.Namespace) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    chosen = [tracked for tracked, _ in repository.chosen(options.targets, options.recursive)]
    wanted = {(tracked.source, tracked.stage) for tracked in chosen}
    stages = {
        (source, stage.name): stage
        for source, all_of_it in repository.now.stages.items()
        for stage in all_of_it
        if not options.targets or (source, stage.name) in wanted
    }
    for (source, _), stage in stages.items():
        folder = source.rpartition("/")[0]
        address = stage.name if source == files.PIPELINE else f"{source}:{stage.name}"
        deps = _changed_deps(repository, folder, stage.wdir, stage.deps, source)
        deps |= _changed_params(repository, folder, stage)
        outs = {
            t.place: state(repository, t)
            for t in chosen
            if (t.source, t.stage) == (source, stage.name)
        }
        _note(found, address, deps, outs, stage.command != stage.locked_command)
        if stage.always_changed:
            found.setdefault(address, []).append("always changed")
    for source, dvc_file in repository.now.dvc_files.items():
        if (source, None) in wanted:
            deps = {}
            if dvc_file.deps and not dvc_file.frozen:
                folder = source.rpartition("/")[0]
                deps = _changed_deps(repository, folder, dvc_file.wdir, dvc_file.deps, source)
            outs = {t.place: state(repository, t) for t in chosen if t.source == source}
            _note(found, source, deps, outs, False)
    return found


def _note(
    found: dict[str, Rows],
    address: str,
    deps: dict[str, str],
    outs: dict[str, str | None],
    command: bool,
) -> None:
    changed = {place: what for place, what in outs.items() if what}
    rows: list[object] = []
    if deps:
        rows.append({"changed deps": deps})
    if changed:
        rows.append({"changed outs": changed})
    if command:
        rows.append("changed command")
    if rows:
        found[address] = rows


def _changed_deps(
    repository: Repository, folder: str, wdir: str, deps: tuple[files.Output, ...], source: str
) -> dict[str, str]:
    changed = {}
    for dep in deps:
        if dep.is_remote or "repo" in dep.rest or dep.path.startswith("/"):
            continue
        try:
            place = files.inside(folder, wdir, dep.path, source)
        except InvalidInput:
            continue
        found = look_at(repository, place, dep.hash)
        if found is None:
            changed[dep.path] = "deleted"
        elif dep.md5 is None:
            changed[dep.path] = "new"
        elif found.md5 != dep.md5:
            changed[dep.path] = "modified"
    return changed


def _changed_params(repository: Repository, folder: str, stage: files.Stage) -> dict[str, str]:
    from millwright.data.dvc.values import lookup, read_values

    changed: dict[str, str] = {}
    for name, recorded in stage.params.items():
        place = files.inside(folder, stage.wdir, name, files.LOCK)
        text = repository.read(place)
        values = read_values(text, place) if text is not None else {}
        for key, value in recorded.items():
            if lookup(values, str(key)) != value:
                changed[name] = "modified"
    return changed


def _show(changes: dict[str, Rows]) -> None:
    if not changes:
        print("Data and pipelines are up to date.")
        return
    for address, rows in changes.items():
        print(f"{address}:")
        for row in rows:
            if not isinstance(row, dict):
                print(f"\t{row}")
                continue
            for title, places in row.items():
                print(f"\t{title}:")
                for place, what in places.items():
                    print(f"\t\t{what + ':':<20}{place}")


def _cloud(repository: Repository, options: argparse.Namespace) -> int:
    from millwright.data.dvc.command_line.transfer import wanted_objects

    remote = repository.config.remote(options.remote)
    place = remotes.place_of(remote)
    differing: dict[str, str] = {}
    for kind, names in wanted_objects(repository, options).items():
        everything = {one for name in names for one in with_contents(repository.cache, name, kind)}
        there = place.have(everything, kind)
        gone = repository.cache.missing(everything, kind)
        shown = _shown(repository, kind)
        for name in sorted(everything):
            if name in gone or name not in there:
                what = "missing" if name in gone and name not in there else ""
                what = what or ("deleted" if name in gone else "new")
                differing[shown.get(name, name)] = what
    if options.json:
        print(json.dumps(differing))
    elif not differing:
        print(f"Cache and remote '{remote.name}' are in sync.")
    else:
        for shown_name, what in differing.items():
            print(f"\t{what + ':':<20}{shown_name}")
    return 0


def _shown(repository: Repository, kind: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for tracked in repository.now.outs:
        _name_objects(repository, tracked, kind, names)
    return names


def _name_objects(
    repository: Repository, tracked: Tracked, kind: str, names: dict[str, str]
) -> None:
    out = tracked.out
    if out.md5 is None or out.hash != kind:
        return
    names[out.md5] = tracked.place
    if out.is_dir and repository.cache.has(out.md5, kind):
        for entry in repository.cache.entries(out.md5, kind):
            names.setdefault(entry.md5, f"{tracked.place}/{entry.relpath}")
