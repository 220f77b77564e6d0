"""Columns that know the outcome are found; columns that are merely useful are not accused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from millwright.features import find_leaks
from millwright.features.power import auc, power_of_column, rank_correlation

ROWS = 2000
START = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    random = np.random.default_rng(5)
    late = random.random(ROWS) < 0.3
    unknown = random.random(ROWS) < 0.05
    time = [START + timedelta(minutes=int(i)) for i in range(ROWS)]
    return pa.table(
        {
            "late": pa.array(late, mask=unknown),
            "time": time,
            "useful": late + random.normal(0, 1, ROWS),
            "noise": random.normal(0, 1, ROWS),
            "sometimes_empty": pa.array(random.normal(0, 1, ROWS), mask=random.random(ROWS) < 0.4),
            "answer": np.where(late, 100.0, 3.0) + random.normal(0, 1, ROWS),
            "answer_in_words": np.where(late, "yes", "no"),
            "paid": pa.array(random.normal(0, 1, ROWS), mask=unknown),
            "closed_at": [t + timedelta(hours=1) for t in time],
            "opened_at": [t - timedelta(hours=1) for t in time],
            "unique_id": [f"id-{i}" for i in range(ROWS)],
        }
    )


def test_each_kind_of_evidence_finds_its_column_and_nothing_else(table: pa.Table) -> None:
    found = {leak.column: leak.evidence for leak in find_leaks(table, "late", "time")}
    assert found == {
        "answer": "predictive_power",
        "answer_in_words": "predictive_power",
        "paid": "missingness",
        "closed_at": "recorded_later",
    }


def test_every_leak_says_why_in_a_sentence(table: pa.Table) -> None:
    reasons = {leak.column: leak.reason for leak in find_leaks(table, "late", "time")}
    assert "AUC 1.000" in reasons["answer"]
    assert "recorded together with the outcome" in reasons["paid"]
    assert "100% of its times are later than 'time'" in reasons["closed_at"]


def test_a_numeric_target_is_given_away_by_a_copy_of_itself() -> None:
    random = np.random.default_rng(5)
    price = random.lognormal(3, 1, 500)
    table = pa.table(
        {"price": price, "with_tax": price * 1.2, "size": price + random.normal(0, 20, 500)}
    )
    assert [leak.column for leak in find_leaks(table, "price")] == ["with_tax"]


def test_a_class_among_many_is_given_away_too() -> None:
    random = np.random.default_rng(5)
    kind = random.choice(["a", "b", "c"], 600)
    table = pa.table({"kind": kind, "code": np.char.add("x", kind), "other": random.random(600)})
    assert [leak.column for leak in find_leaks(table, "kind")] == ["code"]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=60).filter(
        lambda rows: len({positive for _, positive in rows}) == 2
    )
)
def test_the_area_under_the_curve_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    values = np.array([float(v) for v, _ in rows])
    positive = np.array([p for _, p in rows])
    assert auc(values, positive) == pytest.approx(roc_auc_score(positive, values))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=3, max_size=60))
def test_rank_correlation_agrees_with_scipy(rows: list[tuple[int, int]]) -> None:
    first, second = (np.array(side, dtype=float) for side in zip(*rows, strict=True))
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert rank_correlation(first, second) == 0.0
    else:
        assert rank_correlation(first, second) == pytest.approx(
            stats.spearmanr(first, second).statistic, abs=1e-9
        )


def test_an_id_that_occurs_once_proves_nothing() -> None:
    ids = pa.chunked_array([[f"id-{i}" for i in range(400)]])
    labels = pa.chunked_array([["yes" if i % 3 else "no" for i in range(400)]])
    power = power_of_column(ids, labels)
    assert power is not None
    assert power < 0.6
