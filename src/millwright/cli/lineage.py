"""`mw lineage` and `mw impact`: where things come from, and what a wrong one harms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.kernel.graph import LineageGraph
    from millwright.kernel.nodes import LineageNode

_SHOWN = 8
_TITLES = {
    "run": "runs",
    "pipeline-run": "pipeline runs",
    "features": "sets of features",
    "model-version": "model versions",
    "deployment": "deployments",
    "window": "windows of predictions",
    "alert": "alerts",
    "retraining": "retrainings",
    "artifact": "artifacts",
}

PROJECT = click.option("--project", help="Whose graph; by default the project of this folder.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.argument("subject")
@click.option("--up", "direction", flag_value="up", help="Only what it came of.")
@click.option("--down", "direction", flag_value="down", help="Only what came of it.")
@click.option("--depth", default=10, show_default=True, type=click.IntRange(1, 50))
@click.option("--kind", "kinds", multiple=True, help="Only these kinds, such as run; repeatable.")
@PROJECT
@JSON
def lineage(
    subject: str,
    direction: str | None,
    depth: int,
    kinds: tuple[str, ...],
    project: str | None,
    as_json: bool,
) -> None:
    """What SUBJECT came of, and what came of it.

    SUBJECT: DATASET[@VERSION], a run, MODEL[@VERSION or ALIAS], DEPLOYMENT, or KIND:ID.
    """
    from typing import cast

    from millwright.kernel.door import connect
    from millwright.kernel.graph_client import get_lineage
    from millwright.kernel.lineage import Direction
    from millwright.kernel.workspace import project_here

    with connect() as door:
        graph = get_lineage(
            door,
            project or project_here(),
            subject,
            depth=depth,
            direction=cast("Direction", direction or "both"),
            kinds=kinds or None,
        )
    if as_json:
        click.echo(graph.model_dump_json(indent=2))
        return
    for line in _drawn(graph):
        click.echo(line)
    if graph.truncated:
        click.echo(f"There is more than {depth} steps or {len(graph.edges):,} edges away.")


@click.command()
@click.argument("subject")
@PROJECT
@JSON
def impact(subject: str, project: str | None, as_json: bool) -> None:
    """What is affected if SUBJECT was wrong: runs, models, what they served, alerts.

    SUBJECT as for `mw lineage`; a dataset without a version means all its versions.
    """
    from millwright.kernel.door import connect
    from millwright.kernel.graph_client import get_impact
    from millwright.kernel.workspace import project_here

    with connect() as door:
        found = get_impact(door, project or project_here(), subject)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    what = ", ".join(node.label for node in found.subject[:_SHOWN])
    if not found.affected:
        click.echo(f"Nothing came of {what} yet.")
        return
    click.echo(f"If {what} was wrong, this is affected:")
    for kind, count in found.counts.items():
        click.echo(f"  {_TITLES.get(kind, kind):24} {count:>5,}  {_labels(found.of_kind(kind))}")
    if found.truncated:
        click.echo("There is more than could be walked; name a single version.")


def _labels(nodes: Sequence[LineageNode]) -> str:
    """What the first nodes are called; a name that many have is said once."""
    often = Counter(node.label for node in nodes)
    told = [f"{label} ({n}×)" if n > 1 else label for label, n in often.items()]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


def _drawn(graph: LineageGraph) -> list[str]:
    """The graph as two indented lists; a node that was drawn already is not unfolded again."""
    nodes = {node.id: node for node in graph.nodes}
    ways: dict[str, dict[str, list[str]]] = {"came of": {}, "led to": {}}
    for edge in graph.edges:
        ways["led to"].setdefault(edge.source, []).append(edge.target)
        ways["came of"].setdefault(edge.target, []).append(edge.source)
    lines: list[str] = []
    for start in graph.subject:
        lines.append(_named(nodes[start]))
        for title, following in ways.items():
            if following.get(start):
                lines.append(f"  {title}")
                _unfold(start, 2, nodes, following, lines, {start})
    return lines


def _unfold(
    node: str,
    indent: int,
    nodes: dict[str, LineageNode],
    following: dict[str, list[str]],
    lines: list[str],
    drawn: set[str],
) -> None:
    next_ones = following.get(node, [])
    for other in next_ones[:_SHOWN]:
        again = other in drawn and bool(following.get(other))
        lines.append(f"{'  ' * indent}{_named(nodes[other])}{' (see above)' if again else ''}")
        if other not in drawn:
            drawn.add(other)
            _unfold(other, indent + 1, nodes, following, lines, drawn)
    if len(next_ones) > _SHOWN:
        lines.append(f"{'  ' * indent}and {len(next_ones) - _SHOWN} more")


def _named(node: LineageNode) -> str:
    return f"{node.kind:14} {node.label}  {click.style(node.id.partition(':')[2], dim=True)}"
