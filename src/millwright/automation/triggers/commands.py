"""``mw triggers``: pipelines that start because something happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from millwright.automation.starters import opened, told

if TYPE_CHECKING:
    from millwright.automation.triggers.client import TriggerClient

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("triggers")
def triggers() -> None:
    """Pipelines that start because something happened, also those that millwright.yaml declares."""


@triggers.command("create")
@click.argument("name")
@click.option("--pipeline", required=True, help="FILE.py:NAME, or train for the main job.")
@click.option(
    "--when",
    required=True,
    type=click.Choice(["dataset", "pipeline", "alert", "webhook"]),
    help="What it waits for.",
)
@click.option("--of", "of", help="The dataset, the upstream pipeline, or the deployment.")
@click.option(
    "--status",
    type=click.Choice(["succeeded", "failed", "cancelled"]),
    default="succeeded",
    show_default=True,
    help="How the upstream pipeline ended.",
)
@click.option("--kind", "kinds", multiple=True, help="A kind of alert; any where not given.")
@click.option("--type", help="The type of CloudEvent that counts.")
@click.option("--cooldown", help="At least this long between two starts, such as 6h.")
@click.option("--max-runs", type=int, help="At most so many runs in --per.")
@click.option("--max-time", help="At most so much time of runs in --per.")
@click.option("--per", default="30d", show_default=True, help="The time of --max-runs, --max-time.")
@click.option("--max-active", default=1, show_default=True, help="Runs in progress at a time.")
@click.option("--deadline", help="A run that has not ended so long after its start fails: 2h.")
@click.option("--param", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@_JSON
def create(
    name: str, pipeline: str, of: str | None, param: tuple[str, ...], as_json: bool, **keys: Any
) -> None:
    """Add a trigger or change it.

    In parameters, names in braces stand for what happened: {version} of a dataset, {run} upstream,
    {alert}, or {data.day} of an event that was sent.
    """
    from pydantic import ValidationError

    from millwright.automation.given import checked_pipeline, given_params
    from millwright.kernel.config_automation import TriggerConfig
    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.workspace import Workspace

    params = given_params(param)
    pipeline = checked_pipeline(Workspace.find(), pipeline, params, None)
    try:
        config = TriggerConfig(pipeline=pipeline, name=of, params=params, **keys)
    except ValidationError as cause:
        message = cause.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput("triggers.value", f"The trigger is not usable: {message}.") from cause
    with _client() as client:
        made = client.put(name, config)
        fresh = made.config.when == "webhook" and not made.signed
        secret = client.secret(name).secret if fresh else None
    if as_json:
        click.echo(json.dumps({**made.model_dump(), "secret": secret}, indent=2))
        return
    click.echo(f"The trigger '{name}' starts {pipeline} at {made.description}.")
    if secret is not None:
        click.echo(f"Send to /api/v1/projects/{made.project}/triggers/{name}/events")
        click.echo(f"The secret to sign with, shown only now: {secret}")


@triggers.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List the triggers and what made them fire."""
    with _client() as client:
        found = client.list()
    if as_json:
        click.echo(json.dumps([item.model_dump() for item in found], indent=2))
        return
    if not found:
        click.echo("There is no trigger yet. Add one with: mw triggers create")
    for item in found:
        state = "paused" if item.paused else "active"
        click.echo(f"{item.name:<20} {state:<8} {item.config.pipeline}  at {item.description}")
        for firing in item.latest[:3]:
            said = firing.reason or firing.run_id or ""
            click.echo(f"    {firing.time[:19]}  {firing.status:<10} {said}")


@triggers.command("pause")
@click.argument("name")
@_JSON
def pause(name: str, as_json: bool) -> None:
    """Stop a trigger from firing."""
    with _client() as client:
        told(as_json, client.pause(name).model_dump(), f"The trigger '{name}' is paused.")


@triggers.command("resume")
@click.argument("name")
@_JSON
def resume(name: str, as_json: bool) -> None:
    """Let a paused trigger fire again, for what happens from now on."""
    with _client() as client:
        told(as_json, client.resume(name).model_dump(), f"The trigger '{name}' fires again.")


@triggers.command("delete")
@click.argument("name")
@_JSON
def delete(name: str, as_json: bool) -> None:
    """Remove a trigger; its runs stay."""
    with _client() as client:
        client.remove(name)
    told(as_json, {"deleted": name}, f"The trigger '{name}' is gone; its runs stay.")


@triggers.command("secret")
@click.argument("name")
@_JSON
def secret(name: str, as_json: bool) -> None:
    """Make a new secret for the senders to a webhook; the one before is void."""
    with _client() as client:
        made = client.secret(name)
    told(as_json, made.model_dump(), f"The secret to sign with, shown only now: {made.secret}")


@triggers.command("fire")
@click.argument("name")
@click.option("--key", help="Your own id: the same again starts nothing.")
@click.option("--data", "-d", multiple=True, metavar="NAME=VALUE", help="For placeholders.")
@_JSON
def fire(name: str, key: str | None, data: tuple[str, ...], as_json: bool) -> None:
    """Fire a trigger by hand. A control plane (mw up) executes the run."""
    from millwright.automation.given import given_params
    from millwright.automation.triggers.records import FireByHand

    with _client() as client:
        made = client.fire(name, FireByHand(key=key, data=given_params(data)))
    said = made.reason or f"Run {made.run_id} is {made.status}."
    told(as_json, made.model_dump(), said)


@contextmanager
def _client() -> Iterator[TriggerClient]:
    from millwright.automation.triggers.client import TriggerClient

    with opened(TriggerClient) as client:
        yield client
