"""`mw data list` and `mw data show`."""

from __future__ import annotations

from typing import Any

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json


@click.command("list")
@PROJECT
@JSON
def list_command(project: str | None, as_json: bool) -> None:
    """The datasets of the project with their latest versions."""
    from millwright.data.client import list_datasets

    with opened(project) as (door, name):
        found = list_datasets(door, name)
    if as_json:
        print_json([item.model_dump() for item in found])
    elif not found:
        click.echo("There are no datasets yet. Add one with: mw data add NAME FILE")
    for item in () if as_json else found:
        latest = item.latest
        click.echo(
            f"{latest.reference:<24} {latest.rows:>12,} rows {len(latest.columns):>4} columns "
            f"{latest.size / 1e6:>9.1f} MB  {latest.created_at}  {latest.source}"
        )


@click.command()
@click.argument("name")
@PROJECT
@JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """The columns of a version: NAME, or NAME@VERSION."""
    from millwright.data.client import Dataset, get_profile

    with opened(project) as (door, project_name):
        version = Dataset(door, project_name, name).version
        profile = get_profile(door, project_name, version.name, version.version)
    if as_json:
        print_json({"version": version.model_dump(), "profile": profile.model_dump()})
        return
    click.echo(f"{version.reference}: {version.rows:,} rows, from {version.source or 'unknown'}")
    for column in profile.columns:
        click.echo(
            f"  {column.name:<28} {column.kind:<12} {column.nulls / max(profile.rows, 1):>6.1%} "
            f"empty {column.distinct:>10,} distinct  {_summary(column)}"
        )


def _summary(column: Any) -> str:
    from millwright.kernel.clock import rfc3339

    if column.kind == "time" and column.minimum is not None:
        return f"{rfc3339(int(column.minimum))} to {rfc3339(int(column.maximum))}"
    if column.mean is not None:
        return f"{column.minimum:,.6g} to {column.maximum:,.6g}, mean {column.mean:,.6g}"
    return ", ".join(f"{top.value} ({top.count:,})" for top in column.top[:3])
