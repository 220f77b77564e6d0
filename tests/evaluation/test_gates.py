"""Gates: each threshold is met or not, and a sentence says why."""

from __future__ import annotations

import pytest

from millwright.evaluation import (
    Comparison,
    Disturbance,
    Evaluation,
    Fairness,
    Interval,
    Slice,
    check_gate_names,
    check_gates,
    gate_metrics,
)
from millwright.evaluation.curves import Curves
from millwright.kernel.config import Gate
from millwright.kernel.errors import InvalidInput

pytestmark = pytest.mark.core


def slice_of(name, auc, rows=200):
    return Slice(
        column="carrier",
        name=name,
        rows=rows,
        share=0.1,
        metrics={"roc_auc": auc},
        supported=rows > 50,
    )


def evaluation(**changes):
    values = {
        "task": "binary",
        "classes": ("no", "yes"),
        "metric": "roc_auc",
        "higher_is_better": True,
        "threshold": 0.5,
        "rows": 1000,
        "class_counts": {"no": 800, "yes": 200},
        "metrics": {"roc_auc": Interval(value=0.8, low=0.78, high=0.82)},
        "curves": Curves(),
        "slices": (slice_of("AA", 0.81), slice_of("YV", 0.64), slice_of("OO", 0.1, rows=5)),
        "worst_slice": slice_of("YV", 0.64),
        "fairness": (
            Fairness(
                column="sex",
                groups=(),
                gaps={"equalized_odds_difference": 0.12, "disparate_impact": 0.7},
            ),
            Fairness(
                column="race",
                groups=(),
                gaps={"equalized_odds_difference": 0.05, "disparate_impact": 0.6},
            ),
        ),
        "importance": (),
        "explanations": (),
        "robustness": (
            Disturbance(kind="noise", level=0.1, configured=True, value=0.79, drop=0.01),
            Disturbance(kind="missing", level=0.1, configured=True, value=0.76, drop=0.04),
            Disturbance(kind="missing", level=0.2, configured=False, value=0.6, drop=0.2),
        ),
        "comparison": Comparison(
            metric="roc_auc",
            champion=0.79,
            challenger=0.8,
            difference=0.01,
            low=-0.002,
            high=0.022,
            probability_better=0.93,
            rows=1000,
        ),
    }
    return Evaluation(**{**values, **changes})


@pytest.mark.parametrize(
    ("gate", "passed", "words"),
    [
        (Gate(metric="roc_auc", min=0.75), True, "roc_auc is 0.8000, at least the required 0.75."),
        (Gate(metric="roc_auc", min=0.85), False, "below the required minimum of 0.85."),
        (Gate(metric="roc_auc", max=0.7), False, "above the allowed maximum of 0.7."),
        (Gate(metric="roc_auc.low", min=0.79), False, "roc_auc.low is 0.7800"),
        (
            Gate(metric="worst_slice.roc_auc", min=0.65),
            False,
            "worst_slice.roc_auc is 0.6400 (where carrier is YV, 200 rows)",
        ),
        (Gate(metric="fairness.gap", max=0.1), False, "between the groups of sex"),
        (
            Gate(metric="fairness.disparate_impact", min=0.5),
            True,
            "0.6000 (between the groups of race)",
        ),
        (Gate(metric="robustness.drop", max=0.05), True, "0.0400 (with 10% of the values missing)"),
        (Gate(metric="robustness.noise", max=0.005), False, "noise of 0.1 standard deviations"),
        (
            Gate(metric="improvement", min=0.0),
            True,
            "roc_auc 0.8000 against the champion's 0.7900",
        ),
        (Gate(metric="improvement.low", min=0.0), False, "improvement.low is -0.0020"),
        (Gate(metric="improvement.probability", min=0.9, max=1.0), True, "and at most"),
    ],
)
def test_a_gate_says_whether_and_why(gate, passed, words):
    (result,) = check_gates([gate], evaluation())
    assert result.passed == passed
    assert words in result.reason
    assert result.reason.endswith(".")
    assert (result.min, result.max) == (gate.min, gate.max)


@pytest.mark.parametrize(
    ("metric", "changes", "words"),
    [
        ("improvement", {"comparison": None}, "There is no champion to compare with yet."),
        ("fairness.gap", {"fairness": ()}, "No groups to compare are named"),
        ("worst_slice.roc_auc", {"slices": ()}, "No slice has enough rows"),
        ("robustness.drop", {"robustness": ()}, "levels are zero"),
    ],
)
def test_a_gate_with_nothing_to_look_at_passes_and_says_so(metric, changes, words):
    (result,) = check_gates([Gate(metric=metric, min=0.5)], evaluation(**changes))
    assert result.passed
    assert result.value is None
    assert words in result.reason


def test_a_metric_that_is_undefined_on_the_rows_does_not_pass():
    (result,) = check_gates([Gate(metric="precision", min=0.5)], evaluation())
    assert not result.passed
    assert "undefined" in result.reason


def test_a_misspelt_gate_is_named_with_the_nearest():
    with pytest.raises(InvalidInput, match=r"Did you mean 'worst_slice\.roc_auc'"):
        check_gate_names([Gate(metric="worst_slice.rocauc", min=0.5)], "binary")
    with pytest.raises(InvalidInput, match="nothing that is measured of a regression model"):
        check_gate_names([Gate(metric="roc_auc", min=0.5)], "regression")
    with pytest.raises(InvalidInput, match="neither a min nor a max"):
        check_gate_names([Gate(metric="roc_auc")], "binary")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_name_a_gate_may_use_can_be_read(task):
    found = evaluation(task=task)
    for name in gate_metrics(task):
        (result,) = check_gates([Gate(metric=name, min=0.0)], found)
        assert result.reason


def test_an_evaluation_passes_when_every_gate_does():
    gates = [Gate(metric="roc_auc", min=0.7), Gate(metric="roc_auc", min=0.9)]
    found = evaluation()
    assert found.model_copy(update={"gates": check_gates(gates[:1], found)}).passed
    assert not found.model_copy(update={"gates": check_gates(gates, found)}).passed
