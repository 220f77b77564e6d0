"""Rankings and forecasts are measured as scikit-learn, brute force and the definitions say."""

from __future__ import annotations

import json
import math
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, mean_pinball_loss, ndcg_score

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.commands import monitor
from millwright.monitoring.outcomes import forecast_estimates, forecasts_of, ranking_estimates
from millwright.monitoring.outcomes.ranking import (
    average_precision,
    ndcg,
    precision,
    ranked,
    recall,
    reciprocal_rank,
)

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4)), min_size=1)


def columns(drawn: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    queries, relevance, scores = (np.array(each) for each in zip(*drawn, strict=True))
    return queries, relevance.astype(float), scores / 4.0


@given(rows, st.integers(1, 6))
def test_ndcg_and_average_precision_are_those_of_scikit_learn(
    drawn: list[tuple[int, int, int]], cut: int
) -> None:
    queries, relevance, scores = columns(drawn)
    found = ranked(queries, relevance, scores)
    for place, query in enumerate(np.unique(queries)):
        mine = queries == query
        truth, said = relevance[mine], scores[mine]
        if not truth.any():
            assert math.isnan(ndcg(found, cut)[place])
            assert math.isnan(average_precision(found)[place])
            continue
        if truth.size > 1:
            wanted = ndcg_score(truth[None], said[None], k=cut)
            assert ndcg(found, cut)[place] == pytest.approx(wanted, abs=1e-12)
        wanted = average_precision_score(truth > 0, said)
        assert average_precision(found)[place] == pytest.approx(wanted, abs=1e-12)


@given(
    st.lists(st.tuples(st.just(0), st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=6),
    st.integers(1, 4),
)
def test_the_rest_is_what_is_expected_over_every_order_of_ties(
    drawn: list[tuple[int, int, int]], cut: int
) -> None:
    queries, relevance, scores = columns(drawn)
    found = ranked(queries, relevance, scores)
    orders = [
        [relevance[i] for i in order]
        for order in permutations(range(len(drawn)))
        if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]
    top = np.array([sum(order[:cut]) for order in orders])
    assert precision(found, cut)[0] == pytest.approx(top.mean() / cut)
    if not relevance.any():
        assert math.isnan(recall(found, cut)[0])
        assert math.isnan(reciprocal_rank(found)[0])
        return
    assert recall(found, cut)[0] == pytest.approx(top.mean() / relevance.sum())
    first = [1 / (order.index(1.0) + 1) for order in orders]
    assert reciprocal_rank(found)[0] == pytest.approx(np.mean(first))


def test_queries_count_alike_and_their_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    queries = np.repeat(np.arange(400), 8)
    scores = rng.random(queries.size)
    relevance = (rng.random(queries.size) < 0.2 + 0.5 * scores).astype(float)
    found = {each.metric: each for each in ranking_estimates(queries, relevance, scores, (3,))}
    assert list(found) == ["ndcg@3", "map", "mrr", "precision@3", "recall@3"]
    for each in found.values():
        assert each.low is not None
        assert each.high is not None
        assert each.low < each.value < each.high < each.low + 0.1
    assert found["precision@3"].units == 400
    with pytest.raises(InvalidInput, match="negative"):
        ranking_estimates(queries, -relevance, scores)


def test_errors_are_scaled_by_the_naive_forecast_of_each_series() -> None:
    history = (["a", "a", "b", "a", "b", "b"], np.array([1.0, 3.0, 10.0, 2.0, 20.0, 40.0]))
    actual, said = np.array([5.0, 50.0, 7.0, 60.0]), np.array([6.0, 35.0, 7.0, 60.0])
    found = forecasts_of(actual, said, series=["a", "b", "a", "b"], history=history)
    # By hand: |3-1|, |2-3| for a, |20-10|, |40-20| for b.
    assert found.absolute.tolist() == [1.5, 15.0]
    assert found.squared.tolist() == [2.5, 250.0]
    values = {each.metric: each.value for each in forecast_estimates(found)}
    assert values["mase"] == pytest.approx((1 / 1.5 + 15 / 15) / 4)
    by_series = [math.sqrt((1 / 2.5) / 2), math.sqrt((225 / 250) / 2)]
    assert values["rmsse"] == pytest.approx(np.mean(by_series))
    assert values["smape"] == pytest.approx((2 / 11 + 30 / 85) / 4)


@pytest.mark.parametrize("series", [1, 30])
def test_quantiles_lose_as_scikit_learn_says_and_cover_what_they_should(series: int) -> None:
    rng = np.random.default_rng(5)
    actual = rng.normal(10, 2, 3_000)
    quantiles = {level: np.full(3_000, 10 + 2 * z) for level, z in ((0.1, -1.2816), (0.9, 1.2816))}
    found = forecasts_of(
        actual, np.full(3_000, 10.0), series=np.arange(3_000) % series, quantiles=quantiles
    )
    estimates = {each.metric: each for each in forecast_estimates(found)}
    losses = [mean_pinball_loss(actual, v, alpha=q) for q, v in quantiles.items()]
    assert estimates["pinball@0.1"].value == pytest.approx(losses[0])
    assert estimates["pinball"].value == pytest.approx(np.mean(losses))
    cover = estimates["coverage@80"]
    assert cover.low is not None
    assert cover.high is not None
    assert cover.low < 0.8 < cover.high
    assert estimates["mase"].low is not None
    assert estimates["rmsse"].low is not None


def test_what_has_no_value_is_left_out() -> None:
    nothing = np.empty(0)
    assert ranking_estimates([], nothing, nothing) == ()
    assert forecast_estimates(forecasts_of(nothing, nothing)) == ()
    flat = forecast_estimates(forecasts_of(np.ones(5), np.ones(5)))
    assert [each.metric for each in flat] == ["smape"]


def test_the_commands_print_what_the_functions_find(tmp_path: Path) -> None:
    table = pa.table(
        {
            "q": ["a", "a", "b", "b", None],
            "r": [1, 0, 0, 1, None],
            "s": [0.9, 0.1, 0.8, 0.3, 0.5],
            "low": [0.0, 0.0, 0.0, 0.0, 0.0],
            "high": [1.0, 1.0, 0.5, 0.5, 1.0],
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    asked = ["ranking", str(tmp_path / "log.parquet"), "--query", "q", "--relevance", "r"]
    asked += ["--score", "s", "--cut", "1", "--by", "q"]
    told = CliRunner().invoke(monitor, [*asked, "--json"], catch_exceptions=False)
    found = json.loads(told.output)
    assert {name: part[0]["value"] for name, part in found.items()} == {"": 0.5, "a": 1, "b": 0}
    assert "all rows" in CliRunner().invoke(monitor, asked, catch_exceptions=False).output

    asked = ["forecast", str(tmp_path / "log.parquet"), "--target", "r", "--prediction", "s"]
    asked += ["--quantile", "0.1=low", "--quantile", "0.9=high", "--json"]
    told = CliRunner().invoke(monitor, asked, catch_exceptions=False)
    values = {each["metric"]: each["value"] for each in json.loads(told.output)[""]}
    assert values["coverage@80"] == 0.75
    assert values["mase"] == pytest.approx((0.1 + 0.1 + 0.8 + 0.7) / 4 / (2 / 3))
    wrong = CliRunner().invoke(monitor, [*asked, "--quantile", "2=high"])
    assert wrong.exit_code == 2


def test_what_cannot_be_measured_is_said() -> None:
    table = {"q": [1], "r": [1.0], "s": [0.5]}
    with pytest.raises(InvalidInput, match="no column 'z'"):
        mw.ranking_performance(table, query="z", relevance="r", score="s")
    with pytest.raises(InvalidInput, match="1 row or more"):
        mw.ranking_performance(table, query="q", relevance="r", score="s", cuts=(0,))
    with pytest.raises(InvalidInput, match="1 step or more"):
        mw.forecast_performance(table, target="r", prediction="s", season=0)
