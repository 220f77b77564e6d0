"""``mw deployments register``: a graph of models as a version of the registry."""

from __future__ import annotations

from pathlib import Path

import click

from millwright.deployment.commands.showing import JSON, PROJECT

EXAMPLE = click.option(
    "--example",
    type=click.Path(exists=True, path_type=Path),
    help="Rows as callers send them, for a graph's guard, explanations and drift.",
)
TRUST = click.option(
    "--trust-code",
    is_flag=True,
    help="Let packages run code that they hold: PyTorch, MLflow, Python classes, functions of graphs.",
)


@click.command("register")
@click.argument("graph", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@EXAMPLE
@TRUST
@PROJECT
@JSON
def register(
    graph: Path, example: Path | None, trust_code: bool, project: str | None, as_json: bool
) -> None:
    """Register a GRAPH of models (a YAML file) as the next version of the model of its name.

    `mw deploy GRAPH.yaml` does this too, and serves it.
    """
    from millwright.deployment.graphs import register_graph
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        version = register_graph(
            door, project or project_here(), graph, example=example, trust_code=trust_code
        )
    if as_json:
        click.echo(version.model_dump_json(indent=2))
        return
    click.echo(
        f"{click.style(version.model, bold=True)} version {version.version} is the graph in {graph}."
    )
    click.echo(f"  serve it  mw deploy {version.model} --version {version.version}")
    click.echo(f"  try it    mw deployments canary NAME --version {version.version}")
