"""``mw monitor export``: rules and dashboards for a Prometheus and a Grafana of yours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.deployment import DeploymentView


@click.group()
def export() -> None:
    """Rules and dashboards for a Prometheus and a Grafana of yours."""


@export.command("prometheus")
@click.argument("deployment")
@click.option("--output", "-o", default=".", help="The folder to write into.")
@click.option("--server", help="Where the control plane is, as Prometheus reaches it.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prometheus(
    deployment: str, output: str, server: str | None, project: str | None, as_json: bool
) -> None:
    """Write DEPLOYMENT's rules.yml, tests.yml and scrape.yml.

    Check them with: promtool check rules rules.yml && promtool test rules tests.yml
    """
    from millwright.kernel.workspace import Workspace
    from millwright.monitoring.exports.prometheus import rule_tests, rules, scraping

    found, asked = _found(project, deployment)
    policy = Workspace.find().project().monitoring
    address = server or asked or "http://127.0.0.1:8931"
    place = f"{policy.alerts.url or address}/deployments/{found.name}?project={found.project}"
    _write(
        output,
        {
            "rules.yml": rules(found.name, policy, place),
            "tests.yml": rule_tests(found.name, policy, place),
            "scrape.yml": scraping(found.project, found.name, address, found.endpoint),
        },
        as_json,
    )


@export.command("grafana")
@click.argument("deployment")
@click.option("--output", "-o", default=".", help="The folder to write into.")
@click.option("--project", help="Another project than the one of this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def grafana(deployment: str, output: str, project: str | None, as_json: bool) -> None:
    """Write a dashboard of DEPLOYMENT, to be imported into Grafana."""
    from millwright.monitoring.exports.grafana import dashboard

    found, _ = _found(project, deployment)
    _write(output, {f"{found.name}.json": dashboard(found.project, found.name)}, as_json)


def _found(project: str | None, deployment: str) -> tuple[DeploymentView, str | None]:
    """The deployment, and the address of the control plane where one runs."""
    from urllib.parse import quote

    from millwright.deployment import DeploymentView
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    with connect() as door:
        name = project or Workspace.find().starts().project
        place = f"/projects/{quote(name, safe='')}/deployments/{quote(deployment, safe='')}"
        return DeploymentView.model_validate(door.get(place)), door.url


def _write(output: str, files: dict[str, str], as_json: bool) -> None:
    from pathlib import Path

    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    paths = [str(folder / name) for name in files]
    click.echo(json.dumps(paths) if as_json else f"Written: {', '.join(paths)}.")
