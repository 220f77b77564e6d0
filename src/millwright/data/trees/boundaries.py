"""Where one node ends and the next begins, decided by the keys alone.

A change of content never moves a boundary, and an added or removed path moves at most those until
the next chosen one: the idea of prolly trees (Noms, Dolt), with a smallest size so that the tree
is low whatever the paths, and a largest so that no node is slow to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

SMALLEST = 8
LARGEST = 512
_MEAN_BEYOND_SMALLEST = 48
_LIMIT = (1 << 32) // _MEAN_BEYOND_SMALLEST
_SPREAD = 2654435761
"""Knuth's multiplier: CRC-32 alone leaves numbered names in visible patterns."""


def ends_node(level: int) -> Callable[[bytes], bool]:
    """Whether a key, at this level of the tree, asks for a boundary behind it."""

    def ends(key: bytes) -> bool:
        return (crc32(key, level) * _SPREAD & 0xFFFFFFFF) < _LIMIT

    return ends


def cut_points(keys: Sequence[bytes], level: int) -> list[int]:
    """The ends of the nodes of a whole level: ``keys[0:c0]``, ``keys[c0:c1]``, ….

    >>> cut_points([b"a", b"b"], 0)
    [2]
    """
    ends = ends_node(level)
    found: list[int] = []
    start = 0
    for place in [n for n, key in enumerate(keys, start=1) if ends(key)]:
        while place - start > LARGEST:
            start += LARGEST
            found.append(start)
        if place - start >= SMALLEST:
            found.append(place)
            start = place
    while len(keys) - start > LARGEST:
        start += LARGEST
        found.append(start)
    if start < len(keys):
        found.append(len(keys))
    return found
