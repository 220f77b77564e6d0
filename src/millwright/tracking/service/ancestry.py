"""What a run came of, as edges of the lineage graph."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from millwright.kernel.store import Edge, Node
from millwright.tracking.records import FeatureSet


@dataclass(frozen=True)
class Ancestry:
    """Edges that lead to a run, and those of their ends that no table tells of."""

    edges: tuple[Edge, ...]
    nodes: tuple[Node, ...]


def ancestry_of(
    run: str,
    *,
    inputs: Sequence[str],
    parent: str | None = None,
    features: FeatureSet | None = None,
    origin: str | None = None,
) -> Ancestry:
    """Dataset versions, features, the parent run and the pipeline run lead to a run.

    >>> found = ancestry_of("run:1", inputs=["d"], parent="0")
    >>> found.edges
    (('dataset:d', 'run:1'), ('run:0', 'run:1'))
    """
    edges = [(f"dataset:{version}", run) for version in inputs]
    if parent is not None:
        edges.append((f"run:{parent}", run))
    if origin is not None:
        edges.append((origin, run))
    if features is None:
        return Ancestry(tuple(edges), ())
    node = features_node(features)
    edges += [(f"dataset:{version}", node.name) for version in features.sources]
    return Ancestry((*edges, (node.name, run)), (node,))


def features_node(features: FeatureSet) -> Node:
    """The node of a set of features, named by what it is computed from and holds."""
    identity = "\n".join((features.name, *sorted(features.sources), "", *features.columns))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:32]
    label = f"{len(features.columns)} features of {features.name}"
    return Node(f"features:{digest}", label, {"columns": list(features.columns)})
