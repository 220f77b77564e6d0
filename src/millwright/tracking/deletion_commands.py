"""``mw runs delete``, ``restore`` and ``purge``."""

from __future__ import annotations

import json

import click


@click.command("delete")
@click.argument("chosen", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--project", help="Whose runs, where RUN is only the end of an id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def delete(chosen: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Delete runs; they can be restored until they are purged (retention.deleted_runs, 30 days)."""
    from millwright.kernel.door import connect
    from millwright.tracking.client import delete_run
    from millwright.tracking.commands import find_run

    with connect() as door:
        found = [find_run(door, run, project) for run in chosen]
        for run in found:
            delete_run(door, run.id)
    if as_json:
        click.echo(json.dumps({"deleted": [run.id for run in found]}))
        return
    for run in found:
        click.echo(f"Deleted {run.name}. Until it is purged: mw runs restore {run.id}")


@click.command("restore")
@click.argument("chosen", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore(chosen: tuple[str, ...], as_json: bool) -> None:
    """Restore deleted runs, by their whole ids."""
    from millwright.kernel.door import connect
    from millwright.tracking.client import restore_run

    with connect() as door:
        found = [restore_run(door, run) for run in chosen]
    if as_json:
        click.echo(json.dumps({"restored": [run.id for run in found]}))
        return
    for run in found:
        click.echo(f"Restored {run.name}.")


@click.command("purge")
@click.option(
    "--older-than", default="30d", show_default=True, help="Deleted longer ago than this."
)
@click.option("--project", help="Whose runs; by default the project of this folder.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def purge(older_than: str, project: str | None, yes: bool, as_json: bool) -> None:
    """Remove deleted runs and experiments for good; `mw data gc` then frees their bytes."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.tracking.client import purge_runs

    owner = project or project_here()
    if not (yes or as_json):
        click.confirm(f"Remove what was deleted in {owner} more than {older_than} ago?", abort=True)
    with connect() as door:
        count = purge_runs(door, owner, older_than)
    if as_json:
        click.echo(json.dumps({"purged": count}))
        return
    click.echo(f"Purged {count:,} runs. Free their bytes with: mw data gc")
