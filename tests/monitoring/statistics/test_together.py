"""Changes that no single column shows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel

import millwright as mw
from millwright.monitoring.comparison.telling_apart import _area, tell_apart
from millwright.monitoring.statistics.special import normal_sf
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


def test_a_classifier_of_origin_guesses_where_nothing_changed() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(30):
        apart = tell_apart(rng.normal(size=(400, 4)), rng.normal(size=(300, 4)))
        assert apart is not None
        p_values.append(apart.p_value)
    assert min(p_values) > 1e-3
    assert 0.3 < np.mean(p_values) < 0.7


def test_the_columns_that_give_rows_away_are_named() -> None:
    then, now = pairs(5000, 1, 0.95), pairs(2000, 2, 0.0)
    tables = [dict(zip(("a", "b", "c"), side.T, strict=True)) for side in (then, now)]
    found = mw.drift(*tables, statistics="all").together
    assert found is not None
    assert found["domain_auc"] > 0.8
    assert found["domain_auc_p"] < 1e-6
    assert found["domain_share.c"] < 0.2


def test_the_area_is_that_of_the_ranks() -> None:
    rng = np.random.default_rng(4)
    left, right = rng.integers(0, 9, 300) / 8, rng.integers(2, 11, 200) / 8
    area, surprise = _area(left, right)
    origin = np.repeat([0, 1], [300, 200])
    assert area == pytest.approx(roc_auc_score(origin, np.concatenate([left, right])))
    asked = mannwhitneyu(
        right, left, alternative="greater", use_continuity=False, method="asymptotic"
    )
    assert normal_sf(surprise) == pytest.approx(asked.pvalue)


def test_texts_are_compared_by_their_words_and_embeddings_by_their_numbers() -> None:
    rng = np.random.default_rng(5)

    def texts(words: list[str]) -> list[str]:
        return [" ".join(rng.choice(words, 9)) for _ in range(600)]

    usual = ["shipping", "delivered", "excellent", "quality", "packaging", "colour", "size"]
    vectors = rng.normal(size=(1200, 8))
    then = {"review": texts(usual), "vector": list(vectors[:600])}
    same = {"review": texts(usual), "vector": list(vectors[600:])}
    now = {"review": texts([*usual, "broken"]), "vector": list(vectors[600:] + 0.3)}
    calm = mw.drift(then, same)
    assert [column.tier for column in calm.columns] == ["none", "none"]
    found = mw.drift(then, now)
    assert [column.kind for column in found.columns] == ["text", "embedding"]
    assert [column.tier for column in found.columns] == ["page", "page"]
    assert "'broken' in 0% of the texts, now 69%" in " ".join(found["review"].findings)
    assert found["vector"].statistics["mean_discrepancy_p"] < 0.01
    assert "broken" in found.to_html()


def test_embeddings_of_another_length_have_changed() -> None:
    found = mw.drift({"v": [[1.0, 2.0]] * 50}, {"v": [[1.0, 2.0, 3.0]] * 50})["v"]
    assert found.drifted
    assert found.findings == ("Its lists had 2 numbers and now have 3.",)
