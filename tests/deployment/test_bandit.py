"""How often each arm should answer: the probability that it is the best, never forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.deployment.bandit import probabilities_of_best, thompson_shares

arms = st.lists(st.tuples(st.integers(0, 100_000), st.floats(0, 1)), min_size=2, max_size=5).map(
    lambda found: np.array([(n, n * share) for n, share in found], dtype=float).T
)


@given(arms)
def test_the_probabilities_sum_to_one_and_the_best_mean_of_equal_arms_is_likeliest(found):
    counts, sums = found
    best = probabilities_of_best(counts, sums)
    assert best.sum() == pytest.approx(1.0)
    assert (best >= 0).all()
    if len(set(counts)) == 1 and counts[0]:
        assert sums[best.argmax()] == pytest.approx(sums.max(), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_they_are_what_drawing_from_the_posteriors_finds(seed):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 3_000, 3).astype(float)
    sums = counts * random.uniform(0.3, 0.4, 3)
    draws = random.beta(1 + sums, 1 + counts - sums, size=(200_000, 3)).argmax(axis=1)
    oracle = np.bincount(draws, minlength=3) / len(draws)
    np.testing.assert_allclose(probabilities_of_best(counts, sums), oracle, atol=0.006)


def test_a_better_arm_gets_nearly_everything_and_the_worse_its_floor():
    shares = thompson_shares(np.array([5_000.0, 5_000.0]), np.array([3_000.0, 3_500.0]), 0.02)
    np.testing.assert_allclose(shares, [0.02, 0.98], atol=1e-6)


def test_without_rewards_all_arms_are_equal():
    np.testing.assert_allclose(thompson_shares(np.zeros(4), np.zeros(4), 0.02), 0.25, atol=1e-6)


def test_delayed_rewards_find_the_best_of_three_arms():
    random = np.random.default_rng(3)
    truth, counts, sums = np.array([0.30, 0.35, 0.45]), np.zeros(3), np.zeros(3)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    best = 0
    for _ in range(60):
        pulls = random.multinomial(100, thompson_shares(counts, sums, 0.02))
        best += pulls[2]
        waiting.append((pulls, random.binomial(pulls, truth)))
        if len(waiting) > 5:  # a reward comes five batches late
            late, earned = waiting.pop(0)
            counts, sums = counts + late, sums + earned
    assert best > 0.75 * 6_000
