"""`mw audit`: what happened, and whether the record of it is whole."""

from __future__ import annotations

import json
import sys

import click


@click.group()
def audit() -> None:
    """The event log and its verification."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(as_json: bool) -> None:
    """Recompute the hash chain; exit code 7 when any event was altered, removed or reordered."""
    from millwright.kernel.door import connect

    with connect() as door:
        result = door.get("/audit/verify")
    if as_json:
        click.echo(json.dumps(result))
    elif result["ok"]:
        click.echo(f"The chain of {result['events']:,} events is whole.")
    else:
        click.echo(f"{result['problem']} The events before it are whole.", err=True)
    if not result["ok"]:
        sys.exit(7)


@audit.command()
@click.option("--limit", default=20, show_default=True, help="How many events.")
@click.option("--kind", help="Only events of this kind, such as model.alias-set.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def log(limit: int, kind: str | None, as_json: bool) -> None:
    """The latest events, newest first."""
    from millwright.kernel.door import connect

    with connect() as door:
        found = door.get("/events", limit=limit, kind=kind, newest_first=True)
    if as_json:
        click.echo(json.dumps(found))
        return
    for event in found:
        click.echo(f"{event['time']}  {event['actor']:<10} {event['kind']:<28} {event['subject']}")
