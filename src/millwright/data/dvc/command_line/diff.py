"""``diff``: tracked data of two revisions, or of one and the working tree."""

from __future__ import annotations

import json
from typing import Any

from millwright.data.dvc import git
from millwright.data.dvc.command_line.words import Parser, files
from millwright.data.dvc.comparing import Data, Difference, difference, recorded, working
from millwright.data.dvc.files import Output
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.kernel.errors import InvalidInput


def diff(arguments: list[str]) -> int:
    """Compare tracked data."""
    parser = Parser("diff", "Compare tracked data of two revisions, or of one and the files here.")
    parser.flags("--json", "--show-hash", "--md", "--hide-missing")
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("a_rev", nargs="?", default="HEAD")
    parser.add_argument("b_rev", nargs="?")
    options = parser.parse_args(arguments)
    repository = find()
    if repository.git_root is None:
        raise InvalidInput("dvc.no_git", "There is no git here, so there are no revisions.")
    before, after = _states(repository, options.a_rev, options.b_rev)
    if options.targets:
        chosen = [repository.place(target) for target in options.targets]
        before, after = _only(before, chosen), _only(after, chosen)
    found = difference(before, after)
    gone = [] if options.hide_missing else _not_in_cache(repository, options.b_rev, found)
    if options.json:
        print(json.dumps(_tree(found, gone, before, after, options.show_hash)))
    elif options.md:
        _show_markdown(found, gone)
    elif not options.quiet:
        _show(found, gone, before, after, options.show_hash)
    return 0


def _states(repository: Repository, first: str, second: str | None) -> tuple[Data, Data]:
    if first == "HEAD" and not git.has_commits(repository.root):
        old: list[Tracked] = []
    else:
        old = repository.at(git.resolve(repository.root, first)).outs
    old_outs = _by_place(old)
    if second is not None:
        new = repository.at(git.resolve(repository.root, second)).outs
        after = recorded(repository, new, old_outs)
        return recorded(repository, old, _by_place(new)), after
    after, new_outs = working(repository, old_outs)
    return recorded(repository, old, new_outs), after


def _by_place(outs: list[Tracked]) -> dict[str, Output]:
    return {tracked.place: tracked.out for tracked in outs}


def _only(data: Data, chosen: list[str]) -> Data:
    digests = {
        path: md5
        for path, md5 in data.digests.items()
        if any(path.rstrip("/") == c or path.startswith(c + "/") for c in chosen)
    }
    return Data(digests, data.unknown)


def _not_in_cache(repository: Repository, second: str | None, found: Difference) -> list[str]:
    if second is not None:
        return []
    changed = {*found.deleted, *found.modified, *(source for source, _ in found.renamed)}
    gone = []
    for tracked in repository.now.outs:
        out = tracked.out
        shown = tracked.place + ("/" if out.is_dir else "")
        if not out.md5 or not out.cached or shown in changed:
            continue
        if not repository.cache.has(out.md5, out.hash):
            gone.append(shown)
    return gone


def _tree(
    found: Difference, gone: list[str], before: Data, after: Data, hashes: bool
) -> dict[str, Any]:
    def one(path: str, digest: object) -> dict[str, Any]:
        return {"path": path, "hash": digest} if hashes else {"path": path}

    old, new = before.digests, after.digests
    return {
        "added": [one(path, new[path]) for path in found.added],
        "deleted": [one(path, old[path]) for path in found.deleted],
        "modified": [one(p, {"old": old[p], "new": new[p]}) for p in found.modified],
        "renamed": [
            {"path": {"old": a, "new": b}} | ({"hash": new[b]} if hashes else {})
            for a, b in found.renamed
        ],
        "not in cache": [one(path, None) for path in gone],
    }


def _rows(found: Difference, gone: list[str]) -> list[tuple[str, list[str]]]:
    return [
        ("Added", found.added),
        ("Deleted", found.deleted),
        ("Renamed", [f"{source} -> {target}" for source, target in found.renamed]),
        ("Modified", found.modified),
        ("Not in cache", gone),
    ]


def _show(found: Difference, gone: list[str], before: Data, after: Data, hashes: bool) -> None:
    counts = []
    for title, paths in _rows(found, gone):
        if not paths:
            continue
        print(f"{title}:")
        for path in paths:
            print(f"    {_hash_of(path, before, after) if hashes else ''}{path}")
        print()
        plain = sum(not path.endswith("/") for path in paths)
        if plain:
            counts.append(f"{plain} {title.lower()}")
    if counts:
        print("files summary: " + ", ".join(counts))


def _hash_of(path: str, before: Data, after: Data) -> str:
    old, new = before.digests.get(path, ""), after.digests.get(path, "")
    if old and new and old != new:
        return f"{old[:8]}..{new[:8]}  "
    return f"{(new or old)[:8]}  "


def _show_markdown(found: Difference, gone: list[str]) -> None:
    print("| Status   | Path   |\n|----------|--------|")
    for title, paths in _rows(found, gone):
        for path in paths:
            print(f"| {title.lower()} | {path} |")
    total = sum(len(paths) for _, paths in _rows(found, gone))
    print(f"\n{files(total)} differ.")
