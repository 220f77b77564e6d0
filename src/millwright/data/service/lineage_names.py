"""Versions as nodes of the lineage graph: what they are called, and which one a name means."""

from __future__ import annotations

from sqlalchemy import Connection, select

from millwright.data import references
from millwright.data.service.queries import find_row
from millwright.data.tables import dataset_versions
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.nodes import LineageNode, describes, finds

_V = dataset_versions.c


@finds("dataset")
def find(connection: Connection, project: str, text: str) -> list[str]:
    """The version that a reference or an id means; all versions where it is only a name."""
    here = select(_V.id).where(_V.project == project)
    name, at, _ = text.partition("@")
    named = here.where(_V.name == name).order_by(_V.version.desc())
    if not at:
        found = connection.execute(named).scalars().all()
        return list(found or connection.execute(here.where(_V.id == text)).scalars())
    if connection.execute(named.limit(1)).first() is None:
        return []
    try:
        return [str(find_row(connection, project, *references.split(text)).id)]
    except (NotFound, InvalidInput):
        return []


@describes("dataset")
def describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    """Dataset versions in the lineage graph."""
    rows = connection.execute(
        select(_V.id, _V.name, _V.version).where(_V.project == project, _V.id.in_(ids))
    )
    return {
        f"dataset:{row.id}": LineageNode(
            id=f"dataset:{row.id}",
            kind="dataset",
            label=f"{row.name}@{row.version}",
            href=f"/data/{row.name}?version={row.version}",
            details={"name": row.name, "version": row.version},
        )
        for row in rows
    }
