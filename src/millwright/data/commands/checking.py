"""`mw data rules`, `confirm`, `check`, `override` and `quarantine`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from millwright.data.commands.shared import JSON, PROJECT, counted, opened, print_json


@click.command()
@click.argument("name")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print them as YAML, to edit and apply.")
@click.option("--number", type=int, help="As they stood at this edit.")
@PROJECT
@JSON
def rules(name: str, as_yaml: bool, number: int | None, project: str | None, as_json: bool) -> None:
    """The checks of a dataset: proposed ones warn, confirmed ones block."""
    from millwright.data.quality.client import get_suite

    with opened(project) as (door, project_name):
        found = get_suite(door, project_name, name, number)
    if as_json:
        print_json(found.model_dump())
    elif as_yaml:
        from millwright.data.quality.suite_yaml import to_yaml

        click.echo(to_yaml(found.suite, f"The checks of {name}, edit {found.number}."), nl=False)
    elif not found.suite.checks:
        click.echo(f"'{name}' has no checks. They are proposed with the first version.")
    else:
        for check in found.suite.checks:
            effect = check.severity if check.status == "confirmed" else "proposed"
            click.echo(f"{effect:<10} {check.id:<36} {check.sentence}")


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@PROJECT
@JSON
def apply(name: str, file: Path, project: str | None, as_json: bool) -> None:
    """Make the checks of FILE (the YAML of `mw data rules --yaml`) those of NAME."""
    from millwright.data.quality.client import put_suite
    from millwright.data.quality.suite_yaml import from_yaml

    suite = from_yaml(file.read_text(encoding="utf-8"))
    with opened(project) as (door, project_name):
        found = put_suite(door, project_name, name, suite, f"edited in {file.name}"[:200])
    if as_json:
        print_json(found.model_dump())
        return
    click.echo(f"'{name}' has {counted(len(found.suite.checks), 'check')} (edit {found.number}).")


@click.command()
@click.argument("name")
@click.option("--rule", "chosen", multiple=True, metavar="ID", help="A check; may be repeated.")
@click.option("--all", "every", is_flag=True, help="All that the newest version passes.")
@click.option("--including-broken", is_flag=True, help="With --all: broken ones as well.")
@click.option("--withdraw", is_flag=True, help="Let them only warn again.")
@PROJECT
@JSON
def confirm(
    name: str,
    chosen: tuple[str, ...],
    every: bool,
    including_broken: bool,
    withdraw: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Confirm checks of a dataset: from now on a version that breaks one is refused."""
    from millwright.data.quality.client import confirm_checks
    from millwright.data.quality.exchange import Confirmation

    word = Confirmation(
        checks=chosen, all=every, confirmed=not withdraw, including_broken=including_broken
    )
    with opened(project) as (door, project_name):
        found = confirm_checks(door, project_name, name, word)
    if as_json:
        print_json(found.model_dump())
        return
    checks = found.suite.checks
    confirmed = sum(check.status == "confirmed" for check in checks)
    click.echo(f"{confirmed} of {len(checks)} checks of '{name}' are confirmed.")
    if every and not withdraw and not including_broken and confirmed < len(checks):
        click.echo(
            f"The other {len(checks) - confirmed} are broken by the newest version; "
            "--including-broken confirms them too."
        )


@click.command()
@click.argument("name")
@click.option("--no-quarantine", is_flag=True, help="Do not keep the broken rows.")
@click.option("--whole-rows", is_flag=True, help="Keep broken rows with all their columns.")
@PROJECT
@JSON
def check(
    name: str, no_quarantine: bool, whole_rows: bool, project: str | None, as_json: bool
) -> None:
    """Check a version (NAME or NAME@VERSION) against its checks; exit code 1 if one blocks."""
    from millwright.data.quality.client import check as check_version
    from millwright.data.quality.exchange import NewCheck

    request = NewCheck(quarantine=not no_quarantine, whole_rows=whole_rows)
    with opened(project) as (door, project_name):
        found = check_version(door, project_name, *_parts(name), request)
    if as_json:
        print_json(found.model_dump())
    else:
        _tell(found)
    if found.verdict == "blocked" and found.override is None:
        sys.exit(1)


def _tell(found: Any) -> None:
    report, reference = found.report, f"{found.name}@{found.version}"
    click.echo(
        f"{reference}: {len(report.results)} checks on {report.rows_read:,} rows, "
        f"{len(report.failures)} failed: {report.verdict}."
    )
    for result in report.failures:
        click.echo(f"  {result.severity}: {result.check.sentence}. {result.message}")
        for example in result.examples[:1]:
            click.echo(f"    for example row {example.row:,}: {example.value}")
    if report.broken_rows:
        click.echo(
            f"  {report.broken_rows:,} rows break something; {report.quarantined:,} are kept "
            f"apart: mw data quarantine {reference}"
        )
    if found.kept_as:
        click.echo(f"  They are a dataset of their own: mw.dataset('{found.kept_as}')")
    if found.override:
        click.echo(f"  It may be used all the same: {found.override}")


@click.command()
@click.argument("name")
@click.option("--reason", help="Why it may be used although it breaks its contract.")
@click.option("--withdraw", is_flag=True, help="Take the override back.")
@PROJECT
@JSON
def override(
    name: str, reason: str | None, withdraw: bool, project: str | None, as_json: bool
) -> None:
    """Let a version feed runs although it breaks its contract. The reason is kept."""
    from millwright.data.quality.client import override as override_version
    from millwright.data.quality.exchange import Override

    if not withdraw and not reason:
        raise click.UsageError("Say why: --reason 'the sensor was replaced on the 3rd'.")
    if not withdraw and not 3 <= len(reason or "") <= 2000:
        raise click.UsageError("A reason has 3 to 2,000 characters.")
    word = Override(reason=reason or "withdrawn", withdrawn=withdraw)
    with opened(project) as (door, project_name):
        found = override_version(door, project_name, *_parts(name), word)
    if as_json:
        print_json(found.model_dump())
        return
    may = "may no longer" if withdraw else "may"
    click.echo(f"{found.name}@{found.version} {may} feed runs although it breaks its contract.")


@click.command()
@click.argument("name")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Rows to skip.")
@PROJECT
@JSON
def quarantine(name: str, offset: int, project: str | None, as_json: bool) -> None:
    """The rows of a version that broke its checks, whole, and which checks each broke."""
    from millwright.data.quality.client import read_quarantine

    with opened(project) as (door, project_name):
        page = read_quarantine(door, project_name, *_parts(name), offset)
    if as_json:
        print_json(page.model_dump())
        return
    for row in page.rows:
        values = ", ".join(f"{column}={row[column]}" for column in page.columns)
        click.echo(f"row {row['broken_row']:,} breaks {', '.join(row['broken_checks'])}: {values}")
    click.echo(f"{len(page.rows):,} of {page.total:,} broken rows.")


def _parts(name: str) -> tuple[str, str | None]:
    dataset, _, version = name.partition("@")
    return dataset, version or None
