"""Every statistic there is of a column, by name; ``…_p`` is the p-value of a test."""

from __future__ import annotations

from collections.abc import Mapping

from millwright.monitoring.comparison.evidently import stability_index
from millwright.monitoring.comparison.measures import LevelsMeasured, NumbersMeasured
from millwright.monitoring.comparison.samples import Numbers
from millwright.monitoring.statistics.contingency import (
    chi_square,
    fisher_exact,
    g_test,
    goodness_of_fit,
    kullback_leibler,
    two_proportions,
)
from millwright.monitoring.statistics.merged import steps
from millwright.monitoring.statistics.ranks import (
    Test,
    anderson_darling,
    cramer_von_mises,
    kolmogorov_smirnov,
    kuiper,
    mann_whitney,
)


def all_of_numbers(
    reference: Numbers, current: Numbers, measured: NumbersMeasured
) -> dict[str, float]:
    """What ``measured`` has, and the tests on ranks."""
    n, m = reference.held, current.held
    pair = steps(reference.ordered, current.ordered)
    tests = {
        "kolmogorov_smirnov": kolmogorov_smirnov(measured.distances, n, m),
        "kuiper": kuiper(measured.distances, n, m),
        "mann_whitney": mann_whitney(pair),
        "cramer_von_mises": cramer_von_mises(pair),
        "anderson_darling": anderson_darling(pair),
    }
    found = {**measured.statistics, **_told(tests)}
    if reference.finite.size and current.finite.size:
        found["evidently_psi"] = stability_index(reference.finite, current.finite)
    return found


def all_of_levels(measured: LevelsMeasured) -> dict[str, float]:
    """What ``measured`` has, and the tests of counts; those of two levels where there are two."""
    then, now = measured.then, measured.now
    tests = {
        "chi_square": chi_square(then, now),
        "g": g_test(then, now),
        "goodness_of_fit": goodness_of_fit(then, now),
    }
    if then.size == 2:
        tests |= {"fisher_exact": fisher_exact(then, now), "z": two_proportions(then, now)}
    return {
        **measured.statistics,
        "kullback_leibler": kullback_leibler(then, now),
        **_told(tests),
    }


def _told(tests: Mapping[str, Test]) -> dict[str, float]:
    told = {name: test.statistic for name, test in tests.items()}
    return told | {f"{name}_p": test.p_value for name, test in tests.items()}
