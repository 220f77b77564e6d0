"""Alerts go to those who are to hear of them, in their words, once, and not while it is silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from millwright.kernel.config import parse_project
from millwright.kernel.config_alerts import AlertsConfig, ReceiverConfig
from millwright.kernel.errors import InvalidInput
from millwright.monitoring import MonitorController
from millwright.monitoring.alert_formats import Telling, request_for
from millwright.monitoring.alert_rules import rule_judgements, values_of
from millwright.monitoring.records import Alert, Latency, Told, WindowSummary
from millwright.monitoring.routing import messages_due
from millwright.monitoring.tables import alert_messages
from monitoring.test_delivery import Receiver, drift_week, eventually, receiver

__all__ = ["receiver"]

NOW = 1_700_000_000_000
ALERT = Alert(
    id="0" * 32,
    project="shop",
    deployment_id="1" * 32,
    deployment="late",
    window_id="2" * 32,
    kind="performance",
    severity="critical",
    title="roc_auc fell <b>@everyone</b>.",
    status="open",
    features=("hour",),
    effect=0.1,
    threshold=0.03,
    windows=1,
    evidence={"rows": 900},
    since="2023-11-01T00:00:00.000Z",
    event_time="2023-11-08T00:00:00.000Z",
    event_time_ms=NOW,
    created_at="2023-11-14T22:13:20.000Z",
)
CONFIG = AlertsConfig.model_validate(
    {
        "console": False,
        "receivers": {
            "chat": {"type": "slack", "url": "https://hooks.slack.example/x"},
            "duty": {"type": "pagerduty", "key_from": "DUTY_KEY"},
        },
        "routes": [{"to": ["chat"]}, {"to": ["duty"], "severity": "critical"}],
        "escalate": [{"after": "1h", "to": ["duty"], "severity": "warning"}],
        "group_wait": "5s",
    }
)


def told(receiver: str, occasion: str, state: str = "told") -> Told:
    given = {"receiver": receiver, "occasion": occasion, "state": state}
    return Told.model_validate(given | {"attempts": 1, "answer": None, "due": ALERT.created_at})


def due(alert: Alert, *known: Told, now: int = NOW) -> list[tuple[str, str]]:
    return [(one.receiver, one.occasion) for one in messages_due(alert, CONFIG, known, now)]


def test_routes_say_who_hears_and_nothing_is_asked_for_twice() -> None:
    both = [("chat", "raised"), ("duty", "raised")]
    assert due(ALERT) == both
    assert due(ALERT, told("chat", "raised"), told("duty", "raised", "waiting")) == []
    assert due(ALERT.model_copy(update={"severity": "warning"})) == both[:1]
    assert all(one.due_ms == NOW + 5_000 for one in messages_due(ALERT, CONFIG, (), NOW))


def test_who_was_told_hears_of_the_end_and_only_services_that_keep_alerts_of_being_seen() -> None:
    heard = (told("chat", "raised"), told("duty", "raised"))
    seen = ALERT.model_copy(update={"status": "acknowledged"})
    over = ALERT.model_copy(update={"status": "resolved", "resolved_at": ALERT.created_at})
    assert due(seen, *heard) == [("duty", "acknowledged")]
    assert due(over, *heard) == [("chat", "resolved"), ("duty", "resolved")]
    assert due(over, told("chat", "raised", "dropped")) == []


def test_what_nobody_acknowledges_goes_farther() -> None:
    mild = ALERT.model_copy(update={"severity": "warning"})
    heard = told("chat", "raised")
    assert due(mild, heard, now=NOW + 3_599_000) == []
    assert due(mild, heard, now=NOW + 3_600_000) == [("duty", "escalated-1")]
    seen = mild.model_copy(update={"status": "acknowledged"})
    assert due(seen, heard, now=NOW + 3_600_000) == []


@pytest.mark.parametrize("occasion", ["raised", "acknowledged", "resolved", "escalated-1"])
@pytest.mark.parametrize(
    "kind", ["webhook", "slack", "teams", "discord", "pagerduty", "opsgenie", "alertmanager"]
)
def test_every_service_is_told_in_its_words_with_a_link(kind: str, occasion: str) -> None:
    given = {"type": kind, "key_from": "K", "url": "https://there.example"}
    telling = Telling((ALERT,), occasion, "https://mw.example/")
    request = request_for(ReceiverConfig.model_validate(given), telling, "s3cret")
    if request is None:
        assert occasion == "acknowledged"
        return
    text = json.dumps(request.body)
    page = f"https://mw.example/deployments/late?project=shop&alert={ALERT.id}"
    keeps = kind in ("pagerduty", "opsgenie") and occasion in ("acknowledged", "resolved")
    if keeps:
        assert ALERT.id in text + request.url
    else:
        assert page in text.replace("&amp;", "&")
        assert "roc_auc fell" in text
    if kind == "slack":
        assert "<b>" not in text
    if kind == "discord":
        assert request.body["allowed_mentions"] == {"parse": []}
    assert ("s3cret" in str(request)) == (kind in ("pagerduty", "opsgenie"))


def test_a_receiver_that_cannot_be_reached_as_written_is_refused_in_the_project_file() -> None:
    text = "project: shop\ndata: {source: x, target: y}\nmonitoring:\n  alerts:\n"
    with pytest.raises(InvalidInput, match="no receiver 'nobody'"):
        parse_project(text + "    routes: [{to: [nobody]}]\n")
    with pytest.raises(InvalidInput, match="needs 'key_from'"):
        parse_project(text + "    receivers: {duty: {type: pagerduty}}\n")
    with pytest.raises(InvalidInput, match="either 'above' or 'below'"):
        parse_project(text + "    rules: {few: {value: rows}}\n")


def test_rules_of_ones_own_watch_any_number_of_a_window() -> None:
    window = WindowSummary(
        start_ms=0,
        end_ms=1,
        status="closed",
        champion_version_id=None,
        n=400,
        n_labelled=100,
        errors=30,
        latency=Latency(requests=400, rows=400, p95_ms=12.0),
    )
    rules = AlertsConfig.model_validate(
        {
            "rules": {
                "few": {"value": "rows", "below": 500, "severity": "critical"},
                "slow": {"value": "p95_ms", "above": 20},
                "gone": {"value": "drift.nothing", "above": 0.1},
            }
        }
    ).rules
    few, slow, gone = rule_judgements(window, rules)
    assert values_of(window)["error_rate"] == 0.3
    assert few is not None
    assert few.signal is not None
    assert (few.kind, few.signal.severity) == ("rule:few", "critical")
    assert few.signal.title == "few: rows is 400, below 500."
    assert slow is not None
    assert slow.signal is None
    assert gone is None


PROJECT = """
project: flights
data: {{source: flights.csv, target: late}}
monitoring:
  alerts:
    console: false
    group_wait: 0s
    url: https://mw.example
    rules: {{any: {{value: rows, above: 10}}}}
    receivers: {{hook: {{type: webhook, url: "http://127.0.0.1:{port}/hook"}}}}
