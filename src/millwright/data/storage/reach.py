"""Which objects a version consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from millwright.data.storage.heads import Row
from millwright.data.trees.entries import NO_BYTES
from millwright.data.trees.nodes import Nodes, digests_in, level_of

_BATCH = 64
Bring = Callable[[list[bytes]], None]
"""Called with nodes of manifests before they are read."""


def plain_objects(row: Row) -> list[bytes]:
    """The objects that a version's row names itself: a table's bytes, as given, and its profile."""
    names = (row["digest"], row.get("original"), row.get("profile_digest"))
    return [bytes.fromhex(name) for name in names if name]


def tree_of(row: Row) -> bytes | None:
    """The root of a version of files; None for a table."""
    return bytes.fromhex(row["digest"]) if row["kind"] == "files" else None


def objects_of(nodes: Nodes, rows: Iterable[Row], bring: Bring | None = None) -> list[bytes]:
    """All objects of versions, nodes of manifests included, each once.

    Args:
        nodes: where manifests are read from.
        rows: the versions.
        bring: makes nodes readable before they are read, level by level.
    """
    found: dict[bytes, None] = {}
    seen: set[bytes] = set()
    for row in rows:
        found.update(dict.fromkeys(plain_objects(row)))
        root = tree_of(row)
        if root is not None:
            found.update(dict.fromkeys(tree_objects(nodes, root, seen, bring)))
    return list(found)


def tree_objects(
    nodes: Nodes, root: bytes, seen: set[bytes], bring: Bring | None = None
) -> Iterator[bytes]:
    """The nodes of a manifest and the objects of its entries; nodes in ``seen`` are skipped."""
    frontier = [root]
    while frontier:
        fresh = [digest for digest in dict.fromkeys(frontier) if digest not in seen]
        seen.update(fresh)
        yield from fresh
        if bring is not None and fresh:
            bring(fresh)
        frontier = []
        for start in range(0, len(fresh), _BATCH):
            for content in nodes.read_many(fresh[start : start + _BATCH]):
                below = digests_in(content)
                if level_of(content):
                    frontier.extend(below)
                else:
                    yield from (digest for digest in below if digest != NO_BYTES)
