"""Windows, traffic, labels and alerts through the API, the client and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.monitoring import MonitorController, client
from millwright.monitoring.alert_commands import alerts
from millwright.monitoring.commands import monitor

MISSING = "0" * 32


@pytest.fixture
def watched(world: Any, controller: MonitorController) -> Any:
    """A deployment with one drifted, labelled week and one that still fills."""
    ids = world.traffic(0, 600, warmer=1.5)
    world.traffic(1)
    world.label(ids[:400])
    controller.reconcile()
    return world


def test_windows_are_listed_oldest_first_and_found_by_id(watched: Any, door: Any) -> None:
    first, second = client.windows(door, watched.project, "flights")
    assert first.start < second.start
    assert first.drifted_share == pytest.approx(2 / 3)
    path = f"/projects/{watched.project}/deployments/flights/windows/{first.id}"
    assert door.get(path)["id"] == first.id
    assert len(client.windows(door, watched.project, "flights", limit=1)) == 1
    with pytest.raises(NotFound):
        door.get(path.replace(first.id, MISSING))
    with pytest.raises(NotFound, match="There is no deployment 'flight'"):
        client.windows(door, watched.project, "flight")


def test_labels_sent_through_the_client_are_joined(
    world: Any, door: Any, controller: MonitorController
) -> None:
    ids = world.traffic(0, 300)
    world.traffic(1)
    controller.reconcile()
    labels = {name: bool(world.truth[name]) for name in ids}
    assert client.send_labels(door, world.project, "flights", labels) == 300
    controller.reconcile()
    assert client.windows(door, world.project, "flights")[0].n_labelled == 300


@pytest.mark.parametrize(
    "body",
    [
        {"labels": []},
        {"labels": [{"prediction_id": "a"}]},
        {"labels": [{"prediction_id": "", "value": 1}]},
        {"labels": [{"prediction_id": "a", "value": None}]},
        {"labels": [{"prediction_id": "a", "value": 1, "observed_at": "yesterday"}]},
        {"labels": [{"prediction_id": "a", "value": 1, "extra": 2}]},
        {},
    ],
)
def test_labels_that_cannot_be_used_are_refused(world: Any, door: Any, body: Any) -> None:
    with pytest.raises(InvalidInput):
        door.post(f"/projects/{world.project}/deployments/flights/labels", body)


def test_alerts_are_listed_acknowledged_and_resolved(watched: Any, door: Any) -> None:
    (alert,) = client.alerts(door, watched.project, status="open")
    assert alert.deployment == "flights"
    assert client.acknowledge(door, alert.id).status == "acknowledged"
    assert client.acknowledge(door, alert.id).status == "acknowledged"
    assert client.alerts(door, watched.project, status="open") == []
    assert client.resolve(door, alert.id).resolved_at is not None
    assert client.resolve(door, alert.id).status == "resolved"
    with pytest.raises(Conflict):
        client.acknowledge(door, alert.id)
    with pytest.raises(NotFound):
        client.acknowledge(door, MISSING)
    kinds = [event["kind"] for event in _events(door, alert.id)]
    assert kinds == ["alert.raised", "alert.acknowledged", "alert.resolved"]


def _events(door: Any, alert_id: str) -> list[dict[str, Any]]:
    found = door.get("/events", subject=f"alert:{alert_id}", limit=100)
    listed = found["events"] if isinstance(found, dict) else found
    return [event for event in listed if event["kind"] != "alert.delivered"]


def test_traffic_shows_the_last_seconds(
    world: Any, door: Any, controller: MonitorController
) -> None:
    quiet = client.traffic(door, world.project, "flights", seconds=10)
    assert quiet.requests_per_second == 0.0
    assert quiet.last_request is None
    assert len(quiet.points) == 10
    world.traffic(0, 120, segments=4)
    controller.reconcile()
    live = client.traffic(door, world.project, "flights", seconds=60)
    assert live.last_request is not None
    assert len(live.points) == 60


@pytest.fixture
def runner(watched: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    config = "project: flights\ndata: {source: flights.csv, target: late}\n"
    (Path(workspace.root) / "millwright.yaml").write_text(config)
    monkeypatch.chdir(workspace.root)
    return CliRunner()


def test_the_command_line_shows_windows(runner: CliRunner) -> None:
    shown = runner.invoke(monitor, ["show", "flights"], catch_exceptions=False)
    assert "2013-04-01 to 2013-04-08" in shown.output
    assert "67%" in shown.output
    assert "roc_auc" in shown.output
    assert "(0.720)" in shown.output
    assert "(filling)" in shown.output
    listed = runner.invoke(monitor, ["show", "flights", "--json"], catch_exceptions=False)
    assert len(json.loads(listed.output)) == 2


def test_the_command_line_acts_on_alerts(runner: CliRunner) -> None:
    listed = runner.invoke(alerts, ["list", "--json"], catch_exceptions=False)
    (alert,) = json.loads(listed.output)
    shown = runner.invoke(alerts, ["list"], catch_exceptions=False)
    assert "2 of 3 monitored features (67%)" in shown.output
    done = runner.invoke(alerts, ["acknowledge", alert["id"]], catch_exceptions=False)
    assert done.output.startswith("Acknowledged: 2 of 3")
    runner.invoke(alerts, ["resolve", alert["id"], "--json"], catch_exceptions=False)
    empty = runner.invoke(alerts, ["list"], catch_exceptions=False)
    assert empty.output == "Nothing needs attention.\n"
    every = runner.invoke(alerts, ["list", "--all"], catch_exceptions=False)
    assert "resolved, in 1 window" in every.output
