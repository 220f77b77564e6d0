"""A rule can be tried on the windows that there are, before it wakes anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from millwright.kernel.errors import InvalidInput
from millwright.monitoring import MonitorController, list_alerts, list_windows
from millwright.monitoring.alert_commands import alerts
from millwright.monitoring.client import preview_rule

CONFIG = """
project: flights
data: {source: flights.csv, target: late}
monitoring: {alerts: {rules: {slow: {value: p95_ms, above: 10}}}}
"""


def test_what_is_said_to_come_of_a_rule_is_what_comes_of_it(
    world: Any, door: Any, controller: MonitorController, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.store.workspace.root)
    asked = ["try", "flights", "p95_ms", "--above", "10", "--project", "flights"]
    early = CliRunner().invoke(alerts, asked, catch_exceptions=False)
    assert "has been closed with enough rows yet" in early.output
    door.put(f"/projects/{world.project}", {"config": CONFIG})
    for week, slow in enumerate([False, True, True, False, True, False]):
        world.traffic(week, 300, latency_us=20_000 if slow else 4_000)
        controller.reconcile()
    told = CliRunner().invoke(alerts, [*asked, "--json"], catch_exceptions=False)
    found = json.loads(told.output)
    assert (found["windows"], found["judged"], found["fired"], found["alerts"]) == (5, 5, 3, 2)
    assert (found["lowest"], found["highest"]) == (4.0, 20.0)
    raised = [a for a in list_alerts(world.store, world.project) if a.kind == "rule:slow"]
    assert sorted(found["at"]) == sorted(alert.event_time for alert in raised)
    ends = [window.end for window in list_windows(world.store, world.project, "flights")]
    assert found["at"] == [ends[1], ends[4]]
    lines = CliRunner().invoke(alerts, asked, catch_exceptions=False).output
    assert "fired in 3 of them and raised 2 alerts" in lines
    with pytest.raises(InvalidInput, match="either a limit"):
        preview_rule(door, "flights", "flights", "p95_ms")
    with pytest.raises(InvalidInput, match="No window has the value"):
        preview_rule(door, "flights", "flights", "p95ms", above=1)
