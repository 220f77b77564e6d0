"""Effect sizes agree with scipy where the definition is the same, and are defined everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance
from scipy.stats import ks_2samp, wasserstein_distance

from millwright.kernel.effect_sizes import (
    jensen_shannon,
    kolmogorov_smirnov,
    normed_wasserstein,
    population_stability_index,
    total_variation,
    wasserstein,
)

samples = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6)), min_size=1, max_size=60
)
histograms = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 500), min_size=n, max_size=n).filter(any),
        st.lists(st.integers(0, 500), min_size=n, max_size=n).filter(any),
    )
)


@settings(deadline=None)
@given(samples, samples)
def test_kolmogorov_smirnov_agrees_with_scipy(left: list[float], right: list[float]) -> None:
    expected = ks_2samp(left, right, method="asymp").statistic
    assert kolmogorov_smirnov(left, right) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)
@given(samples, samples)
def test_wasserstein_agrees_with_scipy(left: list[float], right: list[float]) -> None:
    expected = wasserstein_distance(left, right)
    assert wasserstein(left, right) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(histograms)
def test_jensen_shannon_agrees_with_scipy(pair: tuple[list[int], list[int]]) -> None:
    left, right = pair
    expected = distance.jensenshannon(left, right, base=2)
    # The square of the distance is what rounding errs on.
    assert jensen_shannon(left, right) ** 2 == pytest.approx(expected**2, abs=1e-9)


@settings(deadline=None)
@given(histograms)
def test_histogram_sizes_are_symmetric_bounded_and_zero_for_equal_shares(
    pair: tuple[list[int], list[int]],
) -> None:
    left, right = pair
    for size in (jensen_shannon, total_variation):
        assert 0.0 <= size(left, right) <= 1.0 + 1e-12
        assert size(left, right) == pytest.approx(size(right, left), abs=1e-9)
        assert size(left, [3 * count for count in left]) == pytest.approx(0.0, abs=1e-7)
    assert population_stability_index(left, right) >= -1e-12
    assert population_stability_index(left, left) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None)
@given(histograms)
def test_total_variation_is_half_the_sum_of_differences(
    pair: tuple[list[int], list[int]],
) -> None:
    left, right = pair
    expected = 0.0
    for one, other in zip(left, right, strict=True):
        expected += abs(one / sum(left) - other / sum(right)) / 2
    assert total_variation(left, right) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(samples, st.floats(-50, 50))
def test_a_shift_costs_its_length_in_reference_deviations(left: list[float], by: float) -> None:
    values = np.array(left)
    if values.std() < 1e-3:
        return
    assert normed_wasserstein(values, values + by) == pytest.approx(
        abs(by) / values.std(), rel=1e-6, abs=1e-6
    )


def test_empty_and_constant_inputs_have_answers() -> None:
    assert kolmogorov_smirnov([], [1.0]) == 0.0
    assert wasserstein([1.0], []) == 0.0
    assert jensen_shannon([0, 0], [1, 2]) == 0.0
    assert total_variation([1, 2], [0, 0]) == 0.0
    assert population_stability_index([1, 2], [0, 0]) == 0.0
    assert normed_wasserstein([2.0, 2.0], [2.0]) == 0.0
    assert normed_wasserstein([2.0, 2.0], [3.0]) == float("inf")
    assert kolmogorov_smirnov([1.0, 2.0], [float("inf"), float("inf")]) == 1.0
    assert wasserstein([1.0, float("inf")], [2.0]) == 1.0
