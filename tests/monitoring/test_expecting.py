"""What a deployment's windows let expect before labels arrive."""

from __future__ import annotations

from typing import Any

import pytest

from millwright.kernel.config_alerts import AlertRuleConfig
from millwright.monitoring import MonitorController, list_windows
from millwright.monitoring.alert_rules import rule_judgements


def test_what_is_expected_comes_true(evaluated: Any, controller: MonitorController) -> None:
    ids = evaluated.traffic(0, 4000)
    evaluated.traffic(1, 100)
    controller.reconcile()
    window = list_windows(evaluated.store, "flights", "flights")[0]
    assert window.expected is not None
    assert window.performance == ()
    assert window.expected.why == ""
    evaluated.label(ids)
    controller.reconcile()
    again = list_windows(evaluated.store, "flights", "flights")[0]
    measured = {metric.metric: metric.value for metric in again.performance}
    for name in ("roc_auc", "accuracy", "brier"):
        assert window.expected.metrics[name] == pytest.approx(measured[name], abs=0.03), name


def test_a_window_unlike_the_training_sample_is_not_estimated(
    evaluated: Any, controller: MonitorController
) -> None:
    evaluated.traffic(0, 600, warmer=4.0)
    evaluated.traffic(1, 100)
    controller.reconcile()
    window = list_windows(evaluated.store, "flights", "flights")[0]
    assert window.expected is not None
    assert "Not estimable" in window.expected.why
    rule = AlertRuleConfig(value="expected.roc_auc", below=0.99)
    assert rule_judgements(window, {"poor": rule}) == [None]


def test_a_rule_may_watch_what_is_expected(evaluated: Any, controller: MonitorController) -> None:
    evaluated.traffic(0, 600)
    evaluated.traffic(1, 100)
    controller.reconcile()
    window = list_windows(evaluated.store, "flights", "flights")[0]
    rule = AlertRuleConfig(value="expected.roc_auc", below=0.99)
    (judgement,) = rule_judgements(window, {"poor": rule})
    assert judgement is not None
    assert judgement.signal is not None
    assert judgement.signal.title.startswith("poor: expected.roc_auc is 0.7")
