"""Requests that are scored together: each caller gets its own rows, and nobody another's error."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.serving.batching import MOST_ROWS
from millwright.serving.config import ServerConfig
from millwright.serving.latency import LatencyModel
from millwright.serving.replies import Expired
from millwright.serving.signature import Rows
from millwright.serving.variant import Variant, load_generation


@pytest.fixture
def variant(make_package, one_champion) -> Variant:
    config = ServerConfig.model_validate(one_champion(make_package(task="multiclass")))
    return load_generation(config, {}).champion


def rows_of(seed: int, count: int) -> Rows:
    random = np.random.default_rng(seed)
    return Rows.of_columns(
        [
            random.normal(500, 250, count).tolist(),
            random.choice(["AA", "UA"], count).tolist(),
            random.integers(0, 2, count).astype(float).tolist(),
        ],
        count,
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(1, 16), st.booleans()), min_size=1, max_size=60))
def test_everybody_gets_their_own_rows_however_requests_fall_together(variant, requests):
    async def ask(seed: int, count: int, later: bool):
        if later:
            await asyncio.sleep(0)
        return (await variant.batcher.submit(rows_of(seed, count))).outcome

    async def all_of_them():
        return await asyncio.gather(*(ask(i, n, late) for i, (n, late) in enumerate(requests)))

    outcomes = asyncio.run(all_of_them())
    for seed, ((count, _), outcome) in enumerate(zip(requests, outcomes, strict=True)):
        alone = variant.score(rows_of(seed, count))
        assert outcome.labels == alone.labels
        np.testing.assert_allclose(outcome.probabilities, alone.probabilities, rtol=1e-6)
        assert len(outcome.scores) == count


def test_one_bad_request_spoils_only_itself(variant):
    bad = Rows.of_columns([[1e300], ["AA"], [0.0]], 1)

    async def together():
        futures = [variant.batcher.submit(rows_of(i, 2)) for i in range(3)]
        futures.insert(1, variant.batcher.submit(bad))
        return await asyncio.gather(*futures, return_exceptions=True)

    first, failed, *others = asyncio.run(together())
    assert isinstance(failed, InvalidInput)
    assert [len(scored.outcome.scores) for scored in (first, *others)] == [2, 2, 2]


def test_a_caller_who_went_away_costs_nothing(variant):
    async def leave():
        gone, staying = (variant.batcher.submit(rows_of(i, 1)) for i in range(2))
        gone.cancel()
        return await staying

    before = variant.batcher.rows
    assert len(asyncio.run(leave()).outcome.scores) == 1
    assert variant.batcher.rows == before + 1


def test_batches_are_as_large_as_what_arrived_and_no_larger_than_allowed(variant):
    async def many():
        await asyncio.gather(*(variant.batcher.submit(rows_of(i, 16)) for i in range(20)))

    before = variant.batcher.released.copy()
    asyncio.run(many())
    released = variant.batcher.released - before
    assert released["full"] == 20 * 16 // MOST_ROWS
    assert released["idle"] == 1


def test_a_request_whose_time_is_over_is_not_scored(variant):
    async def both():
        now = time.perf_counter_ns()
        late = variant.batcher.submit(rows_of(1, 1), now - 1)
        early = variant.batcher.submit(rows_of(2, 1), now + 60_000_000_000)
        return await asyncio.gather(late, early, return_exceptions=True)

    before = variant.batcher.rows
    late, early = asyncio.run(both())
    assert isinstance(late, Expired)
    assert len(early.outcome.scores) == 1
    assert (variant.batcher.expired, variant.batcher.rows) == (1, before + 1)


@given(st.floats(0, 0.005), st.floats(1e-6, 1e-3), st.lists(st.integers(1, 128), min_size=40))
def test_the_size_of_a_batch_follows_from_how_long_the_model_takes(fixed, each, sizes):
    model = LatencyModel(0.010)
    for rows in sizes:
        model.learn(rows, fixed + each * rows)
    if len(set(sizes[-30:])) > 1:
        assert model.most_rows == pytest.approx((0.010 - fixed) / each, rel=0.05, abs=1.5)
    else:
        assert model.most_rows >= 1
