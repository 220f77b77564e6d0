"""What schedules and triggers have in common: a name, an origin in ``millwright.yaml``, commands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

    from millwright.kernel.door import Door
    from millwright.kernel.errors import Conflict
    from millwright.kernel.nodes import LineageNode

C = TypeVar("C")
Kind = Literal["schedule", "trigger"]


def stands_in_file(kind: Kind, name: str) -> Conflict:
    """The error for changing what the project file declares."""
    from millwright.kernel.errors import Conflict

    return Conflict(
        f"{kind}s.declared",
        f"The {kind} '{name}' stands in millwright.yaml.",
        hint="Change or remove it there; the control plane sees it at once.",
        value=name,
    )


def lineage_nodes(
    kind: Kind, table: Table, connection: Connection, project: str, ids: list[str]
) -> dict[str, LineageNode]:
    """How schedules or triggers with these ids stand in the lineage graph."""
    from sqlalchemy import select

    from millwright.kernel.nodes import LineageNode

    columns = table.c
    query = select(columns.id, columns.name).where(columns.project == project, columns.id.in_(ids))
    return {
        f"{kind}:{row.id}": LineageNode(
            id=f"{kind}:{row.id}", kind=kind, label=row.name, href="/schedules"
        )
        for row in connection.execute(query)
    }


@contextmanager
def opened(client: Callable[[Door, str], C]) -> Iterator[C]:
    """A client for the project of the folder we are in."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import project_of

    workspace = Workspace.find()
    with connect(workspace) as door:
        yield client(door, project_of(workspace))


def told(as_json: bool, found: Any, sentence: str) -> None:
    """Print what came of a command, for machines or for people."""
    import click

    click.echo(json.dumps(found, indent=2) if as_json else sentence)
