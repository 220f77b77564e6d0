"""`mw data quality` and `mw data profile`."""

from __future__ import annotations

from pathlib import Path

import click

from millwright.data.commands.shared import JSON, PROJECT, opened, print_json


@click.group()
def quality() -> None:
    """Import checks of other tools; see the vocabulary."""


@quality.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what it would be.")
@click.option("--replace", is_flag=True, help="Instead of the proposed checks, not beside them.")
@PROJECT
@JSON
def import_command(
    name: str, file: Path, dry_run: bool, replace: bool, project: str | None, as_json: bool
) -> None:
    """Take the checks of FILE (Great Expectations, pandera, Open Data Contract) for NAME."""
    from millwright.data.quality.client import get_suite, put_suite, translate_suite
    from millwright.data.quality.exchange import SuiteFile
    from millwright.data.quality.records import Suite

    given = SuiteFile(content=file.read_text(encoding="utf-8"), filename=file.name)
    with opened(project) as (door, project_name):
        found = translate_suite(door, project_name, name, given)
        if not dry_run:
            before = () if replace else get_suite(door, project_name, name).suite.checks
            new = {check.id: check for check in (*before, *found.suite.checks)}
            kept = {check.id: check for check in before if check.status == "confirmed"}
            suite = Suite(checks=tuple({**new, **kept}.values()))
            put_suite(door, project_name, name, suite, f"imported from {file.name}"[:200])
    if as_json:
        print_json(found.model_dump())
        return
    did = "would be" if dry_run else "are"
    click.echo(f"{found.format}: {len(found.suite.checks)} checks {did} translated for '{name}'.")
    for lacking in found.untranslated:
        click.echo(f"  not translated: {lacking.where}: {lacking.why}")


@quality.command()
@JSON
def vocabulary(as_json: bool) -> None:
    """Every kind of check, its arguments, and the names others have for it."""
    from millwright.data.quality.kinds import KINDS

    rows = [
        {
            "kind": name,
            "about": kind.scope,
            "arguments": list(kind.arguments.model_fields),
            "meaning": kind.meaning,
            "aliases": list(kind.aliases),
        }
        for name, kind in KINDS.items()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['kind']:<24} {row['meaning']} {', '.join(row['arguments'])}")


@click.command()
@click.argument("name")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it as HTML.")
@PROJECT
@JSON
def profile(name: str, html: Path | None, project: str | None, as_json: bool) -> None:
    """What a version (NAME or NAME@VERSION) looks like, column by column."""
    from millwright.data.client import get_profile
    from millwright.data.quality.profile_page import page

    dataset, _, version = name.partition("@")
    with opened(project) as (door, project_name):
        found = get_profile(door, project_name, dataset, version or None)  # type: ignore[arg-type]
    if html is not None:
        html.write_text(page(found, name), encoding="utf-8")
    if as_json:
        print_json(found.model_dump())
        return
    click.echo(f"{name}: {found.rows:,} rows, {len(found.columns)} columns.")
    for column in found.columns:
        click.echo(
            f"  {column.name:<28} {column.kind:<12} {column.nulls / max(found.rows, 1):>6.1%} "
            f"empty {column.distinct:>10,} distinct"
        )
    for item in found.personal:
        seen = f"in {item.share:.1%} of values, such as {item.example}" if item.example else "named"
        click.echo(f"  {item.column} may hold personal data: {item.kind} {seen}.")
    if html is not None:
        click.echo(f"The whole profile is in {html}.")
