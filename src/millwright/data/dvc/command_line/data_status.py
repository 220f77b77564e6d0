"""``data status``: committed, uncommitted and unchanged data, and untracked files."""

from __future__ import annotations

import json
from typing import Any

from millwright.data.dvc import git
from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.comparing import Data, Difference, difference
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.data.dvc.working_tree import current, entries
from millwright.kernel.errors import InvalidInput

_WORDS = ("added", "modified", "deleted", "renamed")


def data(arguments: list[str]) -> int:
    """Show what changed, was added or is untracked."""
    if not arguments or arguments[0] != "status":
        raise InvalidInput("dvc.command", "`data` has one command: `mw-dvc data status`.")
    parser = Parser("data status", "Show what changed, was added or is untracked.")
    parser.flags("--json", "--granular", "--unchanged", "--no-remote-refresh", "--not-in-remote")
    parser.add_argument("--untracked-files", nargs="?", choices=["no", "all"], const="all")
    parser.add_argument("-r", "--remote")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments[1:])
    repository = find()
    found = _status(repository, options.granular, options.unchanged)
    listed = _git_status(repository)
    if options.untracked_files == "all":
        _put(found, "untracked", sorted(path for mark, path in listed if mark == "??"))
    dirty = bool(listed)
    if options.json:
        print(json.dumps(found))
    elif not options.quiet:
        _show(found, dirty)
    return 0


def _git_status(repository: Repository) -> list[tuple[str, str]]:
    if repository.git_root is None:
        return []
    listing = git.run(repository.root, "status", "--porcelain", "-z", "-uall", "--no-renames")
    rows = [row for row in listing.decode("utf-8", "surrogateescape").split("\x00") if row]
    return [(row[:2], row[3:]) for row in rows]


def _status(repository: Repository, granular: bool, unchanged: bool) -> dict[str, Any]:
    outs = [t for t in repository.now.outs if t.out.cached]
    head = []
    if repository.git_root is not None and git.has_commits(repository.root):
        head = [t for t in repository.at("HEAD").outs if t.out.cached and t.out.md5]
    index = [t for t in outs if t.out.md5]
    old = {tracked.place: tracked for tracked in head}
    new = {tracked.place: tracked for tracked in index}
    found: dict[str, Any] = {}
    committed = difference(
        _data(repository, head, new, granular), _data(repository, index, old, granular)
    )
    here = _working(repository, outs, granular)
    recorded = _data(repository, index, {}, granular)
    uncommitted = difference(recorded, here, renames=False)
    _put(found, "not_in_cache", _gone(repository, index))
    _put(found, "committed", _tree(committed))
    _put(found, "uncommitted", _tree(uncommitted))
    if unchanged:
        _put(found, "unchanged", _same(repository, head, recorded, here, granular))
    return found


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    if value:
        found[key] = value


def _data(
    repository: Repository, outs: list[Tracked], other: dict[str, Tracked], granular: bool
) -> Data:
    digests: dict[str, str] = {}
    unknown = []
    for tracked in outs:
        out = tracked.out
        assert out.md5 is not None
        digests[tracked.place + ("/" if out.is_dir else "")] = out.md5
        same = other.get(tracked.place)
        if granular and out.is_dir and not (same is not None and same.out.md5 == out.md5):
            inside = entries(repository, out)
            if inside is None:
                unknown.append(f"{tracked.place}/")
            else:
                digests.update({f"{tracked.place}/{path}": md5 for path, md5 in inside.items()})
    return Data(digests, unknown)


def _working(repository: Repository, outs: list[Tracked], granular: bool) -> Data:
    digests: dict[str, str] = {}
    for tracked in outs:
        found = current(repository, tracked)
        if found is None:
            continue
        folder = found.content is not None
        digests[tracked.place + ("/" if folder else "")] = found.md5
        if granular and folder:
            digests.update({f"{tracked.place}/{k}": seen.md5 for k, seen in found.files.items()})
    return Data(digests, [])


def _same(
    repository: Repository, head: list[Tracked], recorded: Data, here: Data, granular: bool
) -> list[str]:
    old = _data(repository, head, {}, granular).digests
    return [
        path
        for path, md5 in here.digests.items()
        if recorded.digests.get(path) == md5 and old.get(path) == md5
    ]


def _gone(repository: Repository, index: list[Tracked]) -> list[str]:
    return [
        tracked.place + ("/" if tracked.out.is_dir else "")
        for tracked in index
        if tracked.out.md5 and not repository.cache.has(tracked.out.md5, tracked.out.hash)
    ]


def _tree(found: Difference) -> dict[str, Any]:
    renamed = [{"old": source, "new": target} for source, target in found.renamed]
    parts = (found.added, found.modified, found.deleted, renamed)
    return {word: part for word, part in zip(_WORDS, parts, strict=True) if part}


_HEADINGS = {
    "not_in_cache": 'Not in cache:\n  (use "mw-dvc fetch <file>..." to download files)',
    "committed": "DVC committed changes:\n"
    "  (git commit the corresponding dvc files to update the repo)",
    "uncommitted": "DVC uncommitted changes:\n"
    '  (use "mw-dvc commit <file>..." to track changes)\n'
    '  (use "mw-dvc checkout <file>..." to discard changes)',
    "untracked": "Untracked files:\n"
    '  (use "git add <file> ..." or "mw-dvc add <file>..." to keep them)',
    "unchanged": "DVC unchanged files:",
}


def _show(found: dict[str, Any], dirty: bool) -> None:
    for key, heading in _HEADINGS.items():
        if key not in found:
            continue
        print(heading)
        value = found[key]
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for word, paths in rows:
            for path in paths:
                shown = f"{path['old']} -> {path['new']}" if isinstance(path, dict) else path
                print(f"        {word + ': ' if word else ''}{shown}")
        print()
    if not found:
        print("No changes.")
    if dirty:
        print('(there are other changes not tracked by dvc, use "git status" to see)')
