"""``mw pipelines``: what ran, and why each step did."""

from __future__ import annotations

import json
from typing import Any

import click

from millwright.pipelines.exports.commands import call, export


@click.group("pipelines")
def pipelines() -> None:
    """Runs of pipelines and their steps."""


pipelines.add_command(export)
pipelines.add_command(call)


@pipelines.command("list")
@click.option("--name", help="Only runs of this pipeline.")
@click.option("--status", help="Only runs that are queued, running, succeeded, failed, cancelled.")
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(name: str | None, status: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.api import project_of
    from millwright.pipelines.client import PipelineClient

    workspace = Workspace.find()
    with connect(workspace) as door:
        page = PipelineClient(door).page(
            project_of(workspace), name=name, status=status, limit=limit
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
    if found.cancelled_by is not None:
        click.echo(f"  {found.cancelled_by} asked for it to stop at {found.cancel_asked}")
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


@pipelines.command("approvals")
@click.option("--all", "everything", is_flag=True, help="Also those that were answered.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def approvals(everything: bool, as_json: bool) -> None:
    """List the questions that runs ask people."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.api import project_of
    from millwright.pipelines.client import PipelineClient

    workspace = Workspace.find()
    with connect(workspace) as door:
        found = PipelineClient(door).approvals(project_of(workspace), waiting=not everything)
    if as_json:
        click.echo(json.dumps([one.model_dump() for one in found], indent=2))
        return
    if not found:
        click.echo("Nobody is asked anything.")
    for one in found:
        click.echo(f"{one.run_id}  {one.task:<20} {one.message}")
        if one.decision is not None:
            why = f": {one.reason}" if one.reason else ""
            click.echo(f"    {one.decision} by {one.decided_by} at {one.decided}{why}")


@pipelines.command("approve")
@click.argument("run")
@click.argument("task", default="approval")
@click.option("--reason", default="", help="Why, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def approve(run: str, task: str, reason: str, as_json: bool) -> None:
    """Say yes to what a run asks; its next steps may be executed then."""
    answer = _decide(run, task, reason, approve=True)
    if as_json:
        click.echo(answer)
        return
    click.echo("Approved. With a control plane the run goes on by itself; without one, continue it")
    click.echo(f"with: mw pipelines resume {run}")


@pipelines.command("reject")
@click.argument("run")
@click.argument("task", default="approval")
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reject(run: str, task: str, reason: str, as_json: bool) -> None:
    """Say no to what a run asks; the run ends."""
    answer = _decide(run, task, reason, approve=False)
    if as_json:
        click.echo(answer)
        return
    click.echo("Rejected. The run has failed, and what came after the question is skipped.")


@pipelines.command("resume")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resume(run: str, as_json: bool) -> None:
    """Go on with a run that was killed or that was waiting, after its last committed step."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient
    from millwright.pipelines.engine import execute

    workspace = Workspace.find()
    with connect(workspace) as door:
        project = PipelineClient(door).get(run).project
        result = execute(door, project, run, folder=workspace.root)
    if result.status != "waiting":
        result.raise_if_failed()
    said = f"Run {run} {result.status}."
    click.echo(json.dumps({"run_id": run, "status": result.status}) if as_json else said)


@pipelines.command("cancel")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cancel(run: str, as_json: bool) -> None:
    """Ask a run to stop; what it has committed stays."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient

    with connect(Workspace.find()) as door:
        found = PipelineClient(door).cancel(run)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"Run {run} is {found.status}." if found.finished else f"Run {run} will stop.")


@pipelines.command("log")
@click.argument("run")
@click.argument("task")
@click.option("--follow", is_flag=True, help="Go on until the step has ended.")
def log(run: str, task: str, follow: bool) -> None:
    """Print what a step has written."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient

    with connect(Workspace.find()) as door:
        client, said, known = PipelineClient(door), "", {"after": -1}
        while True:
            found = client.log(run, task, wait_ms=10_000 if follow else 0, **known)
            text = "".join(part.text for part in found.parts)
            # All of it begins with what was printed, unless it is another attempt's.
            fresh = text.removeprefix(said) if found.whole else text
            click.echo(fresh, nl=False)
            said = text if found.whole else said + text
            numbers = [part.number for part in found.parts]
            after = max([-1 if found.whole else known["after"], *numbers])
            known = {"after": after, "attempt": found.attempt}
            if found.ended or not follow:
                return


@pipelines.command("pool")
@click.argument("name", required=False)
@click.option("--slots", type=click.IntRange(0), help="How many tasks may hold one at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pool(name: str | None, slots: int | None, as_json: bool) -> None:
    """List the pools that limit how many steps run at once; with NAME and --slots, make one."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.api import project_of
    from millwright.pipelines.client import PipelineClient
    from millwright.pipelines.records import Pool

    workspace = Workspace.find()
    with connect(workspace) as door:
        client, project = PipelineClient(door), project_of(workspace)
        if name is not None and slots is not None:
            client.put_pool(project, Pool(name=name, slots=slots))
        found = client.pools(project)
    if as_json:
        click.echo(json.dumps([one.model_dump() for one in found], indent=2))
        return
    if not found:
        click.echo("There is no pool. Make one with: mw pipelines pool NAME --slots N")
    for one in found:
        click.echo(f"{one.name:<24} {one.held} of {one.slots} slots held")


@pipelines.command("worker")
@click.option(
    "--lease",
    default="15s",
    show_default=True,
    help="A run of a worker that was not heard of for so long is another's.",
)
def worker(lease: str) -> None:
    """Stand by and execute the runs that are queued, each in a process of its own."""
    import sys

    from millwright.kernel.clock import parse_duration
    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.worker import main

    milliseconds = parse_duration(lease)
    if not 1_000 <= milliseconds <= 600_000:
        raise InvalidInput(
            "pipelines.lease", f"A lease of {lease} is not possible.", hint="Give 1s to 10m."
        )
    place = ["--workspace", str(Workspace.find().root), "--lease-ms", str(milliseconds)]
    sys.exit(main(["--serve", *place]))


def _decide(run: str, task: str, reason: str, *, approve: bool) -> str:
    """Answer, and the answer as JSON."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.client import PipelineClient
    from millwright.pipelines.records import Decision

    with connect(Workspace.find()) as door:
        answer = PipelineClient(door).decide(run, task, Decision(approve=approve, reason=reason))
    return answer.model_dump_json(indent=2)
