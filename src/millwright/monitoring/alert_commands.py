"""``mw alerts``: what needs attention, who was told, and who is not to be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.monitoring.records import Alert


@click.group()
def alerts() -> None:
    """What needs attention."""


@alerts.command("list")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--deployment", help="Only alerts of this deployment.")
@click.option("--all", "every", is_flag=True, help="Also those that are resolved.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(project: str | None, deployment: str | None, every: bool, as_json: bool) -> None:
    """List alerts, newest first."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.alerts(door, project or _project(), deployment=deployment)
    shown = [alert for alert in found if every or alert.status != "resolved"]
    if as_json:
        click.echo(json.dumps([alert.model_dump(mode="json") for alert in shown], indent=2))
        return
    if not shown:
        click.echo("Nothing needs attention." if not every else "There was no alert yet.")
        return
    for alert in shown:
        _print(alert)


@alerts.command("acknowledge")
@click.argument("alert")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def acknowledge(alert: str, as_json: bool) -> None:
    """Say that you have seen ALERT (its id)."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.acknowledge(door, alert)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"Acknowledged: {found.title}")


@alerts.command("resolve")
@click.argument("alert")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resolve(alert: str, as_json: bool) -> None:
    """End ALERT (its id); it comes back if a later window shows the same."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.resolve(door, alert)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"Resolved: {found.title}")


@alerts.command("messages")
@click.argument("alert")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def messages(alert: str, as_json: bool) -> None:
    """Who was told of ALERT (its id), and what came back."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.messages(door, alert)
    if as_json:
        click.echo(json.dumps([message.model_dump(mode="json") for message in found], indent=2))
        return
    if not found:
        click.echo("Nobody was told of it.")
    for message in found:
        answer = "" if message.answer is None else f"  {message.answer}"
        click.echo(f"{message.occasion:12} {message.receiver:16} {message.state:8}{answer}")


@alerts.command("try")
@click.argument("deployment")
@click.argument("value")
@click.option("--above", type=float, help="It is too much above this.")
@click.option("--below", type=float, help="It is too little below this.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def try_(
    deployment: str,
    value: str,
    above: float | None,
    below: float | None,
    project: str | None,
    as_json: bool,
) -> None:
    """How often a rule on VALUE would have raised an alert of DEPLOYMENT so far."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.preview_rule(
            door, project or _project(), deployment, value, above=above, below=below
        )
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found["judged"]:
        click.echo(f"No window of '{deployment}' has been closed with enough rows yet.")
        return
    click.echo(
        f"In {found['judged']:,} windows '{value}' was {found['lowest']:.4g} to"
        f" {found['highest']:.4g}. The rule would have fired in {found['fired']:,} of them and raised"
        f" {found['alerts']:,} alert{'' if found['alerts'] == 1 else 's'}."
    )
    for moment in found["at"]:
        click.echo(f"  {moment}")


@alerts.command("silence")
@click.option("--for", "duration", required=True, help="For how long, such as 2h.")
@click.option("--reason", required=True, help="Why; it is recorded with your name.")
@click.option("--deployment", help="Only alerts of this deployment.")
@click.option("--kind", help="Only alerts of this kind, such as latency or rule:NAME.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def silence(
    duration: str,
    reason: str,
    deployment: str | None,
    kind: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Tell nobody of alerts for a while; they are raised and shown as ever."""
    from pydantic import ValidationError

    from millwright.kernel.door import connect
    from millwright.monitoring import client
    from millwright.monitoring.records import NewSilence

    given = {"duration": duration, "reason": reason, "deployment": deployment, "kind": kind}
    try:
        wish = NewSilence.model_validate(given)
    except ValidationError as cause:
        first = cause.errors()[0]
        raise click.UsageError(f"{first['loc'][0]}: {first['msg']}.") from None
    with connect() as door:
        found = client.silence(door, project or _project(), wish)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"Silent until {found.until}. End it sooner with: mw alerts unsilence {found.id}")


@alerts.command("silences")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def silences(project: str | None, as_json: bool) -> None:
    """The silences of a project, newest first."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.silences(door, project or _project())
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        return
    if not found:
        click.echo("Nothing is silenced.")
    for one in found:
        state = "until" if one.active else "ended"
        what = f"{one.kind or 'every alert'} of {one.deployment or 'every deployment'}"
        click.echo(f"{one.id}  {state} {one.until[:16]}  {what}: {one.reason} ({one.created_by})")


@alerts.command("unsilence")
@click.argument("silence_id", metavar="SILENCE")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def unsilence(silence_id: str, project: str | None, as_json: bool) -> None:
    """End SILENCE (its id) now; what is still so is told."""
    from millwright.kernel.door import connect
    from millwright.monitoring import client

    with connect() as door:
        found = client.end_silence(door, project or _project(), silence_id)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo("The silence is over.")


def _project() -> str:
    from millwright.kernel.workspace import Workspace

    return Workspace.find().starts().project


def _print(alert: Alert) -> None:
    click.echo(f"{alert.severity.upper():8} {alert.deployment}  {alert.kind.replace('_', ' ')}")
    click.echo(f"  {alert.title}")
    times = "window" if alert.windows == 1 else "windows"
    click.echo(f"  {alert.status}, in {alert.windows} {times}  {alert.id}")
