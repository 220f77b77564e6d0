"""The bytes of a node: columns of names, digests, numbers and kinds (``docs/formats.md``, Trees).

Columns rather than rows because they are split and joined by single calls: a node of fifty
entries is read in microseconds, without a compiled extension.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3

from millwright.kernel.errors import Corrupt

MAGIC = b"MWT1"
_HEADER = struct.Struct("<4sBBHII")
_DIGEST = 32
_MOST_ENTRIES = 1 << 16


class Nodes(Protocol):
    """Where nodes are read from: the object store, or a dictionary in tests."""

    def read_many(self, digests: Sequence[bytes]) -> list[bytes]:
        """The bytes of nodes, in the order asked for; raises ``NotFound`` or ``Unavailable``."""


class NodesInMemory:
    """Nodes in a dictionary, over others where given."""

    def __init__(self, nodes: Mapping[bytes, bytes], beneath: Nodes | None = None) -> None:
        self._nodes, self._beneath = nodes, beneath

    def read_many(self, digests: Sequence[bytes]) -> list[bytes]:
        """As ``Nodes`` says."""
        if self._beneath is None:
            return [self._nodes[digest] for digest in digests]
        absent = [digest for digest in digests if digest not in self._nodes]
        below = dict(zip(absent, self._beneath.read_many(absent), strict=True)) if absent else {}
        return [below[digest] if digest in below else self._nodes[digest] for digest in digests]


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded node. In a leaf (``level`` 0) ``tags`` are kinds, above it numbers of entries.

    ``keys`` are full paths in a leaf; above, the first path below each child.
    """

    level: int
    keys: tuple[bytes, ...]
    digests: tuple[bytes, ...]
    sizes: tuple[int, ...]
    tags: tuple[int, ...]


def digest_of_node(content: bytes) -> bytes:
    """A node's name: BLAKE3 of its bytes, as of every object."""
    return blake3(content).digest()


def encode(node: Node) -> bytes:
    """The one byte form of a node."""
    keys = node.keys
    # Keys are sorted, so what the first and last share, all share.
    cut = _shared(keys[0], keys[-1]) if keys else 0
    prefix = keys[0][:cut] if keys else b""
    names = b"\0".join([key[cut:] for key in keys])
    largest = max(max(node.sizes, default=0), max(node.tags, default=0) if node.level else 0)
    number = "I" if largest < 1 << 32 else "Q"
    count = len(keys)
    width = struct.calcsize(f"<{number}")
    tags = struct.pack(f"<{count}{number}", *node.tags) if node.level else bytes(node.tags)
    return b"".join(
        (
            _HEADER.pack(MAGIC, node.level, width, cut, count, len(names)),
            prefix,
            names,
            b"".join(node.digests),
            struct.pack(f"<{count}{number}", *node.sizes),
            tags,
        )
    )


def _shared(first: bytes, last: bytes) -> int:
    cut = min(len(first), len(last))
    while first[:cut] != last[:cut]:
        cut -= 1
    return cut


def decode(content: bytes) -> Node:
    """The node in these bytes.

    Raises:
        Corrupt: they are not a node, or not the one form of it.
    """
    try:
        return _decoded(content)
    except (struct.error, ValueError) as cause:
        raise Corrupt(
            "data.tree",
            f"A manifest of {len(content)} bytes is not one: {cause}.",
            hint="Check the store with: mw data fsck",
        ) from cause


def level_of(content: bytes) -> int:
    """The level of an encoded node: 0 for a leaf."""
    if content[:4] != MAGIC:
        raise Corrupt("data.tree", "A manifest's first bytes are another format's.")
    return content[4]


def digests_in(content: bytes) -> list[bytes]:
    """The digests of an encoded node, without reading its names and numbers."""
    try:
        magic, _, _, cut, count, length = _HEADER.unpack_from(content)
    except struct.error:
        magic, cut, count, length = b"", 0, 0, 0
    start = _HEADER.size + cut + length
    if magic != MAGIC or start + count * _DIGEST > len(content):
        raise Corrupt("data.tree", "A manifest's node is broken off or another format's.")
    return [content[at : at + _DIGEST] for at in range(start, start + count * _DIGEST, _DIGEST)]


def _decoded(content: bytes) -> Node:
    magic, level, width, cut, count, length = _HEADER.unpack_from(content)
    if magic != MAGIC or width not in (4, 8) or count > _MOST_ENTRIES:
        raise ValueError("its first bytes are another format's")
    place = _HEADER.size
    prefix = content[place : place + cut]
    place += cut
    names = content[place : place + length]
    place += length
    keys = [prefix + name for name in names.split(b"\0")] if count else []
    ends = place + count * _DIGEST
    digests = [content[at : at + _DIGEST] for at in range(place, ends, _DIGEST)]
    number = "I" if width == 4 else "Q"
    sizes = struct.unpack_from(f"<{count}{number}", content, ends)
    place = ends + count * width
    tags: tuple[int, ...]
    if level:
        tags = struct.unpack_from(f"<{count}{number}", content, place)
        place += count * width
    else:
        tags = tuple(content[place : place + count])
        place += count
    if len(keys) != count or len(tags) != count or place != len(content):
        raise ValueError("its columns do not have the same length")
    return Node(level, tuple(keys), tuple(digests), sizes, tags)
