"""Every statistic there is of a column, or of whole rows, by name; ``…_p`` is the p-value of a test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import Column, level_values, numeric_values
from millwright.monitoring.comparison.evidently import stability_index
from millwright.monitoring.comparison.measures import LevelsMeasured, NumbersMeasured
from millwright.monitoring.comparison.samples import Numbers, aligned, is_numeric, levels_of
from millwright.monitoring.comparison.telling_apart import tell_apart
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
from millwright.monitoring.statistics.special import Floats
from millwright.monitoring.statistics.together import mean_discrepancy, reconstruction

_MOST_SHARES = 5
"""Columns that the classifier of origin went by most, which are named."""
_MOST_LEVELS = 250


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


def all_together(reference: pa.Table, current: pa.Table) -> dict[str, float] | None:
    """Rows as wholes: those of numbers by components and discrepancy, all by a domain classifier.

    None where there are fewer than two columns to put together.
    """
    names = [
        name
        for name in reference.column_names
        if name in set(current.column_names)
        and not any(pa.types.is_nested(side[name].type) for side in (reference, current))
        and not pa.types.is_temporal(reference[name].type)
    ]
    numeric = [
        name for name in names if all(is_numeric(side[name].type) for side in (reference, current))
    ]
    if len(names) < 2:
        return None
    found: dict[str, float] = {}
    if len(numeric) >= 2:
        left, right = (
            np.column_stack([numeric_values(side[name]) for name in numeric])
            for side in (reference, current)
        )
        rebuilt, apart = reconstruction(left, right), mean_discrepancy(left, right)
        found |= {
            "reconstruction_reference": rebuilt.reference,
            "reconstruction_current": rebuilt.current,
            "reconstruction_deviations": rebuilt.deviations,
            "mean_discrepancy": apart.statistic,
            "mean_discrepancy_p": apart.p_value,
        }
    return found | _origin(reference, current, names, set(numeric))


def _origin(
    reference: pa.Table, current: pa.Table, names: list[str], numeric: set[str]
) -> dict[str, float]:
    pairs = [
        (numeric_values(reference[name]), numeric_values(current[name]))
        if name in numeric
        else _numbered(reference[name], current[name])
        for name in names
    ]
    left, right = (np.column_stack([pair[side] for pair in pairs]) for side in (0, 1))
    levels = [place for place, name in enumerate(names) if name not in numeric]
    apart = tell_apart(left, right, levels)
    if apart is None:
        return {}
    told = {"domain_auc": apart.auc, "domain_auc_p": apart.p_value}
    most = np.argsort(-apart.shares, kind="stable")[:_MOST_SHARES]
    return told | {f"domain_share.{names[i]}": float(apart.shares[i]) for i in most}


def _numbered(left: Column, right: Column) -> tuple[Floats, Floats]:
    """Levels by their rank in the reference and then in the current table, NaN where missing."""
    names, _, _ = aligned(levels_of(left), levels_of(right))
    names = names.slice(0, _MOST_LEVELS)
    then, now = (
        numeric_values(pc.index_in(level_values(side), value_set=names)) for side in (left, right)
    )
    return then, now


def _told(tests: Mapping[str, Test]) -> dict[str, float]:
    told = {name: test.statistic for name, test in tests.items()}
    return told | {f"{name}_p": test.p_value for name, test in tests.items()}
