"""`mw data rules`, `confirm` and `check`."""

from __future__ import annotations

import sys

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json


@click.command()
@click.argument("name")
@PROJECT
@JSON
def rules(name: str, project: str | None, as_json: bool) -> None:
    """The rules of a dataset: proposed ones warn, confirmed ones block."""
    from millwright.data.client import get_rules

    with opened(project) as (door, project_name):
        found = get_rules(door, project_name, name)
    if as_json:
        print_json(found.model_dump())
        return
    for rule in found.rules.rules:
        click.echo(f"{rule.status:<10} {rule.id:<36} {rule.sentence}")
    if not found.rules.rules:
        click.echo(f"'{name}' has no rules. They are proposed with the first version.")


@click.command()
@click.argument("name")
@click.option("--rule", "chosen", multiple=True, metavar="ID", help="A rule; may be repeated.")
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option("--withdraw", is_flag=True, help="Let them only warn again.")
@PROJECT
@JSON
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
    with opened(project) as (door, project_name):
        found = confirm_rules(door, project_name, name, word)
    if as_json:
        print_json(found.model_dump())
        return
    confirmed = sum(rule.status == "confirmed" for rule in found.rules.rules)
    click.echo(f"{confirmed} of {len(found.rules.rules)} rules of '{name}' are confirmed.")


@click.command()
@click.argument("name")
@PROJECT
@JSON
def check(name: str, project: str | None, as_json: bool) -> None:
    """Check a version (NAME or NAME@VERSION) against the rules; exit code 1 if one blocks."""
    from millwright.data.client import Dataset
    from millwright.data.client import check as check_version

    with opened(project) as (door, project_name):
        version = Dataset(door, project_name, name).version
        found = check_version(door, project_name, version.name, version.version)
    report = found.report
    if as_json:
        print_json(found.model_dump())
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
