"""The lineage graph through the one door."""

from __future__ import annotations

from collections.abc import Sequence

from millwright.kernel.door import Door
from millwright.kernel.graph import ImpactReport, LineageGraph
from millwright.kernel.lineage import Direction


def get_lineage(
    door: Door,
    project: str,
    subject: str,
    *,
    depth: int = 10,
    direction: Direction = "both",
    kinds: Sequence[str] | None = None,
) -> LineageGraph:
    """What is around a subject; arguments and errors as in ``kernel.graph.graph_around``."""
    answer = door.get(
        f"/projects/{project}/lineage",
        node=subject,
        depth=depth,
        direction=direction,
        kinds=None if kinds is None else ",".join(kinds),
    )
    return LineageGraph.model_validate(answer)


def get_impact(door: Door, project: str, subject: str) -> ImpactReport:
    """What is affected if a subject was wrong; raises ``NotFound`` where nothing is called that."""
    return ImpactReport.model_validate(door.get(f"/projects/{project}/impact", node=subject))
