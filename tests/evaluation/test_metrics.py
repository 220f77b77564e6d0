"""Metrics against scikit-learn and SciPy, on made-up outcomes with many ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from millwright.evaluation import METRICS, default_metric, evaluate, find_metric, metrics_for
from millwright.kernel.errors import InvalidInput
from millwright.training.objective import objective

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="the oracle of these tests")
pytestmark = pytest.mark.core

BINARY = ("no", "yes")
ABC = ("a", "b", "c")

rounded = st.integers(0, 20).map(lambda i: i / 20)
binary_rows = st.lists(st.tuples(st.integers(0, 1), rounded), min_size=1, max_size=60)
abc_rows = st.lists(
    st.tuples(st.integers(0, 2), st.tuples(*[st.integers(1, 5)] * 3)), min_size=1, max_size=50
)
number_rows = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=1, max_size=50
)


def columns(rows):
    y, p = zip(*rows, strict=True)
    return np.asarray(y), np.asarray(p, dtype=float)


@given(binary_rows)
@settings(max_examples=80)
def test_binary_metrics_are_those_of_scikit_learn(rows):
    y, p = columns(rows)
    mine = evaluate("binary", BINARY, y, p)
    labels = (p >= 0.5).astype(int)
    expected = {
        "log_loss": sklearn_metrics.log_loss(y, p, labels=[0, 1]),
        "brier": np.mean((p - y) ** 2),
        "accuracy": sklearn_metrics.accuracy_score(y, labels),
    }
    if 0 < y.sum() < len(y):
        expected["roc_auc"] = sklearn_metrics.roc_auc_score(y, p)
    if y.any():
        expected["average_precision"] = sklearn_metrics.average_precision_score(y, p)
        expected["recall"] = sklearn_metrics.recall_score(y, labels)
    if labels.any():
        expected["precision"] = sklearn_metrics.precision_score(y, labels)
    if y.any() or labels.any():
        expected["f1"] = sklearn_metrics.f1_score(y, labels)
    assert mine.pop("ece") == pytest.approx(ece_by_hand(y, p))
    # A probability of exactly 0 or 1 for the wrong class is clipped differently.
    if expected["log_loss"] > 0.7:
        expected.pop("log_loss")
        mine.pop("log_loss")
    assert mine == pytest.approx(expected)


def ece_by_hand(y, p):
    total = 0.0
    for low in range(10):
        inside = (np.minimum((p * 10).astype(int), 9)) == low
        if inside.any():
            total += inside.mean() * abs(p[inside].mean() - y[inside].mean())
    return total


def test_log_loss_of_a_sure_mistake_is_large_but_finite():
    assert 30 < evaluate("binary", BINARY, [1, 0], [0.0, 0.0])["log_loss"] * 2 < 40


@given(abc_rows)
def test_multiclass_metrics_are_those_of_scikit_learn(rows):
    y, weights = columns(rows)
    p = weights / weights.sum(axis=1, keepdims=True)
    mine = evaluate("multiclass", ABC, y, p)
    labels = p.argmax(axis=1)
    expected = {
        "log_loss": sklearn_metrics.log_loss(y, p, labels=[0, 1, 2]),
        "accuracy": sklearn_metrics.accuracy_score(y, labels),
        "macro_f1": sklearn_metrics.f1_score(y, labels, average="macro"),
    }
    present = np.unique(y)
    if len(present) == 3:
        expected["roc_auc_ovr"] = sklearn_metrics.roc_auc_score(
            y, p, multi_class="ovr", average="weighted"
        )
    elif len(present) == 2:
        expected["roc_auc_ovr"] = sum(
            np.mean(y == k) * sklearn_metrics.roc_auc_score(y == k, p[:, k]) for k in present
        )
    assert mine == pytest.approx(expected)


@given(number_rows)
def test_regression_metrics_are_those_of_scikit_learn(rows):
    y, p = columns(rows)
    mine = evaluate("regression", (), y, p)
    expected = {
        "mae": sklearn_metrics.mean_absolute_error(y, p),
        "rmse": np.sqrt(sklearn_metrics.mean_squared_error(y, p)),
        "median_ae": sklearn_metrics.median_absolute_error(y, p),
    }
    if len(set(y.tolist())) > 1:
        expected["r2"] = sklearn_metrics.r2_score(y, p)
    if np.abs(y).sum() > 0:
        expected["wape"] = np.abs(y - p).sum() / np.abs(y).sum()
    assert mine == pytest.approx(expected)


def test_auc_equals_the_mann_whitney_statistic():
    stats = pytest.importorskip("scipy.stats", reason="the oracle of this test")
    generator = np.random.default_rng(0)
    y, p = generator.integers(0, 2, 500), generator.integers(0, 30, 500) / 30
    u = stats.mannwhitneyu(p[y == 1], p[y == 0]).statistic
    pairs = (y == 1).sum() * (y == 0).sum()
    assert evaluate("binary", BINARY, y, p)["roc_auc"] == pytest.approx(u / pairs)


def test_labels_may_come_as_text_and_positions_alike():
    p = [0.2, 0.9, 0.4]
    text = evaluate("binary", BINARY, ["no", "yes", "yes"], p)
    assert text == evaluate("binary", BINARY, [0, 1, 1], p)


def test_the_threshold_decides_what_counts_as_positive():
    y, p = [0, 1, 1], [0.1, 0.3, 0.4]
    assert "precision" not in evaluate("binary", BINARY, y, p)
    assert evaluate("binary", BINARY, y, p, threshold=0.2)["recall"] == 1.0


@pytest.mark.parametrize(
    ("y", "p", "words"),
    [
        (["no", "maybe"], [0.1, 0.2], "'maybe' is none of the model's classes"),
        ([0, 1], [0.1], "shape"),
        ([0, 1], [0.1, np.nan], "not finite"),
        ([0, 7], [0.1, 0.2], "'7'"),
        ([], [], "no rows"),
    ],
)
def test_what_cannot_be_measured_is_met_with_a_sentence(y, p, words):
    with pytest.raises(InvalidInput, match=words):
        evaluate("binary", BINARY, y, p)


def test_an_unknown_metric_is_named_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'roc_auc'"):
        find_metric("binary", "rocauc")
    with pytest.raises(InvalidInput, match="no metric 'rmse' for a binary model"):
        find_metric("binary", "rmse")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_search_maximises_the_metric_that_the_evaluation_reports(task):
    generator = np.random.default_rng(1)
    y = generator.integers(0, 3, 200) if task == "multiclass" else generator.integers(0, 2, 200)
    p = generator.random((200, 3)) if task == "multiclass" else generator.random(200)
    if task == "multiclass":
        p /= p.sum(axis=1, keepdims=True)
    mine = evaluate(task, ABC if task == "multiclass" else BINARY, y, p)
    assert objective(task).name == default_metric(task)
    for metric in metrics_for(task):
        try:
            goal = objective(task, metric.name)
        except InvalidInput:
            continue
        assert goal.value(y, p) == pytest.approx(mine[metric.name])
        assert (goal.sign > 0) == METRICS[metric.name].higher_is_better


@given(binary_rows, st.integers(0, 10))
def test_metrics_do_not_depend_on_the_order_of_rows(rows, seed):
    assume(len(rows) > 1)
    y, p = columns(rows)
    order = np.random.default_rng(seed).permutation(len(y))
    assert evaluate("binary", BINARY, y, p) == pytest.approx(
        evaluate("binary", BINARY, y[order], p[order])
    )
