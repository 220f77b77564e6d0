"""The lineage graph over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.graph import ImpactReport, LineageGraph, graph_around
from millwright.kernel.graph import impact_of as impact
from millwright.kernel.lineage import MOST_EDGES, Direction
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="lineage")
Subject = Annotated[str, Query(min_length=1, max_length=300)]


@router.get("/projects/{project}/lineage", permission=Permission.READ)
def lineage_of(
    project: Name,
    node: Subject,
    depth: int = Query(10, ge=1, le=50),
    direction: Direction = "both",
    kinds: Annotated[str | None, Query(max_length=500)] = None,
    limit: int = Query(MOST_EDGES, ge=1, le=20_000),
    call: Call = Depends(current_call),
) -> LineageGraph:
    """What a thing came of, and what came of it.

    ``node`` is ``kind:id``, or what people call it (``flights@3``, ``late@champion``). ``kinds``
    (``run,model-version``) leaves other things out and connects what they connected.
    """
    wanted = None if kinds is None else [kind.strip() for kind in kinds.split(",")]
    with call.store.read() as connection:
        return graph_around(
            connection,
            project,
            node,
            depth=depth,
            direction=direction,
            kinds=wanted,
            limit=limit,
        )


@router.get("/projects/{project}/impact", permission=Permission.READ)
def impact_of(
    project: Name,
    node: Subject,
    depth: int = Query(30, ge=1, le=50),
    limit: int = Query(MOST_EDGES, ge=1, le=20_000),
    call: Call = Depends(current_call),
) -> ImpactReport:
    """What is affected if this was wrong, across all rooms: runs, models, deployments, windows of
    predictions, alerts. What was trained anew afterwards, on other data, is not."""
    with call.store.read() as connection:
        return impact(connection, project, node, depth=depth, limit=limit)
