"""Which objects a version consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from millwright.data.storage.heads import Row
from millwright.data.tree_store import TreeStore
from millwright.data.trees.entries import NO_BYTES
from millwright.data.trees.nodes import Nodes, digests_in, level_of
from millwright.kernel.errors import NotFound
from millwright.kernel.objects import ProjectObjects

COLLECTED = "objects.collected"
"""The code of the error for objects that garbage collection took before anything named them."""

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


def must_be_here(objects: ProjectObjects, row: Row) -> None:
    """Look again for the objects of a version that is about to be kept.

    For those who looked before ``ProjectObjects.sweeps`` changed, while nothing can be swept.

    Raises:
        NotFound: garbage collection took some of them meanwhile.
    """
    # Each node is read anew: what was read before says nothing of what is there now.
    absent = objects.absent(_still_named(TreeStore(objects), row))
    if absent:
        raise NotFound(
            COLLECTED,
            f"Garbage collection took {len(absent)} of the version's objects before it was kept.",
            hint="Add it again.",
            value=absent[0].hex(),
        )


def _still_named(nodes: Nodes, row: Row) -> list[bytes]:
    try:
        return objects_of(nodes, [row])
    except NotFound:
        # A node of the manifest itself is gone.
        return plain_objects(row)


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
