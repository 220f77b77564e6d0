"""Walking the lineage graph: what a thing came of, and what came of it.

Some things last: a deployment serves one version after another, a registered model has many. The
walk arrives at them but does not pass through them, or everything that was ever served would be the
lineage of everything else. What belongs to one version only (its windows) has an edge of its own
from that version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from millwright.kernel.record import Record
from millwright.kernel.tables import lineage

Direction = Literal["up", "down", "both"]
MOST_EDGES = 5000
_AT_ONCE = 400


class LineageEdge(Record):
    """``target`` came of ``source``; nodes are written ``kind:id``."""

    source: str
    target: str


@dataclass(frozen=True)
class Walk:
    """What a walk found."""

    edges: tuple[LineageEdge, ...]
    distance: dict[str, int]
    """The fewest steps to each node reached, the start (0) included."""
    truncated: bool
    """Whether there is more than the limit on depth or edges let through."""


def kind_of(node: str) -> str:
    """The kind in a node's name.

    >>> kind_of("model-version:1")
    'model-version'
    """
    return node.partition(":")[0]


def walk(
    connection: Connection,
    project: str,
    start: str | Sequence[str],
    *,
    depth: int = 10,
    direction: Direction = "both",
    limit: int = MOST_EDGES,
    lasting: Collection[str] = (),
) -> Walk:
    """The edges reachable from some nodes, upstream, downstream, or each way from them.

    ``both`` walks up and then down, never up again from a descendant: the siblings of a node are
    not its lineage.

    Args:
        connection: where the graph is read.
        project: whose graph.
        start: one node or several.
        depth: how many steps at most.
        direction: towards what it came of, what came of it, or both.
        limit: how many edges at most.
        lasting: kinds that are reached and not passed through, unless the walk starts there.
    """
    begin = [start] if isinstance(start, str) else list(start)
    found: dict[tuple[str, str], None] = {}
    distance = dict.fromkeys(begin, 0)
    truncated = False
    for upstream in (True, False):
        if direction in (("up" if upstream else "down"), "both"):
            reached = {
                node: steps for node, steps in distance.items() if steps == 0 and node in begin
            }
            rows = _Rows(connection, project, upstream=upstream)
            truncated |= _follow(rows, reached, found, depth, limit, lasting)
            distance = {**reached, **distance}
    edges = tuple(LineageEdge(source=source, target=target) for source, target in found)
    return Walk(edges, distance, truncated)


class _Rows:
    """Edges at nodes, in one direction."""

    def __init__(self, connection: Connection, project: str, *, upstream: bool) -> None:
        self._connection, self._project = connection, project
        ends = (lineage.c.target, lineage.c.source)
        self._near, self._far = ends if upstream else ends[::-1]

    def at(self, nodes: Sequence[str], limit: int) -> Iterable[tuple[str, str, str]]:
        """Source, target and the far end of at most ``limit`` edges, the oldest first."""
        for place in range(0, len(nodes), _AT_ONCE):
            query = (
                select(lineage.c.source, lineage.c.target, self._far)
                .where(
                    lineage.c.project == self._project,
                    self._near.in_(nodes[place : place + _AT_ONCE]),
                )
                .order_by(lineage.c.event)
                .limit(limit)
            )
            for row in self._connection.execute(query):
                yield row[0], row[1], row[2]


def _follow(
    rows: _Rows,
    reached: dict[str, int],
    found: dict[tuple[str, str], None],
    depth: int,
    limit: int,
    lasting: Collection[str],
) -> bool:
    """Walk one way, adding to ``reached`` and ``found``; whether something was left out."""
    frontier = list(reached)
    for steps in range(1, depth + 1):
        fresh: list[str] = []
        for source, target, far in rows.at(frontier, limit + 1):
            if (source, target) not in found and len(found) >= limit:
                return True
            found[(source, target)] = None
            if far not in reached:
                reached[far] = steps
                if kind_of(far) not in lasting:
                    fresh.append(far)
        frontier = fresh
        if not frontier:
            return False
    return next(iter(rows.at(frontier, 1)), None) is not None


def only_kinds(
    edges: Sequence[LineageEdge], kept: Callable[[str], bool]
) -> tuple[LineageEdge, ...]:
    """The graph with some nodes left out: what was connected through them is connected directly.

    >>> edges = [LineageEdge(source="a:1", target="b:1"), LineageEdge(source="b:1", target="c:1")]
    >>> [(e.source, e.target) for e in only_kinds(edges, lambda node: not node.startswith("b"))]
    [('a:1', 'c:1')]
    """
    targets: dict[str, list[str]] = {}
    for edge in edges:
        targets.setdefault(edge.source, []).append(edge.target)
    short: dict[tuple[str, str], None] = {}
    for source in targets:
        if not kept(source):
            continue
        waiting, seen = list(targets[source]), set()
        while waiting:
            node = waiting.pop(0)
            if node in seen:
                continue
            seen.add(node)
            if kept(node):
                short[(source, node)] = None
            else:
                waiting.extend(targets.get(node, ()))
    return tuple(LineageEdge(source=source, target=target) for source, target in short)