"""


@pytest.fixture
def routed(world: Any, door: Any, receiver: Receiver) -> Any:
    text = PROJECT.format(port=receiver.server_address[1])
    door.put(f"/projects/{world.project}", {"config": text})
    return world


def test_alerts_of_one_deployment_come_as_one_message_and_again_as_one_when_over(
    routed: Any, controller: MonitorController, receiver: Receiver
) -> None:
    drift_week(routed)
    controller.reconcile()
    eventually(lambda: len(receiver.messages) == 1)
    first = receiver.messages[0]
    assert first["type"] == "millwright.alerts.raised"
    kinds = {alert["kind"] for alert in first["data"]["alerts"]}
    assert kinds == {"data_drift", "rule:any"}
    assert first["data"]["alerts"][0]["page"].startswith("https://mw.example/deployments/flights?")


def test_a_silence_holds_messages_back_and_its_end_sends_what_is_still_so(
    routed: Any, door: Any, controller: MonitorController, receiver: Receiver
) -> None:
    base = f"/projects/{routed.project}/silences"
    silence = door.post(base, {"reason": "moving house", "duration": "1h", "kind": "rule:any"})
    assert silence["active"]
    drift_week(routed)
    controller.reconcile()
    eventually(lambda: len(receiver.messages) == 1)
    assert receiver.messages[0]["data"]["kind"] == "data_drift"
    alerts = door.get(f"/projects/{routed.project}/alerts")
    hushed = next(alert["id"] for alert in alerts if alert["kind"] == "rule:any")
    eventually(lambda: _states(routed, hushed) == {"raised": "waiting"})
    door.post(f"{base}/{silence['id']}/end", {})
    eventually(lambda: len(receiver.messages) == 2)
    assert receiver.messages[1]["data"]["id"] == hushed
    assert not door.get(base)[0]["active"]


def test_a_message_that_was_being_sent_when_the_process_was_killed_comes_again_under_its_id(
    routed: Any, controllers: Callable[[], MonitorController], receiver: Receiver
) -> None:
    drift_week(routed)
    first = controllers()
    first.reconcile()
    eventually(lambda: len(receiver.messages) == 1)
    eventually(lambda: set(_all_states(routed)) == {"told"})
    first.shutdown()
    with routed.store.database.write() as connection:
        connection.execute(update(alert_messages).values(state="sending"))
    second = controllers()
    second.reconcile()
    eventually(lambda: len(receiver.messages) == 2)
    assert receiver.messages[0]["id"] == receiver.messages[1]["id"]
    second.shutdown()
    controllers().reconcile()
    threading.Event().wait(0.2)
    assert len(receiver.messages) == 2


def _states(world: Any, alert: str) -> dict[str, str]:
    query = select(alert_messages).where(alert_messages.c.alert_id == alert)
    with world.store.read() as connection:
        return {row.occasion: row.state for row in connection.execute(query)}


def _all_states(world: Any) -> list[str]:
    with world.store.read() as connection:
        return list(connection.execute(select(alert_messages.c.state)).scalars())
