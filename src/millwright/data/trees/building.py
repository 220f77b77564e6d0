"""Manifests from entries, and from another manifest and what changed.

Both give the same root for the same content: the digest of a version says what is in it, not how
it came about.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from millwright.data.trees.boundaries import LARGEST, SMALLEST, cut_points, ends_node
from millwright.data.trees.entries import Entry
from millwright.data.trees.nodes import Node, Nodes, decode, digest_of_node, encode
from millwright.kernel.errors import InvalidInput


class Child(NamedTuple):
    """What a node knows of one below it: first path, digest, bytes and number of entries."""

    key: bytes
    digest: bytes
    size: int
    entries: int


@dataclass(frozen=True, slots=True)
class Built:
    """A manifest: its root, and the bytes of the nodes that were not there before."""

    root: bytes
    nodes: dict[bytes, bytes]


def build(entries: Mapping[bytes, Entry]) -> Built:
    """The manifest of these entries, by path as UTF-8 (checked with ``check_path``).

    Raises:
        InvalidInput: a path is both a file and a folder.
    """
    keys = sorted(entries)
    _refuse_files_that_are_folders(keys, entries)
    nodes: dict[bytes, bytes] = {}
    children: list[Child] = []
    start = 0
    for end in cut_points(keys, 0):
        part = keys[start:end]
        children.append(_leaf(part, [entries[key] for key in part], nodes))
        start = end
    return Built(_upwards(children, nodes), nodes)


def edit(nodes: Nodes, root: bytes, changes: Mapping[bytes, Entry | None]) -> Built:
    """The manifest after changes: a new entry per path, or None where it is gone.

    Only leaves that hold a changed path are read and written again, and the nodes above them.

    Raises:
        InvalidInput: a path would be both a file and a folder.
    """
    if not changes:
        return Built(root, {})
    known = {root}
    leaves = _leaves_below(nodes, root, known)
    new: dict[bytes, bytes] = {}
    children = _edited_leaves(nodes, leaves, changes, new)
    top = _upwards(children, new)
    built = Built(top, {digest: content for digest, content in new.items() if digest not in known})
    _check_added(nodes, built, changes)
    return built


def _leaf(keys: list[bytes], entries: list[Entry], nodes: dict[bytes, bytes]) -> Child:
    kinds, sizes, digests = zip(*entries, strict=True)
    content = encode(Node(0, tuple(keys), digests, sizes, kinds))
    digest = digest_of_node(content)
    nodes[digest] = content
    return Child(keys[0], digest, sum(sizes), len(keys))


def _upwards(children: list[Child], nodes: dict[bytes, bytes]) -> bytes:
    """Add the levels above the leaves, up to the one root, and return its digest."""
    if not children:
        content = encode(Node(0, (), (), (), ()))
        root = digest_of_node(content)
        nodes[root] = content
        return root
    level = 0
    while len(children) > 1:
        level += 1
        parents = []
        start = 0
        for end in cut_points([child.key for child in children], level):
            part = children[start:end]
            start = end
            keys, digests, sizes, counts = zip(*part, strict=True)
            content = encode(Node(level, keys, digests, sizes, counts))
            digest = digest_of_node(content)
            nodes[digest] = content
            parents.append(Child(keys[0], digest, sum(sizes), sum(counts)))
        children = parents
    return children[0].digest


def _leaves_below(nodes: Nodes, root: bytes, known: set[bytes]) -> list[Child]:
    """All leaves as their parents know them: a fiftieth of the tree, read level by level.

    The digests of all nodes are added to ``known``.
    """
    top = decode(nodes.read_many([root])[0])
    if top.level == 0:
        return [Child(top.keys[0], root, sum(top.sizes), len(top.keys))] if top.keys else []
    level = [top]
    while True:
        children = [
            Child(*child)
            for node in level
            for child in zip(node.keys, node.digests, node.sizes, node.tags, strict=True)
        ]
        known.update(child.digest for child in children)
        if level[0].level == 1:
            return children
        level = [decode(c) for c in nodes.read_many([child.digest for child in children])]


def _edited_leaves(
    nodes: Nodes,
    leaves: list[Child],
    changes: Mapping[bytes, Entry | None],
    new: dict[bytes, bytes],
) -> list[Child]:
    first_keys = [leaf.key for leaf in leaves]
    per_leaf: dict[int, dict[bytes, Entry | None]] = {}
    for key, entry in changes.items():
        place = max(bisect_right(first_keys, key) - 1, 0)
        per_leaf.setdefault(place, {})[key] = entry
    touched = [leaves[place].digest for place in sorted(per_leaf) if place < len(leaves)]
    read = dict(zip(touched, nodes.read_many(touched), strict=True))
    writer = _LeafWriter(new)
    for place in range(max(len(leaves), 1)):
        mine = per_leaf.get(place)
        if mine is None and not writer.waiting:
            writer.done.append(leaves[place])
            continue
        held: dict[bytes, Entry] = {}
        if place < len(leaves):
            digest = leaves[place].digest
            held = entries_of(decode(read.get(digest) or nodes.read_many([digest])[0]))
        for key, entry in (mine or {}).items():
            if entry is None:
                held.pop(key, None)
            else:
                held[key] = entry
        writer.take(held)
    writer.finish()
    return writer.done


def entries_of(node: Node) -> dict[bytes, Entry]:
    """The entries of a leaf by path."""
    return dict(
        zip(
            node.keys,
            map(Entry._make, zip(node.tags, node.sizes, node.digests, strict=True)),
            strict=True,
        )
    )


class _LeafWriter:
    """Cuts a stream of entries into leaves by the same rule as ``cut_points``."""

    def __init__(self, new: dict[bytes, bytes]) -> None:
        self.done: list[Child] = []
        self._new = new
        self._keys: list[bytes] = []
        self._entries: list[Entry] = []
        self._ends = ends_node(0)

    @property
    def waiting(self) -> bool:
        """Whether entries wait for the end of their leaf, so that the next leaf is needed too."""
        return bool(self._keys)

    def take(self, entries: Mapping[bytes, Entry]) -> None:
        for key in sorted(entries):
            self._keys.append(key)
            self._entries.append(entries[key])
            count = len(self._keys)
            if count == LARGEST or (count >= SMALLEST and self._ends(key)):
                self.finish()

    def finish(self) -> None:
        if self._keys:
            self.done.append(_leaf(self._keys, self._entries, self._new))
            self._keys, self._entries = [], []


def _parents(key: bytes) -> Iterable[bytes]:
    at = key.rfind(b"/")
    while at > 0:
        key = key[:at]
        yield key
        at = key.rfind(b"/")


def _refuse_files_that_are_folders(keys: list[bytes], entries: Mapping[bytes, Entry]) -> None:
    folders: set[bytes] = set()
    for key in keys:
        at = key.rfind(b"/")
        while at > 0:
            folder = key[:at]
            if folder in folders:
                break
            folders.add(folder)
            at = folder.rfind(b"/")
    for folder in folders:
        if folder in entries:
            raise _both(folder)


def _check_added(nodes: Nodes, built: Built, changes: Mapping[bytes, Entry | None]) -> None:
    from millwright.data.trees.nodes import NodesInMemory
    from millwright.data.trees.reading import has_below, lookup_many

    added = [key for key, entry in changes.items() if entry is not None]
    together = NodesInMemory(built.nodes, nodes)
    above = {parent for key in added for parent in _parents(key)}
    for folder in lookup_many(together, built.root, above):
        raise _both(folder)
    for key in has_below(together, built.root, added):
        raise _both(key)


def _both(key: bytes) -> InvalidInput:
    return InvalidInput(
        "data.path",
        f"'{key.decode()}' is a file or an empty folder, and a folder with files in it.",
        hint="Remove one of the two.",
        value=key.decode(),
    )
