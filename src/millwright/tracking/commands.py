"""``mw runs``: what was tried, with which result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from millwright.tracking.deletion_commands import delete, purge, restore

if TYPE_CHECKING:
    from millwright.kernel.door import Door
    from millwright.tracking.records import Run

_COLUMNS = 4


@click.group()
def runs() -> None:
    """See and compare runs."""


runs.add_command(delete)
runs.add_command(restore)
runs.add_command(purge)


@runs.command("list")
@click.option("--project", help="Whose runs; by default the project of this folder.")
@click.option("--experiment", help="Only this experiment.")
@click.option(
    "--status",
    type=click.Choice(["running", "finished", "failed", "cancelled"]),
    help="Only these.",
)
@click.option("--parent", help="Only children of this run; 'none' for runs without parent.")
@click.option(
    "--order-by",
    default="-created",
    show_default=True,
    help="created, metrics.NAME or params.NAME; a leading - is descending.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(
    project: str | None,
    experiment: str | None,
    status: str | None,
    parent: str | None,
    order_by: str,
    limit: int,
    as_json: bool,
) -> None:
    """List runs with their latest metrics, newest first."""
    from typing import cast

    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.tracking.client import list_runs
    from millwright.tracking.records import RunStatus

    with connect() as door:
        page = list_runs(
            door,
            project or project_here(),
            experiment=experiment,
            status=cast("RunStatus | None", status),
            parent=parent,
            order_by=order_by,
            limit=limit,
        )
    if as_json:
        click.echo(page.model_dump_json(indent=2))
        return
    if not page.runs:
        click.echo("No runs yet. Start one with: mw run")
        return
    names = _shown_metrics(page.runs)
    heads = "".join(f" {name[:16]:>16}" for name in names)
    click.echo(f"{'RUN':8} {'NAME':28} {'EXPERIMENT':16} {'STATUS':9}{heads}")
    for run in page.runs:
        values = "".join(f" {_short(run.metrics.get(name)):>16}" for name in names)
        click.echo(f"{run.id[-8:]} {run.name:28.28} {run.experiment:16.16} {run.status:9}{values}")
    if page.next_page_token:
        click.echo(f"There are more; see them with --limit {min(1000, limit * 5)}.")


@runs.command("show")
@click.argument("run")
@click.option("--project", help="Whose run, where RUN is only the end of its id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(run: str, project: str | None, as_json: bool) -> None:
    """Show one RUN: its id, or the last characters of it."""
    from millwright.kernel.door import connect
    from millwright.tracking.client import list_artifacts

    with connect() as door:
        found = find_run(door, run, project)
        files = list_artifacts(door, found.id)
        data = _data_of(door, found)
    if as_json:
        content = found.model_dump(mode="json")
        content["artifacts"] = [file.model_dump(mode="json") for file in files]
        click.echo(json.dumps(content, indent=2))
        return
    code = found.code
    version = "not in git" if code is None else f"{(code.commit or 'no commit')[:12]}"
    lines = [
        f"{found.name}  ({found.id})",
        f"  status      {found.status}" + (f": {found.error}" if found.error else ""),
        f"  experiment  {found.experiment}",
        f"  started     {found.created_at} by {found.actor}",
        f"  took        {_took(found.duration_ms)}",
        f"  code        {version}" + (" with uncommitted changes" if code and code.dirty else ""),
        f"  seed        {found.seed if found.seed is not None else 'not given'}",
    ]
    if data:
        lines.append(f"  data        {', '.join(data)}")
    for title, rows in (
        ("parameters", {key: str(value) for key, value in found.params.items()}),
        ("metrics", {key: _short(value) for key, value in found.metrics.items()}),
        ("tags", found.tags),
        ("artifacts", {file.name: f"{file.size:,} bytes" for file in files}),
    ):
        if rows:
            lines.append(title)
            lines.extend(f"  {key:32} {value}" for key, value in rows.items())
    click.echo("\n".join(lines))


@runs.command("compare")
@click.argument("chosen", nargs=-1, required=True, metavar="RUN RUN…")
@click.option("--project", help="Whose runs, where RUN is only the end of an id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(chosen: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Put runs side by side: what differs in parameters, and every metric."""
    from millwright.kernel.door import connect

    with connect() as door:
        found = [find_run(door, run, project) for run in chosen]
    params = _rows([{k: str(v) for k, v in run.params.items()} for run in found])
    metrics = _rows([{k: _short(v) for k, v in run.metrics.items()} for run in found])
    differing = {key: values for key, values in params.items() if len(set(values)) > 1}
    if as_json:
        content = {
            "runs": [run.id for run in found],
            "params": {key: [run.params.get(key) for run in found] for key in differing},
            "metrics": {
                key: [run.model_dump(mode="json")["metrics"].get(key) for run in found]
                for key in metrics
            },
        }
        click.echo(json.dumps(content, indent=2))
        return
    click.echo(f"{'':28}" + "".join(f" {run.name[:18]:>18}" for run in found))
    for title, rows in (("parameters that differ", differing), ("metrics", metrics)):
        if rows:
            click.echo(title)
            for key, values in rows.items():
                click.echo(f"  {key[:26]:26}" + "".join(f" {value[:18]:>18}" for value in values))


