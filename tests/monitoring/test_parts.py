"""What a window says of rankings, segments and groups, when their labels have come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from millwright.evaluation import fairness, observe
from millwright.kernel.config import ForecastConfig, PerformanceConfig, RankingConfig
from millwright.monitoring import MonitorController, list_alerts, list_windows
from millwright.monitoring.drift import Reference
from millwright.monitoring.parts import outcomes_of
from millwright.monitoring.performance import LabelledRows, WatchedModel

CONFIG = """
project: flights
data: {source: flights.csv, target: late}
evaluation: {fairness: {groups: [carrier]}}
monitoring:
  performance: {segments: [carrier, absent], ranking: {by: month, cuts: [3]}}
  alerts:
    rules:
      united: {value: segment.carrier.UA.roc_auc, below: 0.99}
      unfair: {value: fairness.carrier.demographic_parity_difference, above: 2}
      first: {value: ndcg@3, below: -1}
"""


def test_segments_groups_and_rankings_of_a_window_follow_late_labels(
    world: Any, door: Any, controller: MonitorController
) -> None:
    door.put(f"/projects/{world.project}", {"config": CONFIG})
    ids = world.traffic(0, 900)
    world.traffic(1, 30)
    controller.reconcile()
    (before, _) = list_windows(world.store, world.project, "flights")
    assert not before.segments
    assert not before.fairness
    world.label(ids[:600])
    controller.reconcile()
    (found, _) = list_windows(world.store, world.project, "flights")
    assert [part.name for part in found.segments] == ["UA", "B6", "EV"]
    assert sum(part.rows for part in found.segments) == 600
    for part in found.segments:
        assert set(part.metrics) == {"roc_auc", "brier", "accuracy"}
        assert part.low is not None
        assert part.high is not None
        assert part.low <= part.metrics["roc_auc"] <= part.high
    gaps = {gap.gap: gap for gap in found.fairness}
    parity = gaps["demographic_parity_difference"]
    assert parity.column == "carrier"
    assert parity.low is not None
    assert parity.high is not None
    assert 0 <= parity.low <= parity.high <= 1
    assert found.performance[0].metric == "roc_auc"
    ranked = {metric.metric: metric for metric in found.performance}
    assert 0 < ranked["ndcg@3"].value <= 1  # all rows are of one month, so there is one ranking
    assert ranked["ndcg@3"].rows == 1
    kinds = {alert.kind for alert in list_alerts(world.store, world.project)}
    assert "rule:united" in kinds
    assert not kinds & {"rule:unfair", "rule:first"}


def test_gaps_are_those_of_the_evaluation_and_stand_beside_validation(
    evaluated: Any, door: Any, controller: MonitorController
) -> None:
    door.put(f"/projects/{evaluated.project}", {"config": CONFIG})
    ids = evaluated.traffic(0, 600, segments=1)
    written = next(evaluated.spool.glob("*.arrow"))
    table = pa.ipc.open_file(written).read_all()
    truth = np.array([evaluated.truth[name] for name in ids])
    observed = observe("binary", ("0", "1"), truth, table["score"].to_numpy(), 0.5)
    wanted = fairness(table.select(["f.carrier"]), "f.carrier", observed).gaps
    evaluated.traffic(1, 30)
    evaluated.label(ids)
    controller.reconcile()
    (found, _) = list_windows(evaluated.store, evaluated.project, "flights")
    assert {gap.gap: gap.value for gap in found.fairness} == pytest.approx(wanted)


def test_forecasts_are_measured_in_the_order_of_time_and_by_series() -> None:
    second = 1_000_000
    rows = pa.table(
        {
            "event_time": pa.array([3 * second, second, 2 * second], pa.timestamp("us", tz="UTC")),
            "f.store": ["a", "a", "a"],
            "quantile.0.1": [2.0, 0.0, 1.0],
            "quantile.0.9": [9.0, 9.0, 9.0],
        }
    )
    model = WatchedModel("v", "regression", (), 0.5, Reference(columns=()))
    labelled = LabelledRows(np.array([4.0, 1.0, 2.0]), np.array([4.0, 2.0, 2.0]), np.arange(3))
    asked = PerformanceConfig(forecast=ForecastConfig(series="store"))
    found = {each.metric: each for each in outcomes_of(rows, labelled, model, asked)}
    assert found["mase"].value == pytest.approx((1 / 1.5) / 3)  # naive steps are 1 and 2
    assert found["coverage@80"].value == 1.0
    assert not outcomes_of(rows, labelled, model, PerformanceConfig(ranking=RankingConfig()))
