"""Performance without labels: right where it can be known, refused where it cannot."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, recall_score, roc_auc_score

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.estimation import PerformanceEstimator
from millwright.monitoring.estimation.calibration import calibrate
from millwright.monitoring.estimation.expected import expected_metrics


def world(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    """A model whose scores are too sure of themselves; ``shift`` moves an input, not the concept."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1.0, n)
    chance = 1.0 / (1.0 + np.exp(-x))
    return pa.table(
        {
            "x": x,
            "region": pa.array(rng.choice(["n", "s"], n)),
            "score": 1.0 / (1.0 + np.exp(-3.0 * x)),
            "target": (rng.random(n) < chance).astype(float),
        }
    )


def estimator() -> PerformanceEstimator:
    return PerformanceEstimator(world(20_000, 1), target="target", score="score")


@pytest.mark.parametrize("shift", [0.0, 0.5, -0.8])
def test_what_is_expected_comes_true(shift: float) -> None:
    later = world(20_000, 2, shift)
    found = estimator().estimate(later)
    scores, actual = later["score"].to_numpy(), later["target"].to_numpy()
    realised = expected_metrics(actual, (scores >= 0.5).astype(float), scores)
    assert found.estimable
    for name in ("accuracy", "roc_auc", "f1", "recall", "brier"):
        assert found.metrics[name] == pytest.approx(realised[name], abs=0.02), name  # type: ignore[index]
    assert abs(found.metrics["accuracy"] - realised["accuracy"]) < 5 * found.deviation + 0.01


def test_the_python_door_estimates() -> None:
    found = mw.estimate_performance(world(5000, 1), world(500, 2), target="target", score="score")
    assert found.estimable
    assert found.metrics["accuracy"] == pytest.approx(found.reference["accuracy"], abs=0.05)


def test_inputs_that_were_never_seen_are_refused() -> None:
    found = estimator().estimate(world(3000, 3, 3.0))
    assert not found.estimable
    assert found.moved[0] == "x"
    assert "'x' has moved" in found.why
    table = world(3000, 4)
    elsewhere = table.set_column(1, "region", pa.array(["west"] * 3000))
    assert estimator().estimate(elsewhere).moved == ("region", 1.0)


def test_known_truth_gives_the_realised_metrics() -> None:
    rng = np.random.default_rng(5)
    actual = (rng.random(500) < 0.4).astype(float)
    scores = rng.random(500).round(2)
    classes = (scores > 0.5).astype(float)
    found = expected_metrics(actual, classes, scores)
    assert found["accuracy"] == pytest.approx(accuracy_score(actual, classes))
    assert found["recall"] == pytest.approx(recall_score(actual, classes))
    assert found["f1"] == pytest.approx(f1_score(actual, classes))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(actual, scores))
    assert found["brier"] == pytest.approx(brier_score_loss(actual, scores))


def test_the_regression_is_isotonic() -> None:
    rng = np.random.default_rng(6)
    scores = rng.random(400)
    actual = (rng.random(400) < scores**2).astype(float)
    wanted = IsotonicRegression(out_of_bounds="clip").fit(scores, actual).predict(scores)
    assert calibrate(scores, actual)(scores) == pytest.approx(wanted, abs=1e-9)
    chances = np.sort(calibrate(scores, actual)(scores))
    assert abs(chances.mean() - actual.mean()) < 1e-9


def test_windows_without_anything_to_say_have_an_answer() -> None:
    found = estimator().estimate(world(5, 7).slice(0, 0))
    assert (found.rows, found.estimable, found.why) == (0, False, "No row has a prediction.")
    assert math.isnan(found.metrics["accuracy"])


def test_bad_input_is_told() -> None:
    with pytest.raises(InvalidInput, match="no column 'truth'"):
        PerformanceEstimator(world(9, 1), target="truth", score="score")
    unknown = world(9, 1).set_column(3, "target", pa.nulls(9, pa.float64()))
    with pytest.raises(InvalidInput, match="No row of the reference"):
        PerformanceEstimator(unknown, target="target", score="score")


def prices(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    """A regression that errs more the larger ``x`` is, and in one region."""
    rng = np.random.default_rng(seed)
    x, region = rng.uniform(shift, shift + 1.0, n), rng.choice(["n", "s"], n)
    noise = rng.normal(0.0, 1.0 + 2.0 * x + (region == "s"), n)
    predicted = 100.0 + 10.0 * x
    return pa.table({"x": x, "region": region, "said": predicted, "true": predicted + noise})


def test_what_a_regression_errs_is_expected_where_inputs_move() -> None:
    reference = prices(10_000, 1)
    later = prices(20_000, 2)
    # Only the rows that err much, and none of their truth.
    hard = later.filter(pa.array(later["x"].to_numpy() > 0.5))
    found = mw.estimate_losses(
        reference,
        hard.drop_columns("true"),
        target="true",
        prediction="said",
        losses=["mae", "rmse", "mape"],
    )
    gap = hard["true"].to_numpy() - hard["said"].to_numpy()
    assert found.estimable
    assert found.losses["mae"] == pytest.approx(np.abs(gap).mean(), rel=0.05)
    assert found.losses["rmse"] == pytest.approx(np.sqrt(np.mean(gap**2)), rel=0.05)
    assert found.losses["mae"] > 1.2 * found.reference["mae"]
    assert 0.0 < found.deviation["mae"] < 0.1
    assert found.losses["mape"] == pytest.approx(
        np.abs(gap / hard["true"].to_numpy()).mean(), rel=0.05
    )


def test_a_regression_on_inputs_never_seen_is_refused() -> None:
    asked = {"target": "true", "prediction": "said"}
    found = mw.estimate_losses(prices(2000, 1), prices(500, 2, 3.0), **asked)
    assert not found.estimable
    assert "has moved by 1.00" in found.why
    empty = mw.estimate_losses(prices(2000, 1), prices(10, 2).slice(0, 0), **asked)
    assert empty.why == "No row has a prediction."
    assert math.isnan(empty.losses["mae"])


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (50, {}, "needs 100"),
        (200, {"losses": ["huber"]}, "no loss 'huber'"),
        (200, {"prediction": "guess"}, "no column 'guess'"),
    ],
)
def test_losses_that_cannot_be_estimated_are_told(
    rows: int, options: dict[str, object], told: str
) -> None:
    asked = {"target": "true", "prediction": "said"} | options
    with pytest.raises(InvalidInput, match=told):
        mw.estimate_losses(prices(rows, 1), prices(10, 2), **asked)


def test_a_share_of_nothing_is_refused() -> None:
    table = prices(200, 1)
    zero = table.set_column(3, "true", pa.array([0.0] * 200))
    with pytest.raises(InvalidInput, match="truth is 0"):
        mw.estimate_losses(zero, table, target="true", prediction="said", losses=["mape"])
