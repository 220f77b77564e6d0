"""``mw run FILE``: a pipeline of one's own, run, planned or explained from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.pipelines.dsl import Plan
    from millwright.pipelines.listening import PipelineEvent

WAITING = 75
"""Exit code of a run that waits for a person; by convention: try again later."""


def run_own(
    target: str, param: Sequence[str], *, as_json: bool, executor: str | None = None
) -> None:
    """Run it, and say how it ended."""
    from millwright.pipelines.api import run_file

    said = _say if not as_json else lambda _: None
    # What steps print is for people: whoever reads JSON finds nothing else where that goes.
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        result = run_file(target, given_parameters(param), on_event=said, executor=executor)
    if as_json:
        click.echo(json.dumps({"run": result.run_id, "status": result.status}))
    elif result.status == "waiting":
        click.echo(f"Run {result.run_id} waits for a person: mw pipelines approvals")
    else:
        click.echo(f"Run {result.run_id} {result.status}. See: mw pipelines show {result.run_id}")
    if result.status == "waiting":
        sys.exit(WAITING)


def show_plan(target: str, param: Sequence[str], *, as_json: bool) -> None:
    """Print what a run would do; runs no step and stores nothing."""
    from millwright.pipelines.api import find_pipeline

    plan = find_pipeline(target).prepare(given_parameters(param))
    if as_json:
        click.echo(plan.graph.model_dump_json(indent=2, exclude_defaults=True))
        return
    click.echo(f"{plan.graph.pipeline}: {len(plan.graph.nodes)} nodes, in an order they can run in")
    for node in plan.graph.nodes:
        needs = ", ".join(sorted(node.needs)) or "nothing"
        click.echo(f"  {node.name:<32} {_kind(node):<14} after {needs}")
        for one in node.when:
            click.echo(f"{'':35}if {one.node} is {'true' if one.expected else 'false'}")


def show_explanation(target: str, param: Sequence[str], *, as_json: bool) -> None:
    """Print for each node whether its result is known, and if not, what differs."""
    from millwright.pipelines.api import find_pipeline, project_of, workspace_here
    from millwright.pipelines.explanation import explained

    plan: Plan = find_pipeline(target).prepare(given_parameters(param))
    workspace = workspace_here()
    verdicts = explained(workspace, project_of(workspace), plan)
    if as_json:
        click.echo(json.dumps([{"node": v.node, "known": v.known, "why": v.why} for v in verdicts]))
        return
    for verdict in verdicts:
        word = "known" if verdict.known else "runs"
        click.echo(f"  {word:<6} {verdict.node:<32} {'; '.join(verdict.why)}")


def given_parameters(param: Sequence[str]) -> dict[str, object]:
    """``NAME=VALUE`` texts by name.

    Raises:
        InvalidInput: one has no ``=``.
    """
    from millwright.kernel.errors import InvalidInput

    given: dict[str, object] = {}
    for text in param:
        name, separator, value = text.partition("=")
        if not separator:
            raise InvalidInput(
                "run.parameter", f"'{text}' is not a parameter.", hint="Write it as NAME=VALUE."
            )
        given[name] = value
    return given


def _kind(node: Any) -> str:
    if node.kind == "loop":
        return f"loop (≤ {node.at_most})"
    return str({"map": "for each", "either": "choice"}.get(node.kind, node.kind))


def _say(event: PipelineEvent) -> None:
    words = {
        "task_cached": "known",
        "task_succeeded": "done",
        "task_failed": "failed",
        "task_retrying": "again",
        "task_cancelled": "stopped",
        "task_skipped": "skipped",
        "task_waiting": "waits",
    }
    # Parts of a map may be thousands; the map itself is told.
    if event.kind not in words or event.task is None or event.task.endswith("]"):
        return
    why = event.error or "; ".join(event.reason)
    took = f"{event.duration_ms} ms" if event.duration_ms else ""
    line = f"[{event.position}/{event.steps}] {words[event.kind]:<8}{event.task:<32} {took} {why}"
    click.echo(line.rstrip())
