"""The command line of `mw init`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.cli.init.creation import Created


@click.command()
@click.argument("name")
@click.option("--data", "source", required=True, help="CSV or Parquet file, folder or address.")
@click.option("--target", required=True, help="The column to predict.")
@click.option("--time", help="The column with the moment at which a prediction is made.")
@click.option("--entity", multiple=True, help="Column that names what a row is about; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def init(
    name: str,
    source: str,
    target: str,
    time: str | None,
    entity: tuple[str, ...],
    as_json: bool,
) -> None:
    """Start a project: look at the data and write NAME/millwright.yaml.

    NAME is a new folder, or . for the current one. Nothing that exists is overwritten.
    """
    from millwright.cli.init.creation import create_project

    created = create_project(name, source, target=target, time=time, entity=entity)
    if as_json:
        click.echo(json.dumps(created.model_dump(mode="json"), indent=2))
    else:
        _tell(created, enter=name != ".")


def _tell(created: Created, *, enter: bool) -> None:
    click.echo(f"Wrote {created.file}")
    click.echo(f"  rows     {created.rows:,}")
    click.echo(f"  task     {created.task}: {created.question}")
    click.echo(f"  time     {created.time or 'none: rows are split at random'}")
    if created.slices:
        click.echo(f"  slices   {', '.join(created.slices)}")
    for note in created.notes:
        click.echo(f"  note     {note}")
    click.echo(
        "Read it, change what you like, then: "
        + (f"cd {created.folder} && " if enter else "")
        + "mw run"
    )
