"""Merkle manifests: which file had which bytes, so that equal parts of two versions are one node.

A version of a folder is the digest of a root node. Entries stand sorted by path in leaves of about
fifty, leaves in inner nodes of about fifty, up to one root. Where a node ends is decided by
the paths alone, so two versions that share most files share most nodes, however the rest changed.
The bytes of a node are written down in ``docs/formats.md``.
"""

from __future__ import annotations

from millwright.data.trees.building import Built, build, edit
from millwright.data.trees.comparing import Change, Difference, diff
from millwright.data.trees.entries import Entry, Kind, Tombstone
from millwright.data.trees.merging import MergeConflict, Merged, merge
from millwright.data.trees.names import check_path, check_target
from millwright.data.trees.nodes import Nodes, NodesInMemory, decode, encode
from millwright.data.trees.reading import (
    Totals,
    glob,
    list_folder,
    lookup,
    node_digests,
    totals,
    totals_under,
    walk,
    walk_under,
)

__all__ = [
    "Built",
    "Change",
    "Difference",
    "Entry",
    "Kind",
    "MergeConflict",
    "Merged",
    "Nodes",
    "NodesInMemory",
    "Tombstone",
    "Totals",
    "build",
    "check_path",
    "check_target",
    "decode",
    "diff",
    "edit",
    "encode",
    "glob",
    "list_folder",
    "lookup",
    "merge",
    "node_digests",
    "totals",
    "totals_under",
    "walk",
    "walk_under",
]
