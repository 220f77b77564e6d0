"""Reading manifests: one path, a folder, a pattern, or everything, in the order of the paths."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from millwright.data.trees.building import entries_of
from millwright.data.trees.entries import Entry
from millwright.data.trees.nodes import Node, Nodes, decode, digests_in, level_of

_BATCH = 64


class Totals(NamedTuple):
    """How much is in a manifest or below a folder: entries, and bytes of their content."""

    entries: int
    size: int


class FolderItem(NamedTuple):
    """A name in a folder: an entry, or the totals of a folder below."""

    name: str
    entry: Entry | None
    below: Totals | None


def totals(nodes: Nodes, root: bytes) -> Totals:
    """How many entries and bytes a manifest has; reads one node."""
    node = decode(nodes.read_many([root])[0])
    return Totals(sum(node.tags) if node.level else len(node.keys), sum(node.sizes))


def walk(nodes: Nodes, root: bytes, after: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
    """All entries whose path is greater than ``after``, by path; memory for a few nodes only."""
    yield from _walk(nodes, decode(nodes.read_many([root])[0]), after, None)


def walk_under(
    nodes: Nodes, root: bytes, folder: bytes, after: bytes = b""
) -> Iterator[tuple[bytes, Entry]]:
    """The entries below a folder (not itself); everything where ``folder`` is empty."""
    if not folder:
        yield from walk(nodes, root, after)
        return
    # "0" is the byte after "/": every path below the folder is less.
    lower = max(after, folder + b"/")
    yield from _walk(nodes, decode(nodes.read_many([root])[0]), lower, folder + b"0")


def _walk(
    nodes: Nodes, node: Node, after: bytes, before: bytes | None
) -> Iterator[tuple[bytes, Entry]]:
    end = len(node.keys) if before is None else bisect_left(node.keys, before)
    if node.level == 0:
        start = bisect_right(node.keys, after)
        for place in range(start, end):
            yield (
                node.keys[place],
                Entry(node.tags[place], node.sizes[place], node.digests[place]),
            )
        return
    start = max(bisect_right(node.keys, after) - 1, 0)
    for batch in range(start, end, _BATCH):
        for content in nodes.read_many(node.digests[batch : min(batch + _BATCH, end)]):
            yield from _walk(nodes, decode(content), after, before)


def lookup(nodes: Nodes, root: bytes, path: bytes) -> Entry | None:
    """The entry of a path, or None; reads one node per level."""
    return lookup_many(nodes, root, [path]).get(path)


def lookup_many(nodes: Nodes, root: bytes, paths: Iterable[bytes]) -> dict[bytes, Entry]:
    """The entries of those paths that have one; each node is read once."""
    found: dict[bytes, Entry] = {}
    wanted: dict[bytes, list[bytes]] = {root: sorted(paths)}
    while any(wanted.values()):
        digests = [digest for digest, keys in wanted.items() if keys]
        below: dict[bytes, list[bytes]] = {}
        for digest, content in zip(digests, nodes.read_many(digests), strict=True):
            node = decode(content)
            if node.level == 0:
                held = entries_of(node)
                found.update({key: held[key] for key in wanted[digest] if key in held})
                continue
            for key in wanted[digest]:
                place = bisect_right(node.keys, key) - 1
                if place >= 0:
                    below.setdefault(node.digests[place], []).append(key)
        wanted = below
    return found


def has_below(nodes: Nodes, root: bytes, paths: Iterable[bytes]) -> list[bytes]:
    """Those of the paths that have entries below them, as a folder has; each node is read once."""
    found: list[bytes] = []
    # Where to look for the first path at or after ``folder/``, and which one comes after that node.
    wanted = {root: [(path + b"/", b"") for path in sorted(paths)]}
    while wanted:
        below: dict[bytes, list[tuple[bytes, bytes]]] = {}
        contents = nodes.read_many(list(wanted))
        for folders, content in zip(wanted.values(), contents, strict=True):
            node = decode(content)
            for folder, after in folders:
                if node.level == 0:
                    place = bisect_left(node.keys, folder)
                    first = node.keys[place] if place < len(node.keys) else after
                    if first.startswith(folder):
                        found.append(folder[:-1])
                    continue
                place = max(bisect_right(node.keys, folder) - 1, 0)
                following = node.keys[place + 1] if place + 1 < len(node.keys) else after
                below.setdefault(node.digests[place], []).append((folder, following))
        wanted = below
    return found


def list_folder(
    nodes: Nodes, root: bytes, folder: bytes = b"", after_name: bytes = b""
) -> Iterator[FolderItem]:
    """The names directly in a folder behind ``after_name``; folders with what is below them.

    An empty folder is an item whose entry says so. Nothing is given for a folder that is not there.
    """
    start = len(folder) + 1 if folder else 0
    prefix = folder + b"/" if folder else b""
    after = prefix + after_name if after_name else b""
    if after_name and has_below(nodes, root, [after]):
        after += b"/\xff"
    while True:
        key, entry = next(walk_under(nodes, root, folder, after), (b"", None))
        if entry is None:
            return
        name, slash, _ = key[start:].partition(b"/")
        if not slash:
            # Files come one after another until the first folder.
            for key, entry in walk_under(nodes, root, folder, after):
                name, slash, _ = key[start:].partition(b"/")
                if slash:
                    break
                yield FolderItem(name.decode(), entry, None)
                after = key
            else:
                return
        below = key[: start + len(name)]
        yield FolderItem(name.decode(), None, totals_under(nodes, root, below))
        # Behind all paths of the folder: UTF-8 has no such byte.
        after = below + b"/\xff"


def totals_under(nodes: Nodes, root: bytes, folder: bytes) -> Totals:
    """How many entries and bytes are below a folder; reads the nodes at its two ends."""
    if not folder:
        return totals(nodes, root)
    return _totals_between(nodes, root, folder + b"/", folder + b"0")


def _totals_between(nodes: Nodes, digest: bytes, lower: bytes, upper: bytes) -> Totals:
    node = decode(nodes.read_many([digest])[0])
    start, end = bisect_left(node.keys, lower), bisect_left(node.keys, upper)
    if node.level == 0:
        return Totals(end - start, sum(node.sizes[start:end]))
    # Children between two that may reach over the ends lie wholly inside.
    edges = {place for place in (start - 1, end - 1) if place >= 0}
    whole = range(start, max(end - 1, start))
    count = sum(node.tags[place] for place in whole if place not in edges)
    size = sum(node.sizes[place] for place in whole if place not in edges)
    for place in edges:
        part = _totals_between(nodes, node.digests[place], lower, upper)
        count, size = count + part.entries, size + part.size
    return Totals(count, size)


def glob(nodes: Nodes, root: bytes, pattern: str) -> Iterator[tuple[bytes, Entry]]:
    """The entries whose path matches: ``*`` and ``?`` within a name, ``**`` across folders.

    What stands before the first wildcard limits what is read.
    """
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    folder = fixed.rpartition("/")[0].encode()
    matches = re.compile(_expression(pattern), re.DOTALL).fullmatch
    if fixed == pattern:
        entry = lookup(nodes, root, pattern.encode())
        if entry is not None:
            yield pattern.encode(), entry
            return
    for key, entry in walk_under(nodes, root, folder):
        if matches(key.decode()):
            yield key, entry


def _expression(pattern: str) -> str:
    found = []
    for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|[^*?\[]+|\[", pattern):
        if part == "**/":
            found.append("(?:.*/)?")
        elif part == "**":
            found.append(".*")
        elif part == "*":
            found.append("[^/]*")
        elif part == "?":
            found.append("[^/]")
        elif part.startswith("[") and len(part) > 2:
            inside = part[1:-1].replace("\\", "\\\\").replace("!", "^", part[1] == "!")
            found.append(f"[{inside}]")
        else:
            found.append(re.escape(part))
    return "".join(found)


def node_digests(nodes: Nodes, root: bytes, known: set[bytes] | None = None) -> Iterator[bytes]:
    """The digests of all nodes of a manifest, the root first.

    Nodes in ``known`` are skipped with all below them, and those found are added to it: what is
    shared with another version is gone through once.
    """
    seen = known if known is not None else set()
    frontier = [root]
    while frontier:
        fresh = [digest for digest in dict.fromkeys(frontier) if digest not in seen]
        seen.update(fresh)
        yield from fresh
        frontier = []
        for start in range(0, len(fresh), _BATCH):
            for content in nodes.read_many(fresh[start : start + _BATCH]):
                if level_of(content):
                    frontier.extend(digests_in(content))
