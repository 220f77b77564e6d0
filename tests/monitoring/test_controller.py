"""The monitoring controller keeps windows and alerts true to the prediction log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from millwright.deployment import (
    NewCanary,
    NewDeployment,
    deploy,
    promote,
    spool_folder,
    start_canary,
    stop_deployment,
)
from millwright.kernel import events
from millwright.kernel.clock import parse_rfc3339, rfc3339
from millwright.monitoring import (
    MonitorController,
    acknowledge_alert,
    event_time_of,
    list_alerts,
    list_windows,
    unresolved_alerts,
)


def happened(world: Any, kind: str) -> list[events.Event]:
    with world.store.read() as connection:
        return events.read(connection, kind=kind, limit=1000)


def windows(world: Any) -> tuple[Any, ...]:
    return list_windows(world.store, world.project, "flights")


def alerts(world: Any, **only: Any) -> tuple[Any, ...]:
    return list_alerts(world.store, world.project, **only)


def test_weeks_become_windows_that_close_when_time_has_passed_them(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0)
    controller.reconcile()
    assert [window.status for window in windows(world)] == ["open"]
    world.traffic(1)
    controller.reconcile()
    first, *_ = windows(world)
    assert first.start == "2013-04-01T00:00:00.000Z"
    assert first.end == "2013-04-08T00:00:00.000Z"
    assert (first.status, first.n, first.requests) == ("closed", 600, 600)
    assert [column.feature for column in first.features] == ["distance", "temp", "carrier"]
    assert first.drifted_share == 0.0
    assert first.prediction is not None
    assert not first.prediction.drifted
    assert first.latency.p95_ms == 4.0
    assert alerts(world) == ()


def test_drift_raises_one_alert_that_goes_on_and_ends(
    world: Any, controller: MonitorController
) -> None:
    for week, warmer in enumerate([0.0, 1.5, 1.5, 1.5, 0.0, 0.0]):
        world.traffic(week, warmer=warmer)
        controller.reconcile()
        if week == 3:
            (alert,) = alerts(world)
            assert alert.status == "open"
            assert alert.windows == 2
            assert set(alert.features) == {"distance", "temp"}
            assert "2 of 3 monitored features (67%)" in alert.title
            assert alert.since == "2013-04-08T00:00:00.000Z"
            assert alert.event_time == "2013-04-15T00:00:00.000Z"
    (alert,) = alerts(world)
    assert (alert.kind, alert.status, alert.windows) == ("data_drift", "resolved", 3)
    assert len(happened(world, "alert.raised")) == 1
    assert len(happened(world, "alert.continued")) == 2
    assert len(happened(world, "alert.resolved")) == 1


def test_an_alert_that_returns_is_a_new_one(world: Any, controller: MonitorController) -> None:
    for week, warmer in enumerate([1.5, 0.0, 1.5, 0.0]):
        world.traffic(week, warmer=warmer)
        controller.reconcile()
    assert [alert.status for alert in alerts(world)] == ["open", "resolved"]


def test_an_acknowledged_alert_still_ends_by_itself(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0, warmer=1.5)
    world.traffic(1)
    controller.reconcile()
    (alert,) = alerts(world)
    acknowledged = acknowledge_alert(world.store, world.actor, alert.id)
    assert (acknowledged.status, acknowledged.acknowledged_by) == ("acknowledged", "tester")
    assert unresolved_alerts(world.store, world.deployment)[0].id == alert.id
    world.traffic(2)
    controller.reconcile()
    assert alerts(world)[0].status == "resolved"


def test_late_labels_bring_the_metric_and_its_alert(
    world: Any, controller: MonitorController
) -> None:
    good, bad = world.traffic(0, 1000), world.traffic(1, 1000, skill=False)
    world.traffic(2)
    controller.reconcile()
    assert windows(world)[0].n_labelled == 0
    assert windows(world)[0].performance == ()
    world.label(good)
    controller.reconcile()
    first = windows(world)[0]
    assert first.n_labelled == 1000
    metric = first.performance[0]
    assert metric.metric == "roc_auc"
    assert metric.low < metric.value < metric.high
    assert metric.reference == 0.72
    assert metric.drop == pytest.approx(0.72 - metric.value)
    assert alerts(world) == ()
    world.label(bad)
    controller.reconcile()
    (alert,) = alerts(world)
    assert (alert.kind, alert.severity) == ("performance", "critical")
    assert "0.720 at validation" in alert.title


def test_an_older_window_relabelled_does_not_undo_newer_evidence(
    world: Any, controller: MonitorController
) -> None:
    weeks = [world.traffic(week, 1000, skill=week != 0) for week in range(3)]
    controller.reconcile()
    world.label(weeks[1])
    controller.reconcile()
    world.label(weeks[0])
    controller.reconcile()
    assert windows(world)[0].performance[0].value < 0.6
    assert alerts(world) == ()


def test_a_corrected_label_wins(world: Any, controller: MonitorController) -> None:
    ids = world.traffic(0, 1000)
    world.traffic(1)
    world.label(ids, flip=True)
    controller.reconcile()
    assert windows(world)[0].performance[0].value < 0.5
    world.label(ids)
    controller.reconcile()
    assert windows(world)[0].performance[0].value > 0.6
    assert windows(world)[0].n_labelled == 1000


def test_labels_may_come_before_their_predictions(
    world: Any, controller: MonitorController
) -> None:
    ids = [f"known-{i}" for i in range(400)]
    world.truth |= {name: i % 2 for i, name in enumerate(ids)}
    world.label(ids)
    controller.reconcile()
    world.traffic(0, 400, ids=ids)
    world.traffic(1)
    controller.reconcile()
    assert windows(world)[0].n_labelled == 400


def test_a_prediction_logged_twice_counts_once(world: Any, controller: MonitorController) -> None:
    ids = world.traffic(0, 400)
    world.traffic(0, 400, ids=ids)
    world.traffic(1)
    world.label(ids)
    controller.reconcile()
    assert windows(world)[0].n == 800
    assert windows(world)[0].n_labelled == 400


def test_slow_answers_raise_a_latency_alert(world: Any, controller: MonitorController) -> None:
    world.traffic(0, latency_us=80_000)
    world.traffic(1)
    controller.reconcile()
    (alert,) = alerts(world)
    assert (alert.kind, alert.effect, alert.threshold) == ("latency", 80.0, 50.0)


def test_too_few_rows_are_not_judged(world: Any, controller: MonitorController) -> None:
    world.traffic(0, 100, warmer=3.0)
    world.traffic(1)
    controller.reconcile()
    assert windows(world)[0].n == 100
    assert alerts(world) == ()


def test_nothing_is_written_when_nothing_changed(world: Any, controller: MonitorController) -> None:
    world.traffic(0)
    world.traffic(1)
    controller.reconcile()
    before = len(happened(world, "window.evaluated"))
    for _ in range(5):
        controller.reconcile()
    assert len(happened(world, "window.evaluated")) == before


def test_a_fresh_controller_goes_on_where_the_last_one_stopped(
    world: Any, controllers: Callable[[], MonitorController]
) -> None:
    for week, warmer in enumerate([1.5, 1.5, 1.5]):
        ids = world.traffic(week, warmer=warmer)
        if week == 1:
            world.label(ids)
        controllers().reconcile()
    (alert,) = alerts(world)
    assert alert.windows == 2
    assert len(happened(world, "alert.raised")) == 1
    assert [window.n_labelled for window in windows(world)] == [0, 600, 0]
    before = len(happened(world, "window.evaluated"))
    controllers().reconcile()
    # The window that still fills may be looked at once more; closed ones are done.
    assert len(happened(world, "window.evaluated")) <= before + 1


def test_rows_that_come_late_are_counted_in_their_window(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0)
    world.traffic(1)
    controller.reconcile()
    world.traffic(0, 100)
    controller.reconcile()
    assert [window.n for window in windows(world)] == [700, 600]
    world.traffic(-1, 300)
    controller.reconcile()
    assert windows(world)[0].n == 300
    assert windows(world)[0].status == "closed"


def test_a_new_champion_is_measured_against_its_own_past(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0, warmer=1.5)
    world.traffic(1, warmer=1.5)
    controller.reconcile()
    assert len(unresolved_alerts(world.store, world.deployment)) == 1
    start_canary(world.store, world.actor, world.project, "flights", NewCanary(version=2))
    promote(world.store, world.actor, world.project, "flights")
    second = world.versions["second"]
    # A window that the old champion answered closes after the promotion: it is shown, not judged.
    world.traffic(2, version=second)
    controller.reconcile()
    shown = windows(world)
    assert shown[1].champion_version_id == world.versions["first"]
    assert alerts(world)[0].windows == 1
    world.traffic(3, version=second)
    controller.reconcile()
    assert alerts(world)[0].status == "resolved"


def test_the_watermark_is_the_event_time_of_the_log(
    world: Any, controller: MonitorController
) -> None:
    assert event_time_of(world.store, world.deployment.id) is None
    world.traffic(3)
    controller.reconcile()
    seen = event_time_of(world.store, world.deployment.id)
    assert seen is not None
    assert parse_rfc3339("2013-04-22T00:00:00Z") < seen < parse_rfc3339("2013-04-29T00:00:00Z")


def test_windows_and_alerts_stand_in_the_lineage(world: Any, door: Any) -> None:
    controller = MonitorController(world.store)
    world.traffic(0, warmer=1.5)
    world.traffic(1)
    controller.reconcile()
    controller.shutdown()
    (alert,) = alerts(world)
    graph = door.get(f"/projects/{world.project}/lineage", node=f"alert:{alert.id}")
    labels = {node["id"]: node["label"] for node in graph["nodes"]}
    assert labels[f"alert:{alert.id}"] == "data drift"
    assert labels[f"window:{alert.window_id}"] == "2013-04-01 to 2013-04-08"
    assert f"deployment:{world.deployment.id}" in labels


def test_titles_say_when_and_how_much(world: Any, controller: MonitorController) -> None:
    world.traffic(0, warmer=1.5)
    world.traffic(1)
    controller.reconcile()
    (alert,) = alerts(world)
    assert "since 2013-04-01" in alert.title
    assert alert.title.endswith("30% is allowed.")
    assert rfc3339(alert.event_time_ms) == alert.event_time


def test_what_a_stopped_server_wrote_last_is_not_lost(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0)
    controller.reconcile()
    stop_deployment(world.store, world.actor, world.project, "flights")
    world.traffic(1)
    controller.reconcile()
    assert windows(world)[0].status == "closed"
    assert sum(window.n for window in windows(world)) >= 600


def test_trouble_with_one_deployment_leaves_the_others_watched(
    world: Any, controller: MonitorController, caplog: pytest.LogCaptureFixture
) -> None:
    other = deploy(
        world.store, world.actor, world.project, "other", NewDeployment(model="flights", version=1)
    )
    blocked = spool_folder(world.store.workspace, other.id)
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the spool should be")
    world.traffic(0)
    for _ in range(3):
        controller.reconcile()
    assert windows(world)[0].n == 600
    assert caplog.text.count("monitoring of other failed") == 1


def test_a_restart_finds_the_window_that_was_filling_and_leaves_closed_ones(
    world: Any, controllers: Callable[[], MonitorController]
) -> None:
    first = controllers()
    world.traffic(0)
    world.traffic(1)
    first.reconcile()
    world.traffic(1, 100)
    first.reconcile()
    assert windows(world)[1].n == 600  # looked at again only after some seconds
    before = len(happened(world, "window.evaluated"))
    controllers().reconcile()
    assert [window.n for window in windows(world)] == [600, 700]
    assert len(happened(world, "window.evaluated")) == before + 1
