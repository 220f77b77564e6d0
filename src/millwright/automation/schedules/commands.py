"""``mw schedules``: pipelines that start by the clock."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from millwright.automation.starters import opened, told

if TYPE_CHECKING:
    from millwright.automation.schedules.client import ScheduleClient
    from millwright.automation.schedules.records import BackfillPlan, Schedule

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("schedules")
def schedules() -> None:
    """Pipelines that start by the clock, also those that millwright.yaml declares."""


@schedules.command("create")
@click.argument("name")
@click.option("--pipeline", required=True, help="FILE.py:NAME, or train for the main job.")
@click.option("--cron", help="Five fields, such as '30 2 * * MON-FRI', or @daily.")
@click.option("--every", help="An interval, such as 15m.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the wall clock of --cron.")
@click.option("--start", help="Not before this time.")
@click.option("--end", help="Not from this time on.")
@click.option(
    "--catch-up",
    type=click.Choice(["skip", "latest", "all"]),
    default="latest",
    show_default=True,
    help="What runs of the fires that passed while nothing was there to fire.",
)
@click.option("--max-active", default=1, show_default=True, help="Runs in progress at a time.")
@click.option("--deadline", help="A run that has not ended so long after its start fails: 2h.")
@click.option("--param", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter.")
@_JSON
def create(name: str, pipeline: str, param: tuple[str, ...], as_json: bool, **keys: Any) -> None:
    """Add a schedule or change it.

    In parameters {fire_time}, {fire_date}, {interval_start} and {interval_end} stand for the times
    of the fire.
    """
    from pydantic import ValidationError

    from millwright.automation.given import checked_pipeline, given_params
    from millwright.automation.schedules.firing import known_of
    from millwright.automation.schedules.timing import timing_of
    from millwright.kernel.clock import now_ms
    from millwright.kernel.config_automation import ScheduleConfig
    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.workspace import Workspace

    params = given_params(param)
    try:
        config = ScheduleConfig(pipeline="train", params=params, **keys)
        known = known_of(timing_of(config), now_ms())
        pipeline = checked_pipeline(Workspace.find(), pipeline, params, known)
        config = ScheduleConfig.model_validate({**config.model_dump(), "pipeline": pipeline})
    except ValidationError as cause:
        message = cause.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput("schedules.value", f"The schedule is not usable: {message}.") from cause
    with _client() as client:
        made = client.put(name, config)
    if as_json:
        click.echo(made.model_dump_json(indent=2))
        return
    following = f" It fires next at {made.upcoming[0]}." if made.upcoming else ""
    click.echo(f"The schedule '{name}' starts {config.pipeline} {made.description}.{following}")


@schedules.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List the schedules and when they fire next."""
    with _client() as client:
        found = client.list()
    if as_json:
        click.echo(json.dumps([item.model_dump() for item in found], indent=2))
        return
    if not found:
        click.echo("There is no schedule yet. Add one with: mw schedules create")
    for item in found:
        _show(item)


def _show(item: Schedule) -> None:
    following = "paused" if item.paused else (item.upcoming[0][:19] if item.upcoming else "over")
    click.echo(f"{item.name:<20} {following:<20} {item.config.pipeline}  {item.description}")
    for fire in item.latest[:3]:
        said = fire.reason or fire.run_id or ""
        click.echo(f"    {fire.time[:19]}  {fire.status:<10} {said}")
    if item.problem:
        click.echo(f"    problem: {item.problem}")


@schedules.command("pause")
@click.argument("name")
@_JSON
def pause(name: str, as_json: bool) -> None:
    """Stop a schedule from firing."""
    with _client() as client:
        found = client.pause(name)
    told(as_json, found.model_dump(), f"The schedule '{name}' is paused.")


