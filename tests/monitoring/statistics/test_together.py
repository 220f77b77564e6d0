"""Changes that no single column shows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import rbf_kernel

import millwright as mw
from millwright.monitoring.statistics.together import mean_discrepancy, reconstruction


def pairs(rows: int, seed: int, correlation: float) -> np.ndarray:
    cover = [[1.0, correlation, 0.0], [correlation, 1.0, 0.0], [0.0, 0.0, 1.0]]
    return np.random.default_rng(seed).multivariate_normal(np.zeros(3), cover, rows)


def test_a_lost_correlation_is_seen_together_and_by_no_column() -> None:
    then, now = pairs(5000, 1, 0.95), pairs(2000, 2, 0.0)
    names = ("a", "b", "c")
    tables = [dict(zip(names, side.T, strict=True)) for side in (then, now)]
    found = mw.drift(*tables, statistics="all")
    assert not any(column.drifted for column in found.columns)
    assert found.together is not None
    assert found.together["reconstruction_deviations"] > 10.0
    assert found.together["mean_discrepancy_p"] < 0.01


def test_nothing_is_seen_where_nothing_changed() -> None:
    then, now = pairs(4000, 1, 0.9), pairs(4000, 2, 0.9)
    assert abs(reconstruction(then, now).deviations) < 4.0
    assert mean_discrepancy(then, now).p_value > 0.01


def test_the_reconstruction_is_that_of_principal_components() -> None:
    then, now = pairs(800, 3, 0.8), pairs(300, 4, 0.1)
    scale = then.mean(axis=0), then.std(axis=0)
    left, right = ((side - scale[0]) / scale[1] for side in (then, now))
    found = reconstruction(then, now)
    fitted = PCA(n_components=found.components).fit(left)
    back = fitted.inverse_transform(fitted.transform(right))
    wanted = np.sqrt(((right - back) ** 2).sum(axis=1)).mean()
    assert found.current == pytest.approx(wanted, rel=1e-9)


def test_the_discrepancy_is_that_of_the_kernel() -> None:
    then, now = pairs(60, 5, 0.5), pairs(40, 6, 0.5)
    scale = then.mean(axis=0), then.std(axis=0)
    left, right = ((side - scale[0]) / scale[1] for side in (then, now))
    both = np.vstack([left, right])
    squares = ((both[:, None] - both[None]) ** 2).sum(axis=2)
    gamma = 1.0 / np.median(squares[np.triu_indices(100, 1)])
    inner = [
        (k.sum() - len(k)) / len(k) / (len(k) - 1)
        for k in (rbf_kernel(left, gamma=gamma), rbf_kernel(right, gamma=gamma))
    ]
    wanted = sum(inner) - 2.0 * rbf_kernel(left, right, gamma=gamma).mean()
    assert mean_discrepancy(then, now).statistic == pytest.approx(wanted, abs=1e-9)


def test_degenerate_rows_have_an_answer() -> None:
    nothing, constant = np.empty((0, 3)), np.ones((9, 3))
    for left, right in ((nothing, constant), (constant, nothing), (constant, constant)):
        assert reconstruction(left, right).deviations == 0.0
        assert mean_discrepancy(left, right).p_value >= 0.5
    missing = np.full((9, 3), np.nan)
    assert reconstruction(missing, missing).components == 0


def test_a_hundred_thousand_rows_of_thirty_columns_take_moments() -> None:
    rng = np.random.default_rng(7)
    then, now = rng.normal(size=(100_000, 30)), rng.normal(size=(100_000, 30))
    started = time.process_time()
    reconstruction(then, now)
    mean_discrepancy(then, now)
    assert time.process_time() - started < 5.0
