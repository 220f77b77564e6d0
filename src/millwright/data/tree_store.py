"""Manifests in the object store."""

from __future__ import annotations

from collections.abc import Sequence

from millwright.data.trees import Built, Merged
from millwright.kernel.objects import ProjectObjects


class TreeStore:
    """A project's manifests: ``trees.Nodes`` over its objects, and where new nodes are put.

    What was read or written once stays in memory, so that a comparison followed by a walk reads
    each node once.
    """

    def __init__(self, objects: ProjectObjects) -> None:
        self.objects = objects
        self._kept: dict[bytes, bytes] = {}

    def read_many(self, digests: Sequence[bytes]) -> list[bytes]:
        """The bytes of nodes, verified; raises ``NotFound`` or ``Unavailable``."""
        kept = self._kept
        absent = [digest for digest in digests if digest not in kept]
        if absent:
            if len(kept) > _KEPT_NODES:
                kept.clear()
                absent = list(digests)
            read = self.objects.read_many([digest.hex() for digest in absent])
            kept.update(zip(absent, read, strict=True))
        return [kept[digest] for digest in digests]

    def keep(self, built: Built | Merged) -> str:
        """Store the new nodes of a manifest, durable on return, and name its root."""
        if built.nodes:
            self.objects.put_many(built.nodes.values())
            self._kept.update(built.nodes)
        return built.root.hex()


_KEPT_NODES = 4096
"""About twelve megabytes."""
