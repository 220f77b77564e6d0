"""Explanations: importance finds what matters, contributions add up and are Shapley values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.evaluation import explain_rows, find_metric, observe, permutation_importance
from millwright.kernel.encoding import from_arrow
from millwright.kernel.model_package import Field

pytestmark = pytest.mark.core

NAMES = ("a", "b", "c")
FIELDS = tuple(Field(name=name, kind="numeric") for name in NAMES)


def table_of(seed, rows=40):
    generator = np.random.default_rng(seed)
    return pa.table({name: generator.normal(size=rows) for name in NAMES})


def values_of(table):
    return [from_arrow(table[name]) for name in NAMES]


def curved(table):
    a, b, c = values_of(table)
    return a * b + np.sin(c) + 2 * a


def linear(table):
    a, b, _ = values_of(table)
    return 3 * a - 2 * b


def shares(table):
    logits = np.column_stack(values_of(table))
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True)


@given(st.integers(0, 1_000), st.integers(1, 12))
@settings(max_examples=30)
def test_contributions_sum_to_the_prediction_minus_the_baseline(seed, orders):
    table, background = table_of(seed), table_of(seed + 1, 15)
    for predict, classes in ((curved, ()), (shares, NAMES)):
        explained = explain_rows(
            predict, table, [0, 7], background, FIELDS, classes, orders=orders, seed=seed
        )
        assert [e.row for e in explained] == [0, 7]
        for entry in explained:
            total = sum(part.contribution for part in entry.contributions)
            assert entry.baseline + total == pytest.approx(entry.prediction)
            assert sorted(part.field for part in entry.contributions) == list(NAMES)


def exact_shapley(predict, row, background):
    """The definition: a weighted mean over all coalitions, and over the background rows."""

    def worth(known):
        columns = {
            name: np.full(background.num_rows, row[name])
            if name in known
            else from_arrow(background[name])
            for name in NAMES
        }
        return predict(pa.table(columns)).mean()

    found = {}
    for name in NAMES:
        others = [other for other in NAMES if other != name]
        total = 0.0
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(len(others) - size)
            for known in itertools.combinations(others, size):
                total += weight * (worth({*known, name}) - worth(known))
        found[name] = total / math.factorial(len(NAMES))
    return found


def test_sampled_contributions_approach_the_exact_shapley_values():
    table, background = table_of(1), table_of(2, 8)
    entry = explain_rows(curved, table, [3], background, FIELDS, orders=6_000)[0]
    exact = exact_shapley(curved, table.slice(3, 1).to_pylist()[0], background)
    for part in entry.contributions:
        assert part.contribution == pytest.approx(exact[part.field], abs=0.06)


def test_a_linear_model_is_explained_exactly_by_a_single_background_row():
    table, background = table_of(1), table_of(2, 1)
    entry = explain_rows(linear, table, [0], background, FIELDS, orders=2)[0]
    row, base = table.to_pylist()[0], background.to_pylist()[0]
    found = {part.field: part.contribution for part in entry.contributions}
    assert found["a"] == pytest.approx(3 * (row["a"] - base["a"]))
    assert found["b"] == pytest.approx(-2 * (row["b"] - base["b"]))
    assert found["c"] == 0
    assert entry.contributions[-1].field == "c", "the strongest comes first"


def test_the_predicted_class_is_the_one_explained():
    table = table_of(4)
    for i, entry in enumerate(explain_rows(shares, table, range(5), table, FIELDS, NAMES)):
        assert entry.label == NAMES[shares(table)[i].argmax()]
        assert entry.prediction == pytest.approx(shares(table)[i].max())


def test_the_same_seed_explains_the_same_way():
    table = table_of(4)
    first, second = (explain_rows(curved, table, [1], table, FIELDS, seed=5) for _ in range(2))
    assert first == second


def test_text_and_gaps_are_explained_too():
    table = pa.table({"size": [1.0, None, 3.0], "city": ["Rome", "Oslo", None]})
    fields = (Field(name="size", kind="numeric"), Field(name="city", kind="categorical"))

    def predict(rows):
        bonus = np.asarray([2.0 * (city == "Rome") for city in rows["city"].to_pylist()])
        return np.nan_to_num(from_arrow(rows["size"])) + bonus

    entry = explain_rows(predict, table, [0], table.slice(1), fields, orders=40)[0]
    city = next(part for part in entry.contributions if part.field == "city")
    assert city.value == "Rome"
    assert city.contribution == pytest.approx(2.0)


def test_importance_ranks_fields_by_what_the_model_uses():
    table = table_of(0, 1_000)
    y = linear(table) + np.random.default_rng(0).normal(size=1_000) * 0.1
    observed = observe("regression", (), y, linear(table))
    for name in ("r2", "rmse"):
        metric = find_metric("regression", name)
        found = permutation_importance(linear, table, FIELDS, observed, metric)
        assert [entry.field for entry in found] == ["a", "b", "c"]
        assert found[0].importance > found[1].importance > 0.5
        assert found[2].importance == 0
