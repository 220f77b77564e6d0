"""Walking the lineage graph: what a thing came of, and what came of it."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, select

from millwright.kernel.record import Record
from millwright.kernel.tables import lineage


class LineageEdge(Record):
    """``target`` came of ``source``; nodes are written ``kind:id``."""

    source: str
    target: str


def walk(
    connection: Connection,
    project: str,
    node: str,
    *,
    depth: int = 10,
    direction: Literal["up", "down", "both"] = "both",
    limit: int = 2000,
) -> list[LineageEdge]:
    """The edges reachable from a node, upstream, downstream, or each way from it.

    ``both`` walks up from the node and down from it, never up again from a descendant: the
    siblings of a node are not its lineage.
    """
    found: dict[tuple[str, str], None] = {}
    if direction in ("up", "both"):
        _follow(connection, project, node, depth, limit, found, upstream=True)
    if direction in ("down", "both"):
        _follow(connection, project, node, depth, limit, found, upstream=False)
    return [LineageEdge(source=source, target=target) for source, target in found]


def _follow(
    connection: Connection,
    project: str,
    node: str,
    depth: int,
    limit: int,
    found: dict[tuple[str, str], None],
    *,
    upstream: bool,
) -> None:
    near, far = lineage.c.source, lineage.c.target
    if upstream:
        near, far = far, near
    frontier, seen = [node], {node}
    for _ in range(depth):
        if not frontier or len(found) >= limit:
            return
        query = (
            select(lineage.c.source, lineage.c.target)
            .where(lineage.c.project == project, near.in_(frontier[:500]))
            .order_by(lineage.c.event)
            .limit(limit)
        )
        frontier = []
        for row in connection.execute(query):
            found[(row.source, row.target)] = None
            reached = row._mapping[far]
            if reached not in seen:
                seen.add(reached)
                frontier.append(reached)
