"""``mw deploy`` and ``mw deployments``: what is served, and changing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.deployment.records import DeploymentView
    from millwright.kernel.door import Door

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_PROJECT = click.option("--project", help="Whose; by default the project of this folder.")


@click.command()
@click.argument("model", required=False)
@click.option("--alias", help="Serve the version that this alias points to (default: champion).")
@click.option("--version", type=click.IntRange(min=1), help="Serve this version.")
@click.option("--name", help="Name of the deployment; by default the one in millwright.yaml.")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port; a free one by default.")
@click.option(
    "--target",
    metavar="TARGET",
    help="Serve it there: a target of millwright.yaml, or container, kubernetes, kserve, knative,"
    " lambda, sagemaker. By default a process of this machine.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the target."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the target's files into this folder and change nothing elsewhere.",
)
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait until it answers.")
@_PROJECT
@_JSON
def deploy(
    model: str | None,
    alias: str | None,
    version: int | None,
    name: str | None,
    port: int | None,
    target: str | None,
    settings: tuple[str, ...],
    output: Path | None,
    wait: float,
    project: str | None,
    as_json: bool,
) -> None:
    """Serve a version of MODEL (by default the project's only model) from now on."""
    from millwright.deployment import client
    from millwright.deployment.records import Choice, NewDeployment
    from millwright.kernel.door import connect
    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.workspace import project_here

    if alias is not None and version is not None:
        raise InvalidInput(
            "deployment.choice", "Give --alias or --version, not both.", hint="Leave one out."
        )
    with connect() as door:
        project = project or project_here()
        model = model or _only_model(door, project)
        configured_name, configured_port = _configured(model)
        if target is not None:
            from millwright.deployment.targets.releasing import release_to

            choice = Choice(version=version, alias=alias)
            release_to(
                door,
                project,
                name or configured_name,
                model,
                choice,
                target,
                settings,
                output,
                as_json,
            )
            return
        _refuse_without_target(settings, output)
        new = NewDeployment(
            model=model,
            alias=alias,
            version=version,
            port=configured_port if port is None else port,
        )
        view = client.deploy(door, project, name or configured_name, new)
        if door.url is not None:
            view = _until_settled(door, view, wait)
        _show(view, as_json, running=door.url is not None)


@click.group()
def deployments() -> None:
    """See and change what is being served."""


@deployments.command("list")
@_PROJECT
@_JSON
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
    click.echo(f"{'NAME':24} {'MODEL':24} {'HEALTH':9} {'CHAMPION':>8} {'CANARY':>12} ENDPOINT")
    for view in found:
        champion, *others = view.variants
        canary = f"{others[0].version} ({others[0].share:.0%})" if others else "–"
        click.echo(
            f"{view.name:24.24} {view.model:24.24} {view.health:9} {champion.version:>8} "
            f"{canary:>12} {view.endpoint or '–'}"
        )


@deployments.command("show")
@click.argument("name")
@_PROJECT
@_JSON
def show(name: str, project: str | None, as_json: bool) -> None:
    """Show the deployment NAME: variants, process, canaries so far."""
    from millwright.deployment.client import get_deployment
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        view = get_deployment(door, project or project_here(), name)
        _show(view, as_json, running=door.url is not None)


@deployments.command("stop")
@click.argument("name")
@_PROJECT
@_JSON
def stop(name: str, project: str | None, as_json: bool) -> None:
    """Stop serving NAME; its history stays, and `mw deploy` starts it again."""
    from millwright.deployment.client import stop_deployment
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        view = stop_deployment(door, project or project_here(), name)
        _show(view, as_json, running=door.url is not None)


@deployments.command("releases")
@click.argument("name", required=False)
@_PROJECT
@_JSON
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


@deployments.command("share")
@click.argument("name")
@click.argument("weights", nargs=-1, required=True, metavar="VARIANT=WEIGHT…")
@click.option("--target", required=True, help="Where.")
@_PROJECT
@_JSON
def share(
    name: str, weights: tuple[str, ...], target: str, project: str | None, as_json: bool
) -> None:
    """Change how the variants of NAME at a target share the traffic: current=90 canary=10."""
    from millwright.deployment.targets.releasing import share_at
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        share_at(door, project or project_here(), name, target, weights, as_json)


@deployments.command("rollback")
@click.argument("name")
@click.option("--target", help="Of this target: what it served before its last release.")
@click.option("--reason", default="", help="Why; the audit trail keeps it.")
@_PROJECT
@_JSON
def rollback(
    name: str, target: str | None, reason: str, project: str | None, as_json: bool
) -> None:
    """End the canary of NAME, or return to what was served before."""
    from millwright.deployment.client import roll_back
    from millwright.deployment.records import Ruling
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        if target is not None:
            from millwright.deployment.targets.releasing import return_from

            return_from(door, project or project_here(), name, target, reason, as_json)
            return
        view = roll_back(door, project or project_here(), name, Ruling(reason=reason))
        _show(view, as_json, running=door.url is not None)


def _refuse_without_target(settings: tuple[str, ...], output: Path | None) -> None:
    from millwright.kernel.errors import InvalidInput

    if settings or output is not None:
        raise InvalidInput(
            "deployment.no_target",
            "--set and --output are for a target, and none is named.",
            hint="Name it, as in: --target container",
        )


def _configured(model: str) -> tuple[str, int]:
    """Name and port of the deployment as the project file has them, if there is one."""
    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        config = Workspace.find().project()
    except NotFound:
        return model, 0
    return config.deployment_name, config.deployment.port


def _only_model(door: Door, project: str) -> str:
    from millwright.kernel.errors import InvalidInput
    from millwright.registry import list_models

    names = [model.name for model in list_models(door, project)]
    if len(names) == 1:
        return names[0]
    if not names:
        raise InvalidInput(
            "deployment.no_model",
            f"The project '{project}' has no model yet.",
            hint="Train one with: mw run",
        )
    raise InvalidInput(
        "deployment.which_model",
        f"The project '{project}' has {len(names)} models.",
        hint=f"Say which: mw deploy MODEL, one of {', '.join(sorted(names))}.",
    )


def _until_settled(door: Door, view: DeploymentView, seconds: float) -> DeploymentView:
    """Follow a deployment until it answers as asked, fails, or the time is up."""
    import time

    from millwright.deployment.client import get_deployment

    deadline = time.monotonic() + seconds
    while view.health not in ("ready", "failed", "stopped") and time.monotonic() < deadline:
        time.sleep(0.1)
        view = get_deployment(door, view.project, view.name)
    return view


def _show(view: DeploymentView, as_json: bool, *, running: bool) -> None:
    if as_json:
        click.echo(view.model_dump_json(indent=2))
        return
    click.echo(f"{click.style(view.name, bold=True)}  {view.health}")
    for variant in view.variants:
        click.echo(
            f"  {variant.name:9} {view.model} version {variant.version}, "
            f"{variant.share:.0%} of the traffic"
        )
    for replica in view.replicas:
        process = f"pid {replica.pid}" if replica.pid else "no process"
        click.echo(f"  process   {replica.state}, {process}. {replica.message}".rstrip(". ") + ".")
    for rollout in view.rollouts[:5]:
        outcome = rollout.outcome or "on trial"
        click.echo(
            f"  rollout   version {rollout.champion_version} → {rollout.canary_version}: "
            f"{outcome}. {rollout.reason}".rstrip()
        )
    if view.status == "stopped":
        return
    if not running:
        click.echo("  No control plane is running, so nothing serves it yet. Run: mw up")
        return
    if view.endpoint is not None:
        click.echo(f"  endpoint  {view.infer_url}")
        click.echo(f"  try       {view.example}")
