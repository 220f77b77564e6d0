"""When alarms are justified: rarely without drift, soon with it."""

from __future__ import annotations

import numpy as np
import pytest

from millwright.monitoring.policy.evidence import (
    INDEPENDENT,
    Resemblance,
    design_effect,
    effect_of,
    evidence,
)
from millwright.monitoring.policy.loss import LossDetector, upper_rate

TENTHS = np.array([0, *[1000] * 10, 0, 0])
WIDTHS = np.array([1.0, *[0.35] * 10, 1.0])


def window(rng: np.random.Generator, rows: int, shift: float = 0.0) -> np.ndarray:
    """Counts of a normal sample over the tenths of the standard normal."""
    edges = np.array(
        [-9.0, -1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816]
    )
    cells = np.searchsorted(edges, rng.normal(shift, 1.0, rows))
    return np.bincount(cells, minlength=13)


def test_a_year_of_looks_without_drift_pages_nobody() -> None:
    rng = np.random.default_rng(0)
    seen: list[np.ndarray] = []
    tiers = []
    for _ in range(365):
        seen.append(window(rng, 500))
        found = evidence(TENTHS, seen[-16:], 30, widths=WIDTHS)
        assert found is not None
        tiers.append(found.tier)
    assert "page" not in tiers
    assert tiers.count("warn") <= 1


def test_a_jump_shows_at_once_and_a_creep_in_many_windows() -> None:
    rng = np.random.default_rng(1)
    jump = evidence(TENTHS, [window(rng, 1000, 0.3)], 30, widths=WIDTHS)
    assert jump is not None
    assert (jump.tier, jump.windows) == ("page", 1)
    assert jump.effect == pytest.approx(0.3, abs=0.1)
    seen = [window(rng, 400, 0.12) for _ in range(8)]
    alone = evidence(TENTHS, seen[-1:], 30, widths=WIDTHS)
    together = evidence(TENTHS, seen, 30, widths=WIDTHS)
    assert alone is not None
    assert together is not None
    assert alone.tier == "none"
    assert (together.tier, together.windows) == ("page", 8)


def test_what_has_ended_is_no_news() -> None:
    rng = np.random.default_rng(2)
    seen = [window(rng, 1000, 0.5), window(rng, 1000, 0.5), window(rng, 1000)]
    found = evidence(TENTHS, seen, 30, widths=WIDTHS)
    assert found is not None
    assert found.tier == "none"


def test_an_effect_below_the_floor_is_kept_quiet() -> None:
    many = TENTHS * 1000
    found = evidence(
        many, [(many * np.linspace(0.99, 1.01, 13)).astype(np.int64)], 1, widths=WIDTHS
    )
    assert found is not None
    assert found.p_value < 1e-9
    assert found.tier == "none"


def test_categories_and_missing_values_are_weighed_too() -> None:
    found = evidence(np.array([5000, 3000, 2000, 0]), [np.array([400, 390, 210, 0])], 30)
    assert found is not None
    assert (found.tier, found.cell) == ("page", 0)
    assert (found.then, found.now) == (0.5, 0.4)
    assert found.effect == pytest.approx(0.1)
    gone = TENTHS // 10
    gone[-1] = 300
    missing = evidence(TENTHS, [gone], 30, widths=WIDTHS)
    assert missing is not None
    assert (missing.tier, missing.cell) == ("page", 12)


def test_no_rows_are_no_evidence() -> None:
    assert evidence(TENTHS, [], 3, widths=WIDTHS) is None
    assert evidence(TENTHS, [TENTHS * 0], 3, widths=WIDTHS) is None
    assert evidence(TENTHS * 0, [TENTHS], 3, widths=WIDTHS) is None
    assert effect_of(np.array([5, 5, 0]), np.array([0, 0, 7]), np.array([1.0, 1.0])) == 1.0


def test_rows_that_resemble_one_another_count_as_fewer() -> None:
    rng = np.random.default_rng(3)
    assert design_effect([window(rng, 300) for _ in range(10)]) == INDEPENDENT
    weather = [window(rng, 300, rng.normal(0, 0.5)) for _ in range(10)]
    found = design_effect(weather)
    assert found.design_effect > 3.0
    assert not found.promised
    # However many rows a window has, it is still one spell of weather.
    assert found.effective(10**9) == pytest.approx(300 / (found.design_effect - 1.0), rel=1e-3)
    spell = [window(rng, 3000, 0.4)]
    sure = evidence(TENTHS, spell, 30, widths=WIDTHS)
    usual = evidence(TENTHS, spell, 30, widths=WIDTHS, resemblance=found)
    assert sure is not None
    assert usual is not None
    assert (sure.tier, usual.tier) == ("page", "none")
    assert Resemblance(1.0, 5).effective(70) == 70


def test_labels_without_a_change_raise_nothing() -> None:
    for seed in range(5):
        errors = np.random.default_rng(seed).random(30_000) < 0.1
        assert LossDetector(errors[:8000].sum(), 8000).update(errors[8000:]) == []


@pytest.mark.parametrize("batch", [1, 100, 7000])
def test_a_worse_model_is_told_once_and_again_when_it_gets_worse_still(batch: int) -> None:
    rng = np.random.default_rng(4)
    parts = [(0.1, 4000), (0.2, 12_000), (0.35, 4000)]
    errors = np.concatenate([rng.random(n) < rate for rate, n in parts]).astype(float)
    watch = LossDetector(errors[:2000].sum(), 2000)
    found = []
    for start in range(2000, errors.size, batch):
        found += watch.update(errors[start : start + batch])
    assert len(found) == 2
    first, second = found
    assert 2000 <= first.at < 2500
    assert abs(first.since - 2000) < 200
    assert first.before < 0.13
    assert first.after > 0.17
    assert 14_000 <= second.at < 14_400


def test_a_rate_of_few_labels_is_uncertain() -> None:
    assert upper_rate(0, 0) == 0.5
    assert upper_rate(1, 10) > upper_rate(100, 1000) > 0.1
