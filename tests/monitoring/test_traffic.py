"""Live traffic by the second, and the rows of a trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from millwright.deployment import NewCanary, analyse_canary, row_losses, start_canary
from millwright.kernel.clock import now_ms, rfc3339
from millwright.kernel.config import CanaryConfig
from millwright.monitoring import MonitorController, trial_of
from millwright.monitoring.latency import latency_of
from millwright.monitoring.traffic import traffic_of

NOW = 1_700_000_010_500


def segment(served_ms: list[int], requests: list[str], variants: list[str]) -> pa.Table:
    return pa.table(
        {
            "request_id": requests,
            "served_at": pa.array(np.array(served_ms) * 1000, pa.timestamp("us", tz="UTC")),
            "latency_us": np.arange(1, len(requests) + 1) * 1000,
            "variant": variants,
        }
    )


def test_requests_are_counted_in_the_second_they_were_served() -> None:
    first = segment([1_700_000_004_100, 1_700_000_004_100], ["a", "a"], ["champion"] * 2)
    second = segment([1_700_000_007_999, 1_700_000_009_000], ["b", "c"], ["canary", "champion"])
    found = traffic_of("flights", [first, second], NOW, seconds=5)
    assert [point.requests for point in found.points] == [0, 1, 0, 0, 1]
    assert [point.rows for point in found.points] == [0, 2, 0, 0, 1]
    assert found.points[0].time == rfc3339(1_700_000_003_000)
    assert found.canary_share == 0.5
    assert found.requests_per_second == 0.4
    assert found.last_request == rfc3339(1_700_000_009_000)


def test_an_idle_endpoint_still_knows_its_last_request() -> None:
    old = segment([1_600_000_000_000], ["a"], ["champion"])
    found = traffic_of("flights", [old], NOW, seconds=3)
    assert found.requests_per_second == 0.0
    assert found.last_request == rfc3339(1_600_000_000_000)
    assert traffic_of("flights", [], NOW, seconds=3).last_request is None


def test_a_large_batch_counts_once_in_latency() -> None:
    rows = pa.table({"request_id": ["big"] * 99 + ["small"], "latency_us": [9000] * 99 + [1000]})
    found = latency_of(rows)
    assert (found.requests, found.rows) == (2, 100)
    assert found.p50_ms == 5.0
    assert latency_of(rows.slice(0, 0)).p95_ms is None


def test_a_trial_pairs_both_versions_on_the_same_rows(
    world: Any, controller: MonitorController
) -> None:
    challenger = world.versions["second"]
    nothing = trial_of(world.store, world.deployment, challenger, 0)
    assert (nothing.actual.size, nothing.windows) == (0, 0)
    since = now_ms()
    start_canary(world.store, world.actor, world.project, "flights", NewCanary(version=2))
    world.traffic(0, 300)  # before the challenger answers: not part of the trial
    ids = world.traffic(1, 1000, shadow=challenger) + world.traffic(2, 600, shadow=challenger)
    controller.reconcile()
    world.label(ids[:1200])
    trial = trial_of(world.store, world.deployment, challenger, since)
    assert (trial.rows, trial.actual.size, trial.windows) == (1600, 1200, 2)
    assert (~trial.requests.challenger).sum() == 1600
    assert np.allclose(trial.challenger, np.clip(trial.champion + 0.1, 0, 1))
    losses = (
        row_losses("binary", trial.actual, trial.champion),
        row_losses("binary", trial.actual, trial.challenger),
    )
    assert not trial.requests.failed.any()
    assert 0.0 < trial.requests.disagrees.mean() < 0.5
    assert np.allclose(trial.requests.latency_ms, 4.0)
    decision = analyse_canary(
        *losses, CanaryConfig(), windows=trial.windows, requests=trial.requests
    )
    assert decision.verdict == "roll back"
    assert decision.evidence.difference.n == 1200
    decision.model_dump_json()


def test_a_challenger_whose_model_fails_goes_without_any_label(
    world: Any, controller: MonitorController
) -> None:
    challenger, since = world.versions["second"], now_ms()
    start_canary(world.store, world.actor, world.project, "flights", NewCanary(version=2))
    for turn in range(20):
        later = {"served_ms": since + turn, "segments": 1}
        world.traffic(0, 10, shadow=challenger, **later)
        world.traffic(0, 10, version=challenger, failed=3, **later)
    controller.reconcile()
    trial = trial_of(world.store, world.deployment, challenger, since)
    requests = trial.requests
    assert int(requests.challenger.sum()) == 200
    assert int(requests.failed.sum()) == 60
    assert requests.challenger[requests.failed].all()
    decision = analyse_canary(
        np.empty(0), np.empty(0), CanaryConfig(), windows=0, requests=requests
    )
    assert decision.verdict == "roll back"
    assert "fails 30.0% of its requests" in decision.reason
