"""Questions to the lineage graph: what is around a subject, and what a wrong one harms."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from millwright.kernel.lineage import MOST_EDGES, Direction, LineageEdge, kind_of, only_kinds, walk
from millwright.kernel.nodes import (
    LineageNode,
    describe_nodes,
    ends_of_impact,
    find_nodes,
    lasting_kinds,
)
from millwright.kernel.record import Record


class LineageGraph(Record):
    """Nodes and edges around a subject."""

    subject: tuple[str, ...]
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    truncated: bool
    """Whether there is more than the depth and the limit let through."""


class Affected(Record):
    """Something that a subject had a part in."""

    node: LineageNode
    distance: int
    """How many steps away it is."""
    through: str
    """The node that it came of directly."""


class ImpactReport(Record):
    """What is affected if a subject was wrong."""

    subject: tuple[LineageNode, ...]
    affected: tuple[Affected, ...]
    """The nearest first."""
    counts: dict[str, int]
    """How many there are, by kind."""
    truncated: bool

    def of_kind(self, kind: str) -> tuple[LineageNode, ...]:
        """What is affected of one kind."""
        return tuple(one.node for one in self.affected if one.node.kind == kind)


def graph_around(
    connection: Connection,
    project: str,
    subject: str,
    *,
    depth: int = 10,
    direction: Direction = "both",
    kinds: Sequence[str] | None = None,
    limit: int = MOST_EDGES,
) -> LineageGraph:
    """What a subject came of, and what came of it.

    Args:
        connection: where the graph is read.
        project: whose graph.
        subject: a node, or what people call it; see ``find_nodes``.
        depth: how many steps at most.
        direction: up, down, or both.
        kinds: leave out other kinds, and connect what they connected.
        limit: how many edges at most.

    Raises:
        NotFound: nothing is called that.
    """
    start = find_nodes(connection, project, subject)
    found = walk(
        connection,
        project,
        start,
        depth=depth,
        direction=direction,
        limit=limit,
        lasting=lasting_kinds(),
    )
    edges = found.edges
    if kinds is not None:
        edges = only_kinds(edges, lambda name: name in start or kind_of(name) in kinds)
    names = dict.fromkeys([*start, *(end for edge in edges for end in (edge.source, edge.target))])
    return LineageGraph(
        subject=tuple(start),
        nodes=tuple(describe_nodes(connection, project, list(names))),
        edges=edges,
        truncated=found.truncated,
    )


def impact_of(
    connection: Connection,
    project: str,
    subject: str,
    *,
    depth: int = 30,
    limit: int = MOST_EDGES,
) -> ImpactReport:
    """What is affected if a subject was wrong, across all rooms.

    What was trained anew afterwards, on other data, is not: a retraining is where the walk ends.

    Raises:
        NotFound: nothing is called that.
    """
    start = find_nodes(connection, project, subject)
    found = walk(
        connection,
        project,
        start,
        depth=depth,
        direction="down",
        limit=limit,
        lasting=ends_of_impact(),
    )
    through: dict[str, str] = {}
    for edge in found.edges:
        through.setdefault(edge.target, edge.source)
    reached = [name for name in through if name not in start]
    nodes = describe_nodes(connection, project, [*start, *reached])
    affected = [
        Affected(node=one, distance=found.distance[one.id], through=through[one.id])
        for one in nodes[len(start) :]
    ]
    counts: dict[str, int] = {}
    for one in affected:
        counts[one.node.kind] = counts.get(one.node.kind, 0) + 1
    return ImpactReport(
        subject=tuple(nodes[: len(start)]),
        affected=tuple(sorted(affected, key=lambda one: one.distance)),
        counts=counts,
        truncated=found.truncated,
    )
