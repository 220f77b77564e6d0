"""Versions as nodes of the lineage graph: what they are called, and what came of them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from millwright.data.records import Impact
from millwright.data.service.queries import get_version
from millwright.data.tables import dataset_versions
from millwright.kernel.lineage import walk
from millwright.kernel.nodes import LineageNode, describe_nodes, describes
from millwright.kernel.store import Store

_MOST_EDGES = 5000
_PLACES = {"run": "runs", "model-version": "models", "deployment": "deployments"}
_WATCHING = ("window", "alert")
"""What is measured of a deployment, which came of the data only in name."""


def impact(store: Store, project: str, name: str, version: str) -> Impact:
    """Which runs read a version, which models came of it, which deployments serve those."""
    found = get_version(store, project, name, version)
    with store.read() as connection:
        edges = walk(
            connection, project, f"dataset:{found.id}", direction="down", limit=_MOST_EDGES
        )
        reached = list(dict.fromkeys(edge.target for edge in edges))
        wanted = [node for node in reached if node.partition(":")[0] not in _WATCHING]
        nodes = describe_nodes(connection, project, wanted)
    by_place: dict[str, list[LineageNode]] = {}
    for node in nodes:
        by_place.setdefault(_PLACES.get(node.kind, "other"), []).append(node)
    return Impact(
        id=found.id,
        name=found.name,
        version=found.version,
        truncated=len(edges) >= _MOST_EDGES,
        **{place: tuple(listed) for place, listed in by_place.items()},
    )


@describes("dataset")
def describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    """Dataset versions in the lineage graph."""
    table = dataset_versions
    rows = connection.execute(
        select(table.c.id, table.c.name, table.c.version).where(
            table.c.project == project, table.c.id.in_(ids)
        )
    )
    return {
        f"dataset:{row.id}": LineageNode(
            id=f"dataset:{row.id}",
            kind="dataset",
            label=f"{row.name}@{row.version}",
            href=f"/data/{row.name}?version={row.version}",
        )
        for row in rows
    }
