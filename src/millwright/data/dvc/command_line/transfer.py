"""``push``, ``fetch`` and ``pull``."""

from __future__ import annotations

import argparse
import sys

from millwright.data.dvc import git, remotes
from millwright.data.dvc.command_line.checking_out import bring_all_back, report, summary_of
from millwright.data.dvc.command_line.words import Parser, files, say
from millwright.data.dvc.files import Output
from millwright.data.dvc.object_cache import ObjectCache
from millwright.data.dvc.repository import Repository, Tracked, find


def _parser(name: str, description: str) -> Parser:
    parser = Parser(name, description)
    parser.flags("-d/--with-deps", "-R/--recursive", "--run-cache", "--no-run-cache", "--glob")
    parser.flags("-a/--all-branches", "-T/--all-tags", "-A/--all-commits")
    parser.add_argument("-r", "--remote")
    parser.ignored("-j/--jobs", "--max-size", "--type")
    parser.add_argument("targets", nargs="*")
    return parser


def push(arguments: list[str]) -> int:
    """Send objects to a remote."""
    options = _parser("push", "Send objects to a remote.").parse_args(arguments)
    repository = find()
    count = 0
    for remote, wanted in by_remote(repository, options).items():
        place = remotes.place_of(repository.config.remote(remote))
        done, nowhere = remotes.push(place, repository.cache, wanted)
        count += done
        if nowhere:
            nowhere -= {n for kind in wanted for n in place.have(nowhere, kind)}
        if nowhere:
            return _missing(nowhere, "are neither in the cache nor on the remote")
    say(options, f"{files(count)} pushed" if count else "Everything is up to date.")
    return 0


def fetch(arguments: list[str]) -> int:
    """Bring objects from a remote into the cache."""
    options = _parser("fetch", "Bring objects into the cache.").parse_args(arguments)
    count, nowhere = fetch_wanted(find(), options)
    if nowhere:
        return _missing(nowhere, "are not on the remote")
    say(options, f"{files(count)} fetched" if count else "Everything is up to date.")
    return 0


def pull(arguments: list[str]) -> int:
    """Fetch and check out."""
    parser = _parser("pull", "Fetch and check out.")
    parser.flags("-f/--force", "--allow-missing")
    options = parser.parse_args(arguments)
    repository = find()
    count, _ = fetch_wanted(repository, options)
    changes = bring_all_back(repository, options.targets, options.recursive, options.force)
    code = report(changes, options.quiet, options.allow_missing)
    fetched = f"{files(count)} fetched" if count else ""
    done = [change for change in changes if change.kind != "failed"]
    parts = [part for part in (fetched, summary_of(done) if done else "") if part]
    say(options, " and ".join(parts) or "Everything is up to date.")
    return code


def fetch_wanted(repository: Repository, options: argparse.Namespace) -> tuple[int, set[str]]:
    """Bring what options name into the cache; (how many objects, which are nowhere)."""
    total, lost = 0, set()
    for remote, wanted in by_remote(repository, options).items():
        if not _anything_missing(repository.cache, wanted):
            continue
        place = remotes.place_of(repository.config.remote(remote))
        count, nowhere = remotes.fetch(place, repository.cache, wanted)
        total += count
        lost |= nowhere
    return total, lost


def _anything_missing(cache: ObjectCache, wanted: remotes.Wanted) -> bool:
    for kind, names in wanted.items():
        if cache.missing(names, kind):
            return True
        files_of = {e.md5 for n in names if n.endswith(".dir") for e in cache.entries(n, kind)}
        if cache.missing(files_of, kind):
            return True
    return False


def _missing(nowhere: set[str], why: str) -> int:
    shown = "\n".join(sorted(nowhere)[:20])
    print(f"ERROR: {files(len(nowhere))} {why}:\n{shown}", file=sys.stderr)
    return 255


def by_remote(
    repository: Repository, options: argparse.Namespace
) -> dict[str | None, remotes.Wanted]:
    """The objects that options name, by the remote they belong to (None is the default)."""
    wanted: dict[str | None, remotes.Wanted] = {}
    for tracked in _tracked(repository, options):
        out = tracked.out
        if out.md5 and out.cached and out.rest.get("push", True):
            remote = options.remote or out.rest.get("remote")
            wanted.setdefault(remote, {}).setdefault(out.hash, set()).add(out.md5)
    return wanted


def wanted_objects(repository: Repository, options: argparse.Namespace) -> remotes.Wanted:
    """The objects that options name, by format."""
    wanted: remotes.Wanted = {}
    for each in by_remote(repository, options).values():
        for kind, names in each.items():
            wanted.setdefault(kind, set()).update(names)
    return wanted


def _tracked(repository: Repository, options: argparse.Namespace) -> list[Tracked]:
    outs = [
        _not_imported(repository, tracked)
        for tracked, _ in repository.chosen(options.targets, options.recursive)
    ]
    for revision in revisions(repository, options):
        outs += repository.at(revision).outs
    return [tracked for tracked in outs if tracked is not None]


def _not_imported(repository: Repository, tracked: Tracked) -> Tracked | None:
    # Imported data is fetched from where it came; DVC does not push it either.
    dvc_file = repository.now.dvc_files.get(tracked.source)
    if dvc_file is not None and any("repo" in dep.rest for dep in dvc_file.deps):
        if not _whole(repository.cache, tracked.out):
            from millwright.data.dvc.command_line.importing import fetch_import

            fetch_import(repository, dvc_file, tracked.out)
        return None
    return tracked


def _whole(cache: ObjectCache, out: Output) -> bool:
    return out.md5 is None or not _anything_missing(cache, {out.hash: {out.md5}})


def revisions(repository: Repository, options: argparse.Namespace) -> list[str]:
    """The commits that ``--all-branches``, ``--all-tags`` and ``--all-commits`` name."""
    if repository.git_root is None:
        return []
    chosen = []
    if options.all_commits:
        return git.run(repository.git_root, "rev-list", "--all").decode().split()
    for flag, where in ((options.all_branches, "refs/heads"), (options.all_tags, "refs/tags")):
        if flag:
            listing = git.run(repository.git_root, "for-each-ref", "--format=%(refname)", where)
            chosen += listing.decode().split()
    return chosen
