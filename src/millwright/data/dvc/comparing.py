"""Two states of a repository's data compared: what was added, deleted, modified, renamed.

Folders whose digests are equal are not looked into.
"""

from __future__ import annotations

from typing import NamedTuple

from millwright.data.dvc.files import Output
from millwright.data.dvc.repository import Repository, Tracked
from millwright.data.dvc.working_tree import current, entries


class Data(NamedTuple):
    """The tracked data of one state: every path's digest, folders' with a slash behind.

    Attributes:
        digests: path → MD5.
        unknown: folders whose list is in neither the cache nor the working tree.
    """

    digests: dict[str, str]
    unknown: list[str]


class Difference(NamedTuple):
    """What differs between two states, paths sorted."""

    added: list[str]
    deleted: list[str]
    modified: list[str]
    renamed: list[tuple[str, str]]


def recorded(repository: Repository, outs: list[Tracked], other: dict[str, Output]) -> Data:
    """The data that records name; folders equal in ``other`` (place → output) are not listed."""
    digests: dict[str, str] = {}
    unknown: list[str] = []
    for tracked in outs:
        out = tracked.out
        if out.md5 is None or not out.cached:
            continue
        digests[tracked.place + ("/" if out.is_dir else "")] = out.md5
        same = other.get(tracked.place)
        if not out.is_dir or (same is not None and same.md5 == out.md5):
            continue
        inside = entries(repository, out)
        if inside is None:
            unknown.append(tracked.place + "/")
            continue
        digests.update({f"{tracked.place}/{path}": md5 for path, md5 in inside.items()})
    return Data(digests, unknown)


def working(repository: Repository, other: dict[str, Output]) -> tuple[Data, dict[str, Output]]:
    """The data in the working tree, and what each output is there now."""
    digests: dict[str, str] = {}
    outs: dict[str, Output] = {}
    for tracked in repository.now.outs:
        if not tracked.out.cached:
            continue
        found = current(repository, tracked)
        if found is None:
            continue
        outs[tracked.place] = tracked.out._replace(md5=found.md5)
        is_dir = found.content is not None
        digests[tracked.place + ("/" if is_dir else "")] = found.md5
        same = other.get(tracked.place)
        if is_dir and not (same is not None and same.md5 == found.md5):
            digests.update({f"{tracked.place}/{k}": seen.md5 for k, seen in found.files.items()})
    return Data(digests, []), outs


def difference(before: Data, after: Data, *, renames: bool = True) -> Difference:
    """What became of ``before``."""
    skipped = tuple(before.unknown + after.unknown)
    old, new = _known(before.digests, skipped), _known(after.digests, skipped)
    added = {path for path in new if path not in old}
    deleted = {path for path in old if path not in new}
    modified = sorted(path for path, md5 in new.items() if path in old and old[path] != md5)
    renamed = _renames(deleted, added, old, new) if renames else []
    for source, target in renamed:
        deleted.discard(source)
        added.discard(target)
    return Difference(sorted(added), sorted(deleted), modified, renamed)


def _known(digests: dict[str, str], skipped: tuple[str, ...]) -> dict[str, str]:
    if not skipped:
        return digests
    return {
        path: md5
        for path, md5 in digests.items()
        if path in skipped or not path.startswith(skipped)
    }


def _renames(
    deleted: set[str], added: set[str], old: dict[str, str], new: dict[str, str]
) -> list[tuple[str, str]]:
    by_md5: dict[str, list[str]] = {}
    for path in sorted(deleted, reverse=True):
        by_md5.setdefault(old[path], []).append(path)
    found = []
    for path in sorted(added):
        sources = by_md5.get(new[path])
        if sources:
            found.append((sources.pop(), path))
    return found
