"""`mw status`: models, deployments, drift, alerts and the last runs on one screen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from millwright.kernel.door import Door

_MARKS = {"ready": ("●", "green"), "failed": ("●", "red"), "stopped": ("○", None)}
_MAIN_METRICS = ("roc_auc", "roc_auc_ovr", "r2")
"""What runs are told by where the project file leaves the metric to the task."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Models, deployments, drift, alerts and the last runs: one screen."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace

    workspace = Workspace.find()
    config = workspace.project()
    project = config.project
    with connect(workspace) as door:
        found = _collect(door, project)
        found["control_plane"] = door.url
        found["metric"] = config.training.metric
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    where = found["control_plane"] or "not running (start it with mw up)"
    click.echo(f"{click.style(project, bold=True)}   control plane: {where}")
    for section in (_models, _deployments, _alerts, _retrainings, _runs):
        section(found)


def _collect(door: Door, project: str) -> dict[str, Any]:
    base = f"/projects/{project}"
    deployments = door.get(f"{base}/deployments")["deployments"]
    for deployment in deployments:
        windows = door.get(f"{base}/deployments/{deployment['name']}/windows", limit=8)
        deployment["windows"] = windows
    return {
        "project": project,
        "models": door.get(f"{base}/models"),
        "deployments": deployments,
        "alerts": [a for a in door.get(f"{base}/alerts") if a["status"] != "resolved"],
        "retrainings": door.get(f"{base}/retrainings", limit=3),
        "runs": door.get(f"{base}/runs", limit=5)["runs"],
    }


def _models(found: dict[str, Any]) -> None:
    _heading("Models", found["models"], "none yet: mw run")
    for model in found["models"]:
        aliases = ", ".join(f"{name} → {number}" for name, number in model["aliases"].items())
        versions = "1 version " if model["versions"] == 1 else f"{model['versions']} versions"
        click.echo(f"  {model['name']:<24} {versions}   {aliases}")


def _deployments(found: dict[str, Any]) -> None:
    _heading("Deployments", found["deployments"], "none yet: mw deploy")
    for item in found["deployments"]:
        mark, colour = _MARKS.get(item["health"], ("●", "yellow"))
        versions = " + ".join(
            f"{v['name']} v{v['version']} ({v['share']:.0%})" for v in item["variants"]
        )
        click.echo(
            f"  {click.style(mark, fg=colour)} {item['name']:<22} {item['health']:<9} {versions}"
            f"   {item['endpoint'] or ''}"
        )
        closed = [w for w in item["windows"] if w["status"] == "closed"]
        if closed:
            click.echo(f"    {_window(closed)}")


def _window(closed: list[dict[str, Any]]) -> str:
    last = closed[-1]
    measured = [w for w in closed if w["performance"]]
    performance = ""
    if measured:
        best = measured[-1]["performance"][0]
        performance = f", {best['metric']} {best['value']:.3f} in {measured[-1]['start'][:10]}"
    latency = last["latency"]["p95_ms"]
    speed = "" if latency is None else f", p95 {latency:.1f} ms"
    return (
        f"window {last['start'][:10]}: {last['n']:,} predictions, "
        f"{last['drifted_share']:.0%} of features drifted{performance}{speed}"
    )


def _alerts(found: dict[str, Any]) -> None:
    _heading("Open alerts", found["alerts"], "none")
    for alert in found["alerts"]:
        colour = "red" if alert["severity"] == "critical" else "yellow"
        click.echo(f"  {click.style('!', fg=colour)} {alert['title']}")


def _retrainings(found: dict[str, Any]) -> None:
    if not found["retrainings"]:
        return
    _heading("Last retrainings", found["retrainings"], "")
    for item in found["retrainings"]:
        click.echo(f"  {item['event_time'][:10]}  {item['status']:<11} {item['cause']['reason']}")


def _runs(found: dict[str, Any]) -> None:
    _heading("Last runs", found["runs"], "none yet: mw run")
    wanted = (found["metric"], *_MAIN_METRICS)
    for run in found["runs"]:
        metric = next((name for name in wanted if name in run["metrics"]), None)
        measured = "" if metric is None else f"{metric} {run['metrics'][metric]:.4f}"
        click.echo(f"  {run['created_at'][:19]}  {run['status']:<9} {run['name']:<24} {measured}")


def _heading(title: str, items: list[Any], empty: str) -> None:
    click.echo(f"\n{click.style(title, bold=True)}" + ("" if items else f"  {empty}"))