@runs.command("sync")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sync_(as_json: bool) -> None:
    """Send what runs logged here while no server answered."""
    from millwright.kernel.door import connect
    from millwright.tracking.delivery import sync
    from millwright.tracking.unsent import folder_here

    with connect() as door:
        done = sync(door, folder_here())
    if as_json:
        click.echo(done.model_dump_json(indent=2))
        return
    if not (done.sent or done.waiting):
        click.echo("Nothing waits to be sent.")
    for run in done.sent:
        click.echo(f"Sent what was left of run {run}.")
    for sentence in done.refused:
        click.echo(f"Refused: {sentence}", err=True)
    for run in done.waiting:
        click.echo(f"Run {run} waits: its server is another one, or does not answer.", err=True)


def find_run(door: object, run: str, project: str | None) -> Run:
    """The run with an id, or with the last characters of one.

    Raises:
        NotFound: no run's id ends so.
        InvalidInput: several do.
    """
    from millwright.kernel.door import Door
    from millwright.kernel.errors import InvalidInput, NotFound
    from millwright.kernel.workspace import project_here
    from millwright.tracking.client import each_run, get_run

    assert isinstance(door, Door)
    if len(run) == 32:
        return get_run(door, run)
    matches = [r for r in each_run(door, project or project_here()) if r.id.endswith(run)]
    if not matches:
        raise NotFound(
            "tracking.unknown_run",
            f"There is no run whose id ends in '{run}'.",
            hint="See them with: mw runs list",
            value=run,
        )
    if len(matches) > 1:
        raise InvalidInput(
            "tracking.ambiguous_run",
            f"{len(matches)} runs have an id that ends in '{run}'.",
            hint=f"Give more of it, for example {matches[0].id[-16:]}.",
            value=run,
        )
    return matches[0]


def _data_of(door: Door, run: Run) -> list[str]:
    """What people call the dataset versions that a run read."""
    from millwright.kernel.graph_client import get_lineage

    if not run.inputs:
        return []
    graph = get_lineage(door, run.project, f"run:{run.id}", depth=1, direction="up")
    labels = {node.id.partition(":")[2]: node.label for node in graph.nodes}
    return [labels.get(one, one) for one in run.inputs]


def _shown_metrics(found: Sequence[Run]) -> list[str]:
    """The metrics that most of the runs have, so that the columns can be compared."""
    counts = Counter(key for run in found for key in run.metrics if not key.startswith("system/"))
    return sorted(counts, key=lambda key: (-counts[key], key))[:_COLUMNS]


def _rows(columns: list[dict[str, str]]) -> dict[str, list[str]]:
    keys = dict.fromkeys(key for column in columns for key in column)
    return {key: [column.get(key, "–") for column in columns] for key in keys}


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _took(duration_ms: int | None) -> str:
    from millwright.kernel.clock import format_duration

    return "still running" if duration_ms is None else format_duration(duration_ms)
