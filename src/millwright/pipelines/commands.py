"""``mw pipelines``: what ran, and why each step did."""

from __future__ import annotations

import json
from typing import Any

import click


@click.group("pipelines")
def pipelines() -> None:
    """Runs of pipelines and their steps."""


@pipelines.command("list")
@click.option("--name", help="Only runs of this pipeline.")
@click.option("--status", help="Only runs that are queued, running, succeeded, failed, cancelled.")
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(name: str | None, status: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient

    workspace = Workspace.find()
    with connect(workspace) as door:
        page = PipelineClient(door).page(
            workspace.project().project, name=name, status=status, limit=limit
        )
    if as_json:
        click.echo(page.model_dump_json(indent=2))
        return
    if not page.pipeline_runs:
        click.echo("No pipeline has run here yet. Start one with: mw run")
    for run in page.pipeline_runs:
        click.echo(f"{run.id}  {run.status:<10} {run.name:<24} {run.created[:19]}")


@pipelines.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(run: str, as_json: bool) -> None:
    """Show a run: its steps, how long each took, and why it was run again."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient

    with connect(Workspace.find()) as door:
        found = PipelineClient(door).get(run)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"{found.name}  {found.id}  {found.status}")
    if found.params:
        click.echo(f"  parameters: {json.dumps(found.params)}")
    for task in found.tasks:
        _show_task(task)
    if found.error is not None and found.error.traceback:
        click.echo(f"\n{found.error.traceback}")


def _show_task(task: Any) -> None:
    from millwright.kernel.clock import format_duration

    took = "" if task.duration_ms is None else format_duration(task.duration_ms)
    click.echo(f"  {task.status:<10} {task.name:<28} {took}")
    if task.reason and task.status != "cached":
        click.echo(f"{'':13}because {', '.join(task.reason)}")
    if task.error is not None:
        click.echo(f"{'':13}{task.error.kind}: {task.error.message}")
