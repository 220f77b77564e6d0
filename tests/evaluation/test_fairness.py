"""Fairness: rates per group and the gaps between them, against a count by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.evaluation import fairness, observe

pytestmark = pytest.mark.core

BINARY = ("no", "yes")


def rates_by_hand(y, said):
    return {
        "selection_rate": said.mean(),
        "tpr": said[y == 1].mean(),
        "fpr": said[y == 0].mean(),
        "precision": y[said == 1].mean(),
    }


@given(st.integers(0, 10_000))
def test_rates_and_gaps_are_what_counting_gives(seed):
    generator = np.random.default_rng(seed)
    group = generator.choice(["x", "y", "z"], 900)
    y = generator.integers(0, 2, 900)
    p = np.clip(generator.random(900) + 0.2 * (group == "x") + 0.1 * y, 0, 1)
    found = fairness(pa.table({"g": group}), "g", observe("binary", BINARY, y, p))
    said = (p >= 0.5).astype(int)
    by_hand = {name: rates_by_hand(y[group == name], said[group == name]) for name in "xyz"}
    for entry in found.groups:
        for rate, value in by_hand[entry.name].items():
            assert getattr(entry, rate) == pytest.approx(value)
        assert entry.calibration == pytest.approx((p - y)[group == entry.name].mean(), abs=1e-12)

    def gap(rate):
        values = [by_hand[name][rate] for name in "xyz"]
        return max(values) - min(values)

    selection = [by_hand[name]["selection_rate"] for name in "xyz"]
    assert found.gaps == pytest.approx(
        {
            "demographic_parity_difference": gap("selection_rate"),
            "equal_opportunity_difference": gap("tpr"),
            "equalized_odds_difference": max(gap("tpr"), gap("fpr")),
            "disparate_impact": min(selection) / max(selection),
        }
    )
    assert found.gap == found.gaps["equalized_odds_difference"]


def test_groups_of_a_few_rows_are_shown_but_do_not_make_a_gap():
    y = np.asarray([0, 1] * 100 + [0, 1, 1])
    p = np.asarray([0.2, 0.8] * 100 + [0.9, 0.9, 0.9])
    table = pa.table({"g": ["x", "x", "y", "y"] * 50 + ["few"] * 3})
    found = fairness(table, "g", observe("binary", BINARY, y, p))
    assert {group.name for group in found.groups} == {"x", "y", "few"}
    assert found.gaps["demographic_parity_difference"] == 0
    assert found.gaps["disparate_impact"] == 1


def test_one_group_has_no_gap():
    found = fairness(
        pa.table({"g": ["x"] * 60}), "g", observe("binary", BINARY, [0, 1] * 30, [0.5] * 60)
    )
    assert found.gaps == {}
    assert found.gap is None


def test_numbers_are_grouped_by_quarters_and_regression_compared_by_error():
    age = np.arange(400.0)
    y = np.zeros(400)
    p = np.where(age < 100, 2.0, 0.0)
    found = fairness(pa.table({"age": age}), "age", observe("regression", (), y, p))
    assert len(found.groups) == 4
    assert found.gaps == {"mean_error_difference": 2.0, "mae_difference": 2.0}
    assert found.gap == 2.0


def test_for_several_classes_the_largest_gap_of_any_class_counts():
    group = np.repeat(["x", "y"], 300)
    y = np.tile([0, 1, 2], 200)
    p = np.eye(3)[y] * 0.8 + 0.1
    p[(group == "y") & (y == 2)] = [0.9, 0.05, 0.05]
    found = fairness(pa.table({"g": group}), "g", observe("multiclass", ("a", "b", "c"), y, p))
    assert found.gaps["equal_opportunity_difference"] == pytest.approx(1.0)
    assert found.gaps["demographic_parity_difference"] == pytest.approx(1 / 3)
    assert found.gaps["disparate_impact"] == 0
