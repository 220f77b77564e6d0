"""The rules speak of windows that have something to say."""

from __future__ import annotations

from typing import Any

import pytest

from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.config import MonitoringConfig
from millwright.monitoring.alerting import judge, signals
from millwright.monitoring.drift import ColumnDrift
from millwright.monitoring.records import Latency, MetricEstimate, WindowSummary

POLICY = MonitoringConfig()
START = parse_rfc3339("2013-05-06T00:00:00Z")


def column(feature: str, value: float) -> ColumnDrift:
    return ColumnDrift(
        feature=feature,
        statistic="jensen_shannon",
        value=value,
        threshold=0.1,
        drifted=value >= 0.1,
        noise_floor=0.05,
        rows=1000,
        missing_share=0.0,
        missing_change=0.0,
        new_share=0.0,
    )


def metric(value: float, reference: float | None = 0.75, **other: Any) -> MetricEstimate:
    fields = {
        "metric": "roc_auc",
        "value": value,
        "low": value - 0.02,
        "high": value + 0.02,
        "rows": 1000,
        "higher_is_better": True,
        "reference": reference,
        "drop": None if reference is None else reference - value,
    }
    return MetricEstimate(**(fields | other))


def window(**other: Any) -> WindowSummary:
    fields: dict[str, Any] = {
        "start_ms": START,
        "end_ms": START + 7 * 86_400_000,
        "status": "closed",
        "champion_version_id": "v1",
        "n": 1000,
        "n_labelled": 1000,
        "latency": Latency(requests=1000, rows=1000, p50_ms=2.0, p95_ms=5.0, p99_ms=9.0),
    }
    return WindowSummary(**(fields | other))


def test_drift_of_enough_features_is_an_alert_that_names_them() -> None:
    features = (column("temp", 0.42), column("wind", 0.2), *(column(f"x{i}", 0) for i in range(4)))
    (signal,) = signals(window(features=features), POLICY)
    assert signal.kind == "data_drift"
    assert signal.features == ("temp", "wind")
    assert signal.effect == pytest.approx(1 / 3)
    assert signal.title == (
        "2 of 6 monitored features (33%) have moved since 2013-05-06 farther from training than"
        " they varied in it, most of all temp (0.42), wind (0.20); 30% is allowed."
    )


def test_drift_of_few_features_is_normal() -> None:
    features = (column("temp", 0.42), *(column(f"x{i}", 0) for i in range(9)))
    found = {j.kind: j.signal for j in judge(window(features=features), POLICY)}
    assert found["data_drift"] is None


def test_no_share_demanded_still_needs_a_drifted_feature() -> None:
    policy = MonitoringConfig.model_validate({"drift": {"share": 0.0}})
    assert signals(window(features=(column("a", 0.0),)), policy) == ()


def test_an_ongoing_alert_says_since_when() -> None:
    since = {"prediction_drift": parse_rfc3339("2013-04-01T06:30:00Z")}
    (signal,) = signals(window(prediction=column("score", 0.2)), POLICY, since)
    assert "since 2013-04-01 06:30 UTC" in signal.title
    assert signal.since_ms == since["prediction_drift"]


@pytest.mark.parametrize(
    ("estimate", "alarmed"),
    [
        (metric(0.70), True),
        (metric(0.73), False),  # within what is allowed
        (metric(0.71, high=0.76), False),  # chance explains it
        (metric(0.80), False),
        (metric(12.0, 10.0, drop=0.2, low=11.0, high=13.0, higher_is_better=False), True),
        (metric(12.0, 10.0, drop=0.2, low=9.5, high=14.0, higher_is_better=False), False),
    ],
)
def test_a_drop_must_be_larger_than_allowed_and_than_chance(
    estimate: MetricEstimate, alarmed: bool
) -> None:
    found = signals(window(performance=(estimate,)), POLICY)
    assert [signal.kind for signal in found] == (["performance"] if alarmed else [])


def test_only_what_can_be_judged_is_judged() -> None:
    assert judge(window(n=199), POLICY) == ()
    few_labels = window(performance=(metric(0.1),), n_labelled=150)
    assert [j.kind for j in judge(few_labels, POLICY)] == ["latency"]
    no_reference = window(performance=(metric(0.1, None),))
    assert [j.kind for j in judge(no_reference, POLICY)] == ["latency"]
    silent = window(latency=Latency(requests=0, rows=0))
    assert judge(silent, POLICY) == ()
