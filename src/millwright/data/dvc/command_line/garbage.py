"""``gc``: objects that nothing uses, removed from the cache and, when asked, from a remote."""

from __future__ import annotations

import argparse
import os
import sys

from millwright.data.dvc import remotes
from millwright.data.dvc.command_line.transfer import revisions
from millwright.data.dvc.command_line.words import Parser, say
from millwright.data.dvc.dir_objects import SUFFIX
from millwright.data.dvc.files import CURRENT, LEGACY
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.kernel.errors import Conflict, InvalidInput

_NAMES = {CURRENT: "repo", LEGACY: "legacy"}


def gc(arguments: list[str]) -> int:
    """Remove objects that nothing uses."""
    parser = Parser("gc", "Remove objects that nothing uses.")
    parser.flags("-w/--workspace", "-a/--all-branches", "-T/--all-tags", "-A/--all-commits")
    parser.flags("--all-experiments", "-c/--cloud", "-f/--force", "--dry", "--not-in-remote")
    parser.add_argument("-r", "--remote")
    parser.add_argument("-p", "--projects", nargs="*", default=[])
    parser.ignored("-j/--jobs", "--rev", "-n/--num", "--date")
    options = parser.parse_args(arguments)
    repository = find()
    _check(options)
    used = _used(repository, options)
    for other in options.projects:
        for kind, names in _used(find(os.path.realpath(other)), options).items():
            used[kind] |= names
    _confirm(options)
    for kind, name in _NAMES.items():
        _sweep_cache(repository, kind, name, used[kind], options)
    if options.cloud or options.remote:
        place = remotes.place_of(repository.config.remote(options.remote))
        for kind, name in _NAMES.items():
            unused = sorted(place.names(kind) - used[kind])
            if not options.dry:
                place.delete(unused, kind)
            _tell(options, unused, f"{name} objects", "from the remote")
    return 0


def _check(options: argparse.Namespace) -> None:
    chosen = (
        options.workspace,
        options.all_branches,
        options.all_tags,
        options.all_commits,
        options.all_experiments,
    )
    if not any(chosen):
        raise InvalidInput(
            "dvc.gc",
            "Say what is to be kept.",
            hint="`-w` keeps what the working tree uses, `-A` what any commit uses.",
        )
    if options.rev or options.num or options.date:
        raise InvalidInput("dvc.gc", "`--rev`, `--num` and `--date` are not supported; use `-A`.")


def _confirm(options: argparse.Namespace) -> None:
    if options.dry or options.force:
        return
    if not options.quiet:
        print("WARNING: This will remove all objects except those that are to be kept.")
    if not sys.stdin.isatty() or input("Go on? [y/n] ").strip().lower() not in ("y", "yes"):
        raise Conflict("dvc.gc", "Nothing was removed.", hint="Use --force to remove unasked.")


def _used(repository: Repository, options: argparse.Namespace) -> dict[str, set[str]]:
    outs: list[Tracked] = list(repository.now.outs)
    for revision in revisions(repository, options):
        outs += repository.at(revision).outs
    if options.all_experiments and repository.git_root is not None:
        from millwright.data.dvc.experiments import refs

        for _, _, commit in refs(repository.git_root):
            outs += repository.at(commit).outs
    used: dict[str, set[str]] = {CURRENT: set(), LEGACY: set()}
    for tracked in outs:
        out = tracked.out
        if out.md5 is None or out.md5 in used[out.hash]:
            continue
        used[out.hash].add(out.md5)
        if out.is_dir:
            used[out.hash] |= _listed(repository, out.md5, out.hash, options)
    return used


def _listed(repository: Repository, md5: str, kind: str, options: argparse.Namespace) -> set[str]:
    """What a folder holds; its list is fetched if need be, since what it names must stay."""
    cache = repository.cache
    if not cache.has(md5, kind):
        held = any(True for name in cache.names(kind) if not name.endswith(SUFFIX))
        if not held and not (options.cloud or options.remote):
            return set()
        place = remotes.place_of(repository.config.remote(options.remote))
        try:
            place.download(md5, kind, cache.ready(md5, kind))
            os.chmod(cache.path(md5, kind), 0o444)
        except FileNotFoundError:
            raise Conflict(
                "dvc.gc",
                f"The list of files {md5} is nowhere, so what it uses is unknown.",
                hint="Nothing was removed. Fetch or commit the folder first.",
            ) from None
    return {entry.md5 for entry in cache.entries(md5, kind)}


def _sweep_cache(
    repository: Repository, kind: str, name: str, used: set[str], options: argparse.Namespace
) -> None:
    unused = sorted(set(repository.cache.names(kind)) - used)
    if not options.dry:
        for md5 in unused:
            os.unlink(repository.cache.path(md5, kind))
    _tell(options, unused, f"'{name}' cache", "")


def _tell(options: argparse.Namespace, unused: list[str], what: str, where: str) -> None:
    where = f" {where}" if where else ""
    if not unused:
        say(options, f"No unused {what} to remove{where}.")
        return
    word = "would be removed" if options.dry else "removed"
    say(options, f"{len(unused)} unused objects of {what} {word}{where}.")
    if options.dry:
        say(options, "\n".join(f"  {md5}" for md5 in unused))
