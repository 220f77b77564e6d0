"""Merkle manifests: which file had which bytes, so that equal parts of two versions are one node.

A version of a folder is the digest of a root node. Entries stand sorted by path in leaves of about
fifty, leaves in inner nodes of about fifty, up to one root. Where a node ends is decided by
the paths alone, so two versions that share most files share most nodes, however the rest changed.
The bytes of a node are written down in ``docs/formats.md``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.data.trees.building import Built, build, edit
    from millwright.data.trees.comparing import Change, Difference, diff
    from millwright.data.trees.entries import EMPTY_FOLDER, Entry, Kind, Tombstone
    from millwright.data.trees.merging import MergeConflict, Merged, merge
    from millwright.data.trees.names import check_path, check_paths, check_target
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

_HOMES = {
    "Built": "building",
    "build": "building",
    "edit": "building",
    "Change": "comparing",
    "Difference": "comparing",
    "diff": "comparing",
    "EMPTY_FOLDER": "entries",
    "Entry": "entries",
    "Kind": "entries",
    "Tombstone": "entries",
    "MergeConflict": "merging",
    "Merged": "merging",
    "merge": "merging",
    "check_path": "names",
    "check_paths": "names",
    "check_target": "names",
    "Nodes": "nodes",
    "NodesInMemory": "nodes",
    "decode": "nodes",
    "encode": "nodes",
    "Totals": "reading",
    "glob": "reading",
    "list_folder": "reading",
    "lookup": "reading",
    "node_digests": "reading",
    "totals": "reading",
    "totals_under": "reading",
    "walk": "reading",
    "walk_under": "reading",
}
__all__ = [
    "EMPTY_FOLDER",
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
    "check_paths",
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


def __getattr__(name: str) -> Any:
    # A command that only looks at files starts without what compares and merges.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.data.trees' has no attribute '{name}'")
    return getattr(importlib.import_module(f"millwright.data.trees.{_HOMES[name]}"), name)
