"""Bootstrap intervals and paired comparisons."""

from __future__ import annotations

import numpy as np
import pytest

from millwright.evaluation import compare, evaluate, intervals, metrics_for, observe
from millwright.evaluation.intervals import resamples
from millwright.evaluation.metrics import Weighted
from millwright.kernel.errors import InvalidInput

pytestmark = pytest.mark.core

BINARY, ABC = ("no", "yes"), ("a", "b", "c")


def made(task, rows, seed=0):
    generator = np.random.default_rng(seed)
    if task == "regression":
        y = generator.normal(size=rows)
        return y, y + generator.normal(size=rows)
    if task == "multiclass":
        y = generator.integers(0, 3, rows)
        p = np.exp(generator.normal(size=(rows, 3)) + np.eye(3)[y])
        return y, p / p.sum(axis=1, keepdims=True)
    signal = generator.normal(size=rows)
    y = (generator.random(rows) < 1 / (1 + np.exp(-signal))).astype(int)
    return y, (1 / (1 + np.exp(-signal - generator.normal(size=rows)))).round(2)


@pytest.mark.parametrize(
    ("task", "classes"), [("binary", BINARY), ("multiclass", ABC), ("regression", ())]
)
def test_weights_count_rows_as_often_as_a_copied_table_would(task, classes):
    y, p = made(task, 80)
    observed = observe(task, classes, y, p)
    counts = next(resamples(80, 20, seed=1))
    rows = Weighted(observed, counts)
    weighted = {m.name: m.compute(rows) for m in metrics_for(task)}
    for line, weights in enumerate(counts):
        copied = np.repeat(np.arange(80), weights.astype(int))
        plain = evaluate(task, classes, y[copied], p[copied])
        for name, value in plain.items():
            assert weighted[name][line] == pytest.approx(value), name


def test_every_resample_draws_as_many_rows_as_there_are():
    blocks = list(resamples(30, 50, seed=3))
    counts = np.concatenate(blocks)
    assert counts.shape == (50, 30)
    assert (counts.sum(axis=1) == 30).all()


def test_large_data_are_resampled_in_blocks_and_less_often():
    blocks = list(resamples(100_000, 200, seed=3))
    assert len(blocks) > 1
    assert sum(len(block) for block in blocks) == 100


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rows, truth, covered, times = 300, 0.0, 0, 80
    reference = made("binary", 200_000, seed=99)
    truth = evaluate("binary", BINARY, *reference)["roc_auc"]
    for seed in range(times):
        found = intervals(observe("binary", BINARY, *made("binary", rows, seed)))["roc_auc"]
        assert found.low <= found.value <= found.high
        covered += found.low <= truth <= found.high
    assert covered / times > 0.85


def test_intervals_get_narrower_with_rows_and_repeat_with_the_seed():
    small, large = (
        intervals(observe("binary", BINARY, *made("binary", rows)))["roc_auc"]
        for rows in (200, 5_000)
    )
    assert large.high - large.low < (small.high - small.low) / 2
    again = intervals(observe("binary", BINARY, *made("binary", 200)))["roc_auc"]
    assert again == small


def test_an_undefined_metric_has_no_interval():
    found = intervals(observe("binary", BINARY, [0, 0, 0], [0.1, 0.2, 0.3]))
    assert "roc_auc" not in found
    assert "brier" in found


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_better_challenger_is_better_whichever_way_the_metric_goes(metric):
    y, p = made("binary", 2_000)
    worse = np.clip(p + np.random.default_rng(5).normal(size=len(p)) * 0.4, 0.001, 0.999)
    found = compare("binary", y, worse, p.clip(0.001, 0.999), metric)
    assert found.rows == 2_000
    assert 0 < found.low < found.difference < found.high
    assert found.probability_better > 0.99
    turned = compare("binary", y, p.clip(0.001, 0.999), worse, metric)
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.probability_better < 0.01


def test_a_model_is_no_better_than_itself():
    y, p = made("multiclass", 500)
    found = compare("multiclass", y, p, p)
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert found.probability_better == 0.5


def test_pairing_sees_a_difference_that_separate_intervals_do_not():
    y, p = made("regression", 400)
    slightly_better = p + (y - p) * 0.05
    found = compare("regression", y, p, slightly_better, "rmse")
    assert found.low > 0
    separate = intervals(observe("regression", (), y, p))["rmse"]
    assert separate.high - separate.low > found.high - found.low


def test_a_comparison_that_cannot_be_made_says_so():
    with pytest.raises(InvalidInput, match="cannot be computed on these 3 rows"):
        compare("binary", [0, 0, 0], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])


def test_labels_may_be_text_when_the_classes_are_given():
    found = compare("binary", ["no", "yes"] * 50, [0.4] * 100, [0.3, 0.6] * 50, classes=BINARY)
    assert found.challenger == 1.0
