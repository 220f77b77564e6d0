"""``mw deployments``: what is served, and what was released elsewhere."""

from __future__ import annotations

import json

import click

from millwright.deployment.commands.showing import JSON, PROJECT, show_view


@click.command("list")
@PROJECT
@JSON
def list_(project: str | None, as_json: bool) -> None:
    """List deployments."""
    from millwright.deployment.client import list_deployments
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        found = list_deployments(door, project or project_here())
    if as_json:
        click.echo(json.dumps([view.model_dump(mode="json") for view in found], indent=2))
        return
    if not found:
        click.echo("Nothing is deployed yet. Serve a model with: mw deploy MODEL")
        return
    click.echo(f"{'NAME':24} {'MODEL':24} {'HEALTH':9} {'CHAMPION':>8} {'ENDPOINT':24} BESIDE")
    for view in found:
        champion, *others = view.variants
        beside = ", ".join(f"{one.name} {one.version} ({one.share:.0%})" for one in others) or "–"
        click.echo(
            f"{view.name:24.24} {view.model:24.24} {view.health:9} {champion.version:>8} "
            f"{view.endpoint or '–':24} {beside}"
        )


@click.command("show")
@click.argument("name")
@PROJECT
@JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """Show the deployment NAME: variants, process, canaries so far."""
    from millwright.deployment.client import get_deployment
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        view = get_deployment(door, project or project_here(), name)
        show_view(view, as_json, running=door.url is not None)


@click.command("releases")
@click.argument("name", required=False)
@PROJECT
@JSON
def releases(name: str | None, project: str | None, as_json: bool) -> None:
    """List what was released to images, clusters and clouds, newest first."""
    from millwright.deployment.targets.client import list_releases
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        found = list_releases(door, project or project_here(), name)
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        return
    if not found:
        click.echo("Nothing was released to a target yet. Begin with: mw deploy --target container")
        return
    click.echo(f"{'NAME':20} {'TARGET':14} {'VERSION':>7} {'RELEASED':20} {'BY':14} STATE")
    for one in found:
        state = "stands" if one.left_at is None else f"taken back. {one.reason}".rstrip()
        click.echo(
            f"{one.name:20.20} {one.target:14.14} {one.version:>7} {one.released_at:20.19} "
            f"{one.actor:14.14} {state}"
        )
