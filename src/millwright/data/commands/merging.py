"""`mw data merge`."""

from __future__ import annotations

import sys
from typing import Any

import click

from millwright.data.commands.shared import JSON, PROJECT, counted, opened, print_json


@click.command()
@click.argument("reference", metavar="NAME@BRANCH")
@click.option("--into", default="main", show_default=True, help="The branch to merge into.")
@click.option("--key", multiple=True, help="A column that names a row; may be repeated.")
@click.option(
    "--prefer", type=click.Choice(["ours", "theirs"]), help="Which side wins at conflicts."
)
@click.option(
    "--resolve",
    "resolutions",
    type=click.Path(exists=True, dir_okay=False),
    help="A file of conflicts with the column 'take' filled in.",
)
@click.option(
    "--conflicts",
    "conflicts_file",
    type=click.Path(dir_okay=False),
    help="Write conflicts to this CSV file.",
)
@click.option("-m", "--message", default="", help="What the merge is about.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@PROJECT
@JSON
def merge(
    reference: str,
    into: str,
    key: tuple[str, ...],
    prefer: str | None,
    resolutions: str | None,
    conflicts_file: str | None,
    message: str,
    dry_run: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Merge a version into a branch, rows by key; exit code 4 where conflicts are left."""
    from pathlib import Path

    from millwright.data.merging.client import merge_version, read_resolutions, write_conflicts
    from millwright.data.merging.records import MergeRequest

    said = read_resolutions(Path(resolutions)) if resolutions else ()
    request = MergeRequest.model_validate(
        {
            "into": into,
            "key": key,
            "prefer": prefer,
            "resolutions": said,
            "message": message,
            "dry_run": dry_run,
        }
    )
    with opened(project) as (door, project_name):
        outcome = merge_version(door, project_name, reference, request)
    if conflicts_file and outcome.unresolved:
        write_conflicts(Path(conflicts_file), outcome.unresolved)
    if as_json:
        print_json(outcome.model_dump())
    else:
        _tell(outcome, reference, into, conflicts_file)
    if outcome.how == "conflicts":
        sys.exit(4)


def _tell(outcome: Any, reference: str, into: str, conflicts_file: str | None) -> None:
    changes = (
        f"{counted(outcome.rows_changed, 'row')} changed, {outcome.rows_added:,} added, "
        f"{outcome.rows_removed:,} removed, {counted(outcome.resolved, 'conflict')} resolved"
    )
    if outcome.how == "already-merged":
        click.echo(f"{into} already has everything of {reference}.")
    elif outcome.how == "conflicts":
        click.echo(f"{outcome.conflicts:,} conflicts, so nothing was merged:")
        for conflict in outcome.unresolved[:20]:
            click.echo(f"  {_sentence(conflict)}")
        where = conflicts_file or "conflicts.csv"
        click.echo(
            f"Write them to a file with --conflicts {where}, fill in its column 'take', and merge "
            f"with --resolve {where}; or let one side win with --prefer ours or theirs."
        )
    elif outcome.how == "dry-run":
        click.echo(f"Would merge {reference} into {into}: {changes}.")
    else:
        click.echo(f"Merged {reference} into {into} as {outcome.version.reference}: {changes}.")


def _sentence(conflict: Any) -> str:
    name = ", ".join(f"{k}={v}" for k, v in conflict.key.items())
    if conflict.kind == "changed":
        return (
            f"{name}, {conflict.column}: was {conflict.base}, ours {conflict.ours}, "
            f"theirs {conflict.theirs}"
        )
    if conflict.kind == "path":
        return f"{name}: changed on both sides"
    gone, kept = ("ours", "theirs") if conflict.kind == "removed-by-ours" else ("theirs", "ours")
    return f"{name}: {gone} removed the row, {kept} changed it"
