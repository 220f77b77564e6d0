"""``mw deployments``: who answers, and changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from millwright.deployment.commands.showing import JSON, PROJECT, show_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from millwright.deployment.records import DeploymentView
    from millwright.kernel.door import Door

_VERSION = click.option("--version", type=click.IntRange(min=1), help="Its number.")
_ALIAS = click.option("--alias", help="Or the version that this alias points to.")
_REASON = click.option("--reason", default="", help="Why; the audit trail keeps it.")


@click.command("stop")
@click.argument("name")
@PROJECT
@JSON
def stop(name: str, project: str | None, as_json: bool) -> None:
    """Stop serving NAME; its history stays, and `mw deploy` starts it again."""
    from millwright.deployment.client import stop_deployment
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        view = stop_deployment(door, project or project_here(), name)
        show_view(view, as_json, running=door.url is not None)


@click.command("rollback")
@click.argument("name")
@click.option("--target", help="Of this target: what it served before its last release.")
@click.option("--reason", default="", help="Why; the audit trail keeps it.")
@PROJECT
@JSON
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
        show_view(view, as_json, running=door.url is not None)


@click.command("canary")
@click.argument("name")
@_VERSION
@_ALIAS
@click.option(
    "--share",
    default=0.3,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Of the requests, how many it answers.",
)
@PROJECT
@JSON
def canary(
    name: str,
    version: int | None,
    alias: str | None,
    share: float,
    project: str | None,
    as_json: bool,
) -> None:
    """Put a version on trial in NAME: promoted or rolled back as the evidence says."""
    from millwright.deployment import client
    from millwright.deployment.records import NewCanary

    new = _record(NewCanary, version=version, alias=alias, share=share)
    _change(project, as_json, lambda door, where: client.start_canary(door, where, name, new))


@click.command("promote")
@click.argument("name")
@click.option("--variant", default="canary", show_default=True, help="Which becomes champion.")
@_REASON
@PROJECT
@JSON
def promote(name: str, variant: str, reason: str, project: str | None, as_json: bool) -> None:
    """Make a variant of NAME its champion, here and in the registry."""
    from millwright.deployment import client
    from millwright.deployment.records import Promotion

    new = _record(Promotion, variant=variant, reason=reason)
    _change(project, as_json, lambda door, where: client.promote(door, where, name, new))


@click.command("variant")
@click.argument("name")
@click.argument("variant")
@_VERSION
@_ALIAS
@click.option("--weight", default=0.0, help="Its part of the requests, beside the other weights.")
@click.option(
    "--mirror",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="Share of requests on which it is compared with the champion, unseen by callers.",
)
@click.option("--remove", is_flag=True, help="Take it out instead.")
@PROJECT
@JSON
def variant_command(
    name: str,
    variant: str,
    version: int | None,
    alias: str | None,
    weight: float,
    mirror: float,
    remove: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Let a version take part in NAME as VARIANT: with a weight it answers, with a mirror it is a
    shadow."""
    from millwright.deployment import client
    from millwright.deployment.records import NewVariant

    if remove:
        _change(
            project, as_json, lambda door, where: client.remove_variant(door, where, name, variant)
        )
        return
    new = _record(NewVariant, version=version, alias=alias, weight=weight, mirror=mirror)
    _change(
        project, as_json, lambda door, where: client.put_variant(door, where, name, variant, new)
    )


@click.command("share")
@click.argument("name")
@click.argument("weights", nargs=-1, required=True, metavar="VARIANT=WEIGHT…")
@click.option("--target", help="At this target; by default the process of this machine.")
@_REASON
@PROJECT
@JSON
def share(
    name: str,
    weights: tuple[str, ...],
    target: str | None,
    reason: str,
    project: str | None,
    as_json: bool,
) -> None:
    """Change how the variants of NAME share the requests: champion=90 b=10."""
    from millwright.deployment import client
    from millwright.deployment.records import Weights
    from millwright.deployment.targets.releasing import share_at, weights_of

    if target is not None:
        _with_door(
            project, lambda door, where: share_at(door, where, name, target, weights, as_json)
        )
        return
    new = _record(Weights, weights=weights_of(weights), reason=reason)
    _change(project, as_json, lambda door, where: client.set_weights(door, where, name, new))


@click.command("differences")
@click.argument("name")
@click.argument("variant")
@PROJECT
@JSON
def differences(name: str, variant: str, project: str | None, as_json: bool) -> None:
    """Show how a shadow or canary of NAME and its champion differ on the same rows."""
    import json
    from urllib.parse import quote

    def show(door: Door, where: str) -> None:
        place = f"/projects/{where}/deployments/{quote(name, safe='')}/variants"
        found = door.get(f"{place}/{quote(variant, safe='')}/differences")
        if as_json:
            click.echo(json.dumps(found, indent=2))
            return
        if not found["rows"]:
            click.echo(f"No row was scored by both yet. Is the mirror of '{variant}' above 0?")
            return
        click.echo(
            f"{variant} and the champion differ on {found['differing']:,} of {found['rows']:,} rows"
            f" ({found['share_low']:.2%} to {found['share_high']:.2%}).\n"
            f"  scores    {found['mean']:+.4g} on average, {found['mean_absolute']:.4g} apart, 95 %"
            f" within {found['p95_absolute']:.4g}, at most {found['largest']:.4g}"
        )
        for change in found["changes"]:
            click.echo(f"  {change['rows']:>8,}  {change['champion']} → {change['variant']}")
        for row in found["furthest"][:3]:
            click.echo(
                f"  furthest  {row['prediction_id']}: {row['champion']:.4g} → {row['variant']:.4g}"
            )

    _with_door(project, show)


@click.command("bandit")
@click.argument("name")
@click.option(
    "--reward",
    type=click.Choice(["correct", "label"]),
    default="correct",
    show_default=True,
    help="What earns: a right answer, or the label itself (0 to 1).",
)
@click.option(
    "--floor",
    default=0.02,
    show_default=True,
    type=click.FloatRange(0, 0.5),
    help="Least share of each arm.",
)
@click.option("--off", is_flag=True, help="Keep the weights as they are from now on.")
@PROJECT
@JSON
def bandit(
    name: str, reward: str, floor: float, off: bool, project: str | None, as_json: bool
) -> None:
    """Let the weights of NAME follow the rewards that labels bring (Thompson sampling)."""
    from millwright.deployment import client
    from millwright.deployment.records import Bandit

    rule = None if off else _record(Bandit, reward=reward, floor=floor)
    _change(project, as_json, lambda door, where: client.set_bandit(door, where, name, rule))


def _change(project: str | None, as_json: bool, ask: Callable[[Door, str], DeploymentView]) -> None:
    def change(door: Door, where: str) -> None:
        show_view(ask(door, where), as_json, running=door.url is not None)

    _with_door(project, change)


def _with_door(project: str | None, act: Callable[[Door, str], None]) -> None:
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here

    with connect() as door:
        act(door, project or project_here())


def _record(kind: Any, **fields: Any) -> Any:
    """A record from what was typed.

    Raises:
        InvalidInput: the options do not go together.
    """
    from pydantic import ValidationError

    from millwright.kernel.errors import InvalidInput

    try:
        return kind.model_validate(fields)
    except ValidationError as cause:
        message = cause.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput("deployment.options", f"This cannot be done: {message}.") from cause
