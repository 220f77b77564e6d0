"""`mw data list` and `mw data show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import (
    JSON,
    PROJECT,
    amount,
    counted,
    first_names,
    opened,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from millwright.data.records import DatasetVersion
    from millwright.data.storage.records import Tombstone
    from millwright.kernel.graph import ImpactReport


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
        click.echo("There are no datasets yet. Add one with: mw data add PATH")
    for item in () if as_json else found:
        latest = item.latest
        content = (
            f"{latest.files:>12,} files             "
            if latest.kind == "files"
            else f"{latest.rows:>12,} rows {len(latest.columns):>4} columns "
        )
        click.echo(
            f"{latest.reference:<24} {content}{amount(latest.size):>10}  {latest.created_at}  "
            f"{latest.source}"
        )


@click.command()
@click.argument("name", metavar="NAME[@VERSION]")
@PROJECT
@JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """What is in a version, and what came of it: runs, models, deployments."""
    from millwright.data.client import get_profile, get_version
    from millwright.data.references import split
    from millwright.data.storage.client import list_tombstones
    from millwright.kernel.graph_client import get_impact

    dataset, selector = split(name)
    with opened(project) as (door, project_name):
        version = get_version(door, project_name, dataset, selector)
        impact = get_impact(door, project_name, f"dataset:{version.id}")
        stones = [
            one
            for one in list_tombstones(door, project_name, dataset)
            if one.version == version.version
        ]
        profile = None
        if version.kind == "table":
            profile = get_profile(door, project_name, dataset, version.version)
    if as_json:
        print_json(
            {
                "version": version.model_dump(),
                "impact": impact.model_dump(),
                "profile": profile.model_dump() if profile else None,
                "erased": [one.model_dump() for one in stones],
            }
        )
        return
    content = f"{version.rows:,} rows" if profile else counted(version.files, "file")
    # A merge has no source but itself.
    origin = "" if version.source == version.message else f", from {version.source or 'unknown'}"
    click.echo(f"{version.reference}: {content}{origin}")
    if version.message:
        click.echo(f"  {version.message}")
    for column in profile.columns if profile else ():
        click.echo(
            f"  {column.name:<28} {column.kind:<12} "
            f"{column.nulls / max(version.rows, 1):>6.1%} "
            f"empty {column.distinct:>10,} distinct  {_summary(column)}"
        )
    _show_standing(version)
    _show_traces(impact, stones)


def _show_standing(version: DatasetVersion) -> None:
    """Whether a version may feed runs, where its checks have something to say on that."""
    if version.standing.verdict != "blocked":
        return
    override = version.standing.override
    told = (
        f"may feed runs all the same: {override}"
        if override
        else f"no run may read it: mw data check {version.reference}"
    )
    click.echo(f"  contract   broken; {told}")


def _show_traces(impact: ImpactReport, stones: Sequence[Tombstone]) -> None:
    """What came of a version, and what was erased from it."""
    for verb, nodes in (
        ("read by", impact.of_kind("run")),
        ("model", impact.of_kind("model-version")),
        ("served by", impact.of_kind("deployment")),
    ):
        if nodes:
            click.echo(f"  {verb:<10} {first_names([node.label for node in nodes])}")
    for one in stones:
        what = counted(one.rows, "row") if one.rows else counted(one.paths, "file")
        click.echo(f"  erased     {what} on {one.erased_at} by {one.erased_by}: {one.reason}")


def _summary(column: Any) -> str:
    from millwright.kernel.clock import rfc3339

    if column.kind == "time" and column.minimum is not None:
        return f"{rfc3339(int(column.minimum))} to {rfc3339(int(column.maximum))}"
    if column.mean is not None:
        return f"{column.minimum:,.6g} to {column.maximum:,.6g}, mean {column.mean:,.6g}"
    return ", ".join(f"{top.value} ({top.count:,})" for top in column.top[:3])
