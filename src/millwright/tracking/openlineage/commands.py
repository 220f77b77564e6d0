"""``mw export openlineage``."""

from __future__ import annotations

import json
from typing import Any, TextIO

import click


@click.command("openlineage")
@click.option("--project", help="Whose runs; by default the project of this folder.")
@click.option(
    "--output", "-o", type=click.File("w", atomic=True), default="-", help="A file to write."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array, not one event per line.")
def export_openlineage(project: str | None, output: TextIO, as_json: bool) -> None:
    """Write runs and pipeline runs as OpenLineage RunEvents, one per line, oldest first."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    told: list[dict[str, Any]] = []
    count = 0
    with connect() as door:
        after: int | None = 0
        while after is not None:
            page = door.get(
                f"/projects/{project or project_here()}/lineage/openlineage", after=after
            )
            after = page["next"]
            count += len(page["events"])
            if as_json:
                told.extend(page["events"])
                continue
            for event in page["events"]:
                output.write(json.dumps(event) + "\n")
    if as_json:
        output.write(json.dumps(told, indent=1) + "\n")
    click.echo(f"{count:,} events.", err=True)
