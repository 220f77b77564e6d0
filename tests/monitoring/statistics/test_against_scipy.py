"""Every statistic and p-value is SciPy's, ties, lopsided sizes and few rows included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from millwright.monitoring.statistics import contingency
from millwright.monitoring.statistics.binning import counts_between, edges_of
from millwright.monitoring.statistics.kolmogorov import one_sample_sf, two_sample_sf
from millwright.monitoring.statistics.merged import Distances, distances, sorted_values, steps
from millwright.monitoring.statistics.ranks import (
    anderson_darling,
    cramer_von_mises,
    energy_distance,
    kolmogorov_smirnov,
    kuiper,
    mann_whitney,
)
from millwright.monitoring.statistics.special import Floats, chi_square_sf

CLOSE = {"rel": 1e-9, "abs": 1e-9}
samples = st.lists(
    st.one_of(st.integers(-4, 4).map(float), st.floats(-1e3, 1e3)), min_size=2, max_size=50
)
counts = st.integers(2, 9).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 400), min_size=n, max_size=n).filter(any)] * 2)
)


def compared(left: list[float] | Floats, right: list[float] | Floats) -> Distances:
    return distances(np.sort(np.asarray(left)), np.sort(np.asarray(right)))


@pytest.mark.filterwarnings("ignore:ks_2samp")
@settings(deadline=None)
@given(samples, samples)
def test_distances_between_distribution_functions(left: list[float], right: list[float]) -> None:
    found = compared(left, right)
    test = kolmogorov_smirnov(found, len(left), len(right))
    wanted = stats.ks_2samp(left, right, method="exact")
    assert test.statistic == pytest.approx(wanted.statistic, **CLOSE)
    if wanted.statistic * len(left) * len(right) > max(len(left), len(right)):
        # SciPy falls back on an approximation where the exact answer is 1 and rounding is above.
        assert test.p_value == pytest.approx(wanted.pvalue, **CLOSE)
    assert found.area == pytest.approx(stats.wasserstein_distance(left, right), **CLOSE)
    # Its square is what rounding errs on.
    energy = stats.energy_distance(left, right)
    assert energy_distance(found) ** 2 == pytest.approx(energy**2, **CLOSE)


@settings(deadline=None)
@given(samples, samples)
def test_rank_tests(left: list[float], right: list[float]) -> None:
    pair = steps(np.sort(np.asarray(left)), np.sort(np.asarray(right)))
    found, wanted = mann_whitney(pair), stats.mannwhitneyu(left, right)
    assert found.statistic == pytest.approx(wanted.statistic, **CLOSE)
    if pair.values.size > 1:
        assert found.p_value == pytest.approx(wanted.pvalue, **CLOSE)
    cramer = stats.cramervonmises_2samp(left, right, method="asymptotic")
    assert cramer_von_mises(pair).statistic == pytest.approx(cramer.statistic, **CLOSE)
    assert cramer_von_mises(pair).p_value == pytest.approx(cramer.pvalue, **CLOSE)


@pytest.mark.filterwarnings("ignore:p-value")
@pytest.mark.parametrize("rows", [(5, 9), (40, 300), (2000, 700)])
@pytest.mark.parametrize("shift", [0.0, 0.2, 2.0])
def test_anderson_darling(rows: tuple[int, int], shift: float) -> None:
    rng = np.random.default_rng(3)
    left, right = rng.normal(0, 1, rows[0]).round(1), rng.normal(shift, 1, rows[1]).round(1)
    found = anderson_darling(steps(np.sort(left), np.sort(right)))
    wanted = stats.anderson_ksamp([left, right])
    assert found.statistic == pytest.approx(wanted.statistic, **CLOSE)
    assert found.p_value == pytest.approx(wanted.pvalue, **CLOSE)


@pytest.mark.parametrize("n", [2, 20, 140, 141, 3000, 20_000, 300_000])
@pytest.mark.parametrize("z", [0.3, 0.6, 0.9, 1.3, 1.5, 2.5])
def test_the_one_sample_distribution(n: int, z: float) -> None:
    assert one_sample_sf(z / n**0.5, n) == pytest.approx(stats.kstwo.sf(z / n**0.5, n), abs=1e-9)


@pytest.mark.parametrize("sizes", [(7, 7), (1, 9), (60, 80), (997, 1000), (12_000, 300)])
@pytest.mark.parametrize("distance", [0.02, 0.1, 0.3, 0.9])
def test_the_two_sample_distribution(sizes: tuple[int, int], distance: float) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.random(sizes[0]), rng.random(sizes[1]) + distance
    wanted = stats.ks_2samp(left, right)
    found = two_sample_sf(wanted.statistic, *sizes)
    assert found == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-9)


@settings(deadline=None)
@given(counts)
def test_tests_of_counts(pair: tuple[list[int], list[int]]) -> None:
    kept = [(a, b) for a, b in zip(*pair, strict=True) if a + b]
    table = np.array(kept).T
    for ours, method in (
        (contingency.chi_square, "pearson"),
        (contingency.g_test, "log-likelihood"),
    ):
        found = ours(*pair)
        wanted = stats.chi2_contingency(table, correction=False, lambda_=method)
        assert found.statistic == pytest.approx(wanted.statistic, **CLOSE)
        assert found.p_value == pytest.approx(wanted.pvalue, **CLOSE)


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=4, max_size=4))
def test_fishers_exact_test(cells: list[int]) -> None:
    found = contingency.fisher_exact(cells[:2], cells[2:])
    wanted = stats.fisher_exact([cells[:2], cells[2:]])
    assert found.statistic == pytest.approx(wanted.statistic, nan_ok=True, **CLOSE)
    assert found.p_value == pytest.approx(wanted.pvalue, **CLOSE)


@pytest.mark.parametrize("freedom", [1, 4, 90, 1e5])
@pytest.mark.parametrize("tail", [1e-12, 1e-3, 0.5, 0.99])
def test_the_tail_of_chi_square(freedom: float, tail: float) -> None:
    value = stats.chi2.isf(tail, freedom)
    assert chi_square_sf(value, freedom) == pytest.approx(tail, rel=1e-8)


@pytest.mark.parametrize("rule", ["sturges", "doane"])
@pytest.mark.parametrize("kind", ["normal", "few", "constant", "two"])
def test_bins_are_numpys(rule: str, kind: str) -> None:
    rng = np.random.default_rng(5)
    made: dict[str, Callable[[], Floats]] = {
        "normal": lambda: rng.normal(3, 2, 999),
        "few": lambda: rng.integers(0, 4, 500).astype(float),
        "constant": lambda: np.full(20, 7.0),
        "two": lambda: np.array([1.0, 2.0]),
    }
    values = made[kind]()
    edges = edges_of(np.sort(values), rule, values)  # type: ignore[arg-type]
    assert edges.tolist() == np.histogram_bin_edges(values, bins=rule).tolist()
    assert (
        counts_between(np.sort(values), edges).tolist() == np.histogram(values, edges)[0].tolist()
    )


@settings(deadline=None)
@given(st.lists(st.integers(0, 23), min_size=5, max_size=60), st.integers(1, 23))
def test_kuiper_does_not_care_where_a_cycle_is_cut(hours: list[int], cut: int) -> None:
    then = np.arange(24.0).repeat(2)
    now = np.array(hours, dtype=float)
    whole = kuiper(compared(then, now), then.size, now.size).statistic
    turned = kuiper(compared((then + cut) % 24, (now + cut) % 24), then.size, now.size).statistic
    assert whole == pytest.approx(turned, abs=1e-9)


def test_samples_without_evidence_have_an_answer() -> None:
    nothing, some = np.empty(0), np.array([1.0, 2.0])
    for left, right in ((nothing, some), (some, nothing), (nothing, nothing)):
        assert kolmogorov_smirnov(compared(left, right), left.size, right.size).p_value == 1.0
        assert mann_whitney(steps(left, right)).p_value == 1.0
        assert cramer_von_mises(steps(left, right)).p_value == 1.0
        assert anderson_darling(steps(left, right)).p_value == 1.0
    assert contingency.chi_square([], []).p_value == 1.0
    assert contingency.chi_square([3], [5]).p_value == 1.0
    assert contingency.chi_square([0, 0], [5, 1]).p_value == 1.0


def test_infinities_count_by_rank_and_not_by_distance() -> None:
    found = compared([0.0, 1.0, np.inf], [-np.inf, 0.0, 1.0])
    assert found.largest == pytest.approx(1 / 3)
    assert np.isfinite(found.area)


def test_missing_numbers_are_dropped_on_sorting() -> None:
    assert sorted_values(np.array([3.0, np.nan, 1.0])).tolist() == [1.0, 3.0]
    assert sorted_values(np.full(3, np.nan)).size == 0
    assert sorted_values(np.empty(0)).size == 0
