"""Three-way merge of manifests, path by path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from millwright.data.trees.building import build, edit
from millwright.data.trees.comparing import changed_entries
from millwright.data.trees.entries import Entry
from millwright.data.trees.nodes import Nodes, NodesInMemory
from millwright.kernel.errors import InvalidInput


class MergeConflict(NamedTuple):
    """A path that both sides changed, and not to the same; None where it is not there."""

    path: bytes
    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged manifest. At conflicting paths it has ``ours``; a clean merge has no conflicts."""

    root: bytes
    nodes: dict[bytes, bytes]
    conflicts: tuple[MergeConflict, ...]


def merge(nodes: Nodes, base: bytes | None, ours: bytes, theirs: bytes) -> Merged:
    """What changed from ``base`` to either side, together; without a base, both are additions.

    A path changed to the same on both sides is no conflict. Two paths of which one lies below the
    other cannot both be kept: then the conflict is at theirs.
    """
    if base is None:
        empty = build({})
        nodes = NodesInMemory(empty.nodes, nodes)
        base = empty.root
    ours_changed = {c.path: c for c in changed_entries(nodes, base, ours)}
    taken: dict[bytes, Entry | None] = {}
    conflicts = []
    for change in changed_entries(nodes, base, theirs):
        mine = ours_changed.get(change.path)
        if mine is None:
            taken[change.path] = change.after
        elif mine.after != change.after:
            conflicts.append(MergeConflict(change.path, change.before, mine.after, change.after))
    while True:
        try:
            built = edit(nodes, ours, taken)
            break
        except InvalidInput as clash:
            place = str(clash.value).encode()
            theirs_there = [
                path
                for path, entry in taken.items()
                if entry is not None and (path == place or path.startswith(place + b"/"))
            ]
            if not theirs_there:
                raise
            for path in theirs_there:
                conflicts.append(MergeConflict(path, None, None, taken.pop(path)))
    return Merged(built.root, built.nodes, tuple(sorted(conflicts)))
