"""What changed between two manifests, reading only the nodes that one has and the other has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from millwright.data.trees.entries import Entry, is_file
from millwright.data.trees.nodes import Nodes, decode, digests_in, level_of


class Change(NamedTuple):
    """A path whose entry is not the same; None on the side where there is none."""

    path: bytes
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes from one manifest to another, each path in one of the four, by path."""

    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    modified: tuple[Change, ...]
    renamed: tuple[tuple[Change, Change], ...]
    """A removed path and an added one with the same bytes."""

    def __len__(self) -> int:
        return len(self.added) + len(self.removed) + len(self.modified) + len(self.renamed)

    def changes(self) -> Iterator[Change]:
        """Every path that differs, renames as a removal and an addition."""
        for old, new in self.renamed:
            yield old
            yield new
        yield from self.added
        yield from self.removed
        yield from self.modified


def changed_entries(nodes: Nodes, before: bytes, after: bytes) -> list[Change]:
    """Every path whose entry differs, by path.

    A node holds whole paths, so a node with the same digest on both sides is the same part of the
    tree: what remains on each side after taking common nodes away, level by level, is all that can
    differ.
    """
    old, new = _differing_leaves(nodes, before, after)
    paths = [path for path, row in old.items() if new.get(path) != row]
    paths.extend(path for path in new if path not in old)
    return [Change(path, _entry(old.get(path)), _entry(new.get(path))) for path in sorted(paths)]


def diff(nodes: Nodes, before: bytes, after: bytes) -> Difference:
    """The changes between two manifests; a removed and an added file of equal bytes are a rename."""
    return classify(changed_entries(nodes, before, after))


def classify(changes: list[Change]) -> Difference:
    """Changes sorted into added, removed, modified and renamed."""
    added = [change for change in changes if change.before is None]
    removed = [change for change in changes if change.after is None]
    modified = [c for c in changes if c.before is not None and c.after is not None]
    homes: dict[bytes, list[Change]] = {}
    for change in removed:
        if change.before is not None and is_file(change.before) and change.before.size:
            homes.setdefault(change.before.digest, []).append(change)
    for places in homes.values():
        places.reverse()
    renamed = []
    for change in added:
        places = homes.get(change.after.digest, []) if change.after else []
        if places and change.after is not None and is_file(change.after):
            renamed.append((places.pop(), change))
    moved = {change.path for pair in renamed for change in pair}
    return Difference(
        added=tuple(c for c in added if c.path not in moved),
        removed=tuple(c for c in removed if c.path not in moved),
        modified=tuple(modified),
        renamed=tuple(renamed),
    )


_Row = tuple[int, int, bytes]
"""An ``Entry`` before it has its name: most are equal on both sides and never need one."""


def _entry(row: _Row | None) -> Entry | None:
    return None if row is None else Entry._make(row)


def _differing_leaves(
    nodes: Nodes, before: bytes, after: bytes
) -> tuple[dict[bytes, _Row], dict[bytes, _Row]]:
    """The entries of the leaves that only one side has."""
    if before == after:
        return {}, {}
    old, new = nodes.read_many([before, after])
    left, right = [old], [new]
    left_level, right_level = level_of(old), level_of(new)
    while left_level or right_level:
        # Where one tree is higher, the other waits until it has come down to its level.
        goes_left, goes_right = left_level >= right_level, right_level >= left_level
        below_left = _children(left) if goes_left else {}
        below_right = _children(right) if goes_right else {}
        for digest in below_left.keys() & below_right.keys():
            del below_left[digest], below_right[digest]
        if goes_left:
            left, left_level = nodes.read_many(list(below_left)), left_level - 1
        if goes_right:
            right, right_level = nodes.read_many(list(below_right)), right_level - 1
    return _rows(left), _rows(right)


def _children(parents: list[bytes]) -> dict[bytes, None]:
    return dict.fromkeys(digest for content in parents for digest in digests_in(content))


def _rows(leaves: list[bytes]) -> dict[bytes, _Row]:
    found: dict[bytes, _Row] = {}
    for content in leaves:
        leaf = decode(content)
        rows = zip(leaf.tags, leaf.sizes, leaf.digests, strict=True)
        found.update(zip(leaf.keys, rows, strict=True))
    return found
