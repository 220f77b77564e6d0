"""What every command of deployments shows and takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.deployment.records import DeploymentView

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PROJECT = click.option("--project", help="Whose; by default the project of this folder.")


def show_view(view: DeploymentView, as_json: bool, *, running: bool) -> None:
    """A deployment as JSON, or as sentences; ``running``: a control plane answered."""
    if as_json:
        click.echo(view.model_dump_json(indent=2))
        return
    click.echo(f"{click.style(view.name, bold=True)}  {view.health}")
    for variant in view.variants:
        click.echo(
            f"  {variant.name:9} {view.model} version {variant.version}, "
            f"{variant.share:.0%} of the traffic"
            + (f", {variant.mirror:.0%} of requests compared" if variant.mirror else "")
        )
    if view.bandit is not None:
        click.echo(f"  weights   follow the rewards ({view.bandit.reward}).")
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