@schedules.command("resume")
@click.argument("name")
@_JSON
def resume(name: str, as_json: bool) -> None:
    """Let a paused schedule fire again, from now on."""
    with _client() as client:
        found = client.resume(name)
    following = f" It fires next at {found.upcoming[0]}." if found.upcoming else ""
    told(as_json, found.model_dump(), f"The schedule '{name}' fires again.{following}")


@schedules.command("delete")
@click.argument("name")
@_JSON
def delete(name: str, as_json: bool) -> None:
    """Remove a schedule; its runs stay."""
    with _client() as client:
        client.remove(name)
    told(as_json, {"deleted": name}, f"The schedule '{name}' is gone; its runs stay.")


@schedules.command("run")
@click.argument("name")
@_JSON
def run(name: str, as_json: bool) -> None:
    """Start a run now. A control plane (mw up) executes it."""
    with _client() as client:
        run_id = client.run(name)
    told(as_json, {"run_id": run_id}, f"Run {run_id} is queued. See: mw pipelines show {run_id}")


@schedules.command("next")
@click.argument("name")
@click.option("--after", help="After this time rather than now.")
@click.option("--count", default=10, show_default=True, help="How many.")
@_JSON
def next_(name: str, after: str | None, count: int, as_json: bool) -> None:
    """Say when a schedule fires next."""
    with _client() as client:
        found = client.next(name, after=after, count=count)
    told(as_json, list(found), "\n".join(found) or "It does not fire any more.")


@schedules.command("backfill")
@click.argument("name")
@click.option("--from", "start", required=True, help="The first fire, as a date or time.")
@click.option("--to", "end", required=True, help="The last fire, as a date or time.")
@click.option("--max-active", default=1, show_default=True, help="Runs in progress at a time.")
@click.option("--dry-run", is_flag=True, help="Say what would run, and start nothing.")
@click.option("--again", is_flag=True, help="Also run fires that are done.")
@click.option("--wait", is_flag=True, help="Stay until all runs have ended.")
@_JSON
def backfill(
    name: str, start: str, end: str, max_active: int, dry_run: bool, again: bool, wait: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Run the fires of a range. Those that a run of the same code has done are left out."""
    from millwright.automation.schedules.records import NewBackfill

    new = NewBackfill(start=start, end=end, max_active=max_active, again=again)
    with _client() as client:
        if dry_run:
            _show_plan(client.plan(name, new.as_range()), as_json)
            return
        made = client.backfill(name, new)
        while wait and set(made.statuses) & {"queued", "running"}:
            time.sleep(0.5)
            made = next(item for item in client.backfills(name) if item.id == made.id)
    said = f"Backfill {made.id}: {made.runs} runs, {made.done} fires done already."
    told(as_json, made.model_dump(), said)


def _show_plan(plan: BackfillPlan, as_json: bool) -> None:
    lines = [
        f"{fire.time[:19]}  {'done  ' if fire.done else 'to run'}  {json.dumps(fire.params)}"
        for fire in plan.fires
    ]
    left = sum(not fire.done for fire in plan.fires)
    lines.append(f"{left} of {len(plan.fires)} fires would run.")
    told(as_json, plan.model_dump(), "\n".join(lines))


@schedules.command("backfills")
@click.argument("name")
@click.option("--cancel", metavar="ID", help="Cancel what has not ended of this one.")
@_JSON
def backfills(name: str, cancel: str | None, as_json: bool) -> None:
    """List the backfills of a schedule, or cancel one."""
    with _client() as client:
        found = (client.cancel(cancel),) if cancel else client.backfills(name)
    lines = [
        f"{item.id}  {item.start[:10]} to {item.end[:10]}  "
        + ", ".join(f"{count} {status}" for status, count in item.statuses.items())
        for item in found
    ]
    told(
        as_json,
        [item.model_dump() for item in found],
        "\n".join(lines) or f"'{name}' was never backfilled.",
    )


@contextmanager
def _client() -> Iterator[ScheduleClient]:
    from millwright.automation.schedules.client import ScheduleClient

    with opened(ScheduleClient) as client:
        yield client
