"""`mw data add`."""

from __future__ import annotations

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json


@click.command()
@click.argument("name")
@click.argument("file")
@PROJECT
@JSON
def add(name: str, file: str, project: str | None, as_json: bool) -> None:
    """Keep FILE (CSV, Parquet, folder, pattern or address) as the next version of NAME."""
    from millwright.data.client import snapshot
    from millwright.data.reading import read_table

    table = read_table(file)
    with opened(project) as (door, project_name):
        version = snapshot(door, project_name, name, table, file)
    if as_json:
        print_json(version.model_dump())
        return
    click.echo(
        f"{version.reference}: {version.rows:,} rows, {len(version.columns)} columns, "
        f"{version.size / 1e6:.1f} MB, digest {version.digest[:12]}."
    )
