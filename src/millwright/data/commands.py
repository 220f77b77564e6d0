"""`mw data`: dataset versions, rules and checks."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.kernel.door import Door

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PROJECT = click.option(
    "--project", help="Project; that of the nearest millwright.yaml if omitted."
)


@click.group()
def data() -> None:
    """Dataset versions, their rules and checks."""


@data.command("list")
@_PROJECT
@_JSON
def list_command(project: str | None, as_json: bool) -> None:
    """The datasets of the project with their latest versions."""
    from millwright.data.client import list_datasets

    with _opened(project) as (door, name):
        found = list_datasets(door, name)
    if as_json:
        _print_json([item.model_dump() for item in found])
    elif not found:
        click.echo("There are no datasets yet. Add one with: mw data add NAME FILE")
    for item in () if as_json else found:
        latest = item.latest
        click.echo(
            f"{latest.reference:<24} {latest.rows:>12,} rows {len(latest.columns):>4} columns "
            f"{latest.size / 1e6:>9.1f} MB  {latest.created_at}  {latest.source}"
        )


@data.command()
@click.argument("name")
@click.argument("file")
@_PROJECT
@_JSON
def add(name: str, file: str, project: str | None, as_json: bool) -> None:
    """Keep FILE (CSV, Parquet, folder, pattern or address) as the next version of NAME."""
    from millwright.data.client import snapshot
    from millwright.data.reading import read_table

    table = read_table(file)
    with _opened(project) as (door, project_name):
        version = snapshot(door, project_name, name, table, file)
    if as_json:
        _print_json(version.model_dump())
        return
    click.echo(
        f"{version.reference}: {version.rows:,} rows, {len(version.columns)} columns, "
        f"{version.size / 1e6:.1f} MB, digest {version.digest[:12]}."
    )


@data.command()
@click.argument("name")
@_PROJECT
@_JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """The columns of a version: NAME, or NAME@VERSION."""
    from millwright.data.client import Dataset, get_profile

    with _opened(project) as (door, project_name):
        version = Dataset(door, project_name, name).version
        profile = get_profile(door, project_name, version.name, version.version)
    if as_json:
        _print_json({"version": version.model_dump(), "profile": profile.model_dump()})
        return
    click.echo(f"{version.reference}: {version.rows:,} rows, from {version.source or 'unknown'}")
    for column in profile.columns:
        click.echo(
            f"  {column.name:<28} {column.kind:<12} {column.nulls / max(profile.rows, 1):>6.1%} "
            f"empty {column.distinct:>10,} distinct  {_summary(column)}"
        )


@data.command()
@click.argument("name")
@_PROJECT
@_JSON
def rules(name: str, project: str | None, as_json: bool) -> None:
    """The rules of a dataset: proposed ones warn, confirmed ones block."""
    from millwright.data.client import get_rules

    with _opened(project) as (door, project_name):
        found = get_rules(door, project_name, name)
    if as_json:
        _print_json(found.model_dump())
        return
    for rule in found.rules.rules:
        click.echo(f"{rule.status:<10} {rule.id:<36} {rule.sentence}")
    if not found.rules.rules:
        click.echo(f"'{name}' has no rules. They are proposed with the first version.")


@data.command()
@click.argument("name")
@click.option("--rule", "chosen", multiple=True, metavar="ID", help="A rule; may be repeated.")
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option("--withdraw", is_flag=True, help="Let them only warn again.")
@_PROJECT
@_JSON
def confirm(
    name: str,
    chosen: tuple[str, ...],
    every: bool,
    withdraw: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Confirm rules of a dataset: from now on a version that breaks one is refused."""
    from millwright.data.client import confirm_rules
    from millwright.data.records import Confirmation

    word = Confirmation(rules=chosen, all=every, confirmed=not withdraw)
    with _opened(project) as (door, project_name):
        found = confirm_rules(door, project_name, name, word)
    if as_json:
        _print_json(found.model_dump())
        return
    confirmed = sum(rule.status == "confirmed" for rule in found.rules.rules)
    click.echo(f"{confirmed} of {len(found.rules.rules)} rules of '{name}' are confirmed.")


@data.command()
@click.argument("name")
@_PROJECT
@_JSON
def check(name: str, project: str | None, as_json: bool) -> None:
    """Check a version (NAME or NAME@VERSION) against the rules; exit code 1 if one blocks."""
    from millwright.data.client import Dataset
    from millwright.data.client import check as check_version

    with _opened(project) as (door, project_name):
        version = Dataset(door, project_name, name).version
        found = check_version(door, project_name, version.name, version.version)
    report = found.report
    if as_json:
        _print_json(found.model_dump())
    else:
        click.echo(
            f"{version.reference}: {len(report.results)} rules on {report.rows:,} rows, "
            f"{len(report.failures)} failed: {report.verdict}."
        )
        for result in report.failures:
            click.echo(f"  {result.severity}: {result.rule.sentence}. {result.message}")
            for example in result.examples[:1]:
                click.echo(f"    for example row {example.row:,}: {example.value}")
    if report.verdict == "blocked":
        sys.exit(1)


@contextmanager
def _opened(project: str | None) -> Iterator[tuple[Door, str]]:
    """The door, and the project named or found around the working folder."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    workspace = Workspace.find()
    name = project or workspace.project().project
    with connect(workspace) as door:
        yield door, name


def _summary(column: Any) -> str:
    from millwright.kernel.clock import rfc3339

    if column.kind == "time" and column.minimum is not None:
        return f"{rfc3339(int(column.minimum))} to {rfc3339(int(column.maximum))}"
    if column.mean is not None:
        return f"{column.minimum:,.6g} to {column.maximum:,.6g}, mean {column.mean:,.6g}"
    return ", ".join(f"{top.value} ({top.count:,})" for top in column.top[:3])


def _print_json(value: Any) -> None:
    click.echo(jsonlib.dumps(value, indent=2))
