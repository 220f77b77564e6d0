"""`mw run` and `mw retrainings`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from millwright.kernel.errors import InvalidInput

GATES_FAILED = 8
"""Exit code of `mw run` when the model was registered and its gates failed."""


@click.command()
@click.argument("target", required=False)
@click.option("--budget", help="Time for the search, such as 60s; overrides millwright.yaml.")
@click.option(
    "--param", "-p", multiple=True, metavar="NAME=VALUE", help="A parameter of your own pipeline."
)
@click.option("--plan", is_flag=True, help="Only show what your pipeline would do.")
@click.option("--explain", is_flag=True, help="Only show which steps would run, and why.")
@click.option(
    "--on",
    "executor",
    metavar="URL",
    help="Where steps of your own pipeline run: ray://local, ray://HOST:10001, kubernetes://….",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run(
    target: str | None,
    budget: str | None,
    param: tuple[str, ...],
    plan: bool,
    explain: bool,
    executor: str | None,
    as_json: bool,
) -> None:
    """Train, validate and register a model as millwright.yaml says.

    With TARGET (FILE.py or FILE.py:pipeline) run a pipeline of your own instead. Steps whose
    inputs have not changed are taken from the cache. Exit code 8: the gates failed.
    """
    if target is not None:
        from millwright.pipelines import own_file

        if not Path(target.rpartition(":")[0] or target).exists() and not Path(target).exists():
            raise InvalidInput("run.no_file", f"There is no file {target}.", hint="Check the path.")
        if plan or explain:
            show = own_file.show_explanation if explain else own_file.show_plan
            show(target, param, as_json=as_json)
        else:
            own_file.run_own(target, param, as_json=as_json, executor=executor)
        return
    if plan or explain:
        raise InvalidInput("run.no_file", "Name the file of a pipeline to plan or explain.")
    from millwright.automation.narration import Narration
    from millwright.automation.training import registered_by, train_project
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    workspace = Workspace.find()
    with connect(workspace) as door:
        narration = Narration(quiet=as_json)
        result = train_project(door, workspace, budget=budget, on_event=narration)
        registered = registered_by(result)
    if as_json:
        click.echo(registered.model_dump_json(indent=2))
    else:
        narration.conclude(registered)
    if not registered.gates_passed:
        sys.exit(GATES_FAILED)


@click.command()
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def retrainings(limit: int, as_json: bool) -> None:
    """What the retraining policy decided, why, and how it ended."""
    from millwright.automation.client import list_retrainings
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    workspace = Workspace.find()
    with connect(workspace) as door:
        found = list_retrainings(door, workspace.starts().project, limit=limit)
    if as_json:
        click.echo(json.dumps([item.model_dump() for item in found], indent=2))
        return
    if not found:
        click.echo("No retraining yet. The policy acts when a monitored window asks for it.")
    for item in found:
        version = "" if item.challenger_version is None else f"version {item.challenger_version}"
        click.echo(f"{item.event_time[:10]}  {item.status:<12} {item.deployment:<16} {version}")
        click.echo(f"    because: {item.cause.reason}")
        if item.reason:
            click.echo(f"    outcome: {item.reason}")
