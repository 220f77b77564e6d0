"""Change detectors: where they find changes, what they take, and what they refuse."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.commands import monitor
from millwright.monitoring.detectors import DETECTORS

RECORDED = Path(__file__).parent / "river_recorded.json"
AGREE = {"adwin": 40, "page-hinkley": 40, "ddm": 39, "hddm-a": 40, "hddm-w": 38}
"""Of forty streams, in how many the first change is at the same value as river's."""


def errors(seed: int) -> list[float]:
    """The streams of benchmarks/monitoring/change_detectors.py."""
    draw = random.Random(seed)
    length, parts = draw.choice([800, 1500, 3000]), draw.randint(1, 3)
    found: list[float] = []
    for _ in range(parts):
        rate = draw.choice([0.05, 0.1, 0.2, 0.4, 0.6])
        found += [float(draw.random() < rate) for _ in range(length // parts)]
    return found


def changes(name: str, values: list[float], **options: float) -> list[int]:
    """Where a detector finds changes."""
    found = mw.change_detector(name, **options).update(values)
    return [change.at for change in found if change.kind == "change"]


@pytest.mark.parametrize("name", sorted(AGREE))
def test_the_first_change_is_where_river_finds_it(name: str) -> None:
    options = {"threshold": 5.0} if name == "page-hinkley" else {}
    recorded = json.loads(RECORDED.read_text())[name]
    same = sum(
        changes(name, errors(seed), **options)[:1] == at[:1] for seed, at in enumerate(recorded)
    )
    assert same == AGREE[name]


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_jump_is_found_soon_and_its_means_are_told(name: str) -> None:
    draw = random.Random(7)
    values = [float(draw.random() < 0.1) for _ in range(2000)]
    values += [float(draw.random() < 0.6) for _ in range(500)]
    if name == "kswin":
        values = [draw.gauss(v, 0.1) for v in values]
    found = mw.change_detector(name).update(values)
    first = next(c for c in found if c.kind == "change" and c.at >= 2000)
    assert first.at < 2250
    assert first.after > first.before + 0.05


@given(st.lists(st.floats(0, 1), max_size=200), st.integers(0, 200))
def test_values_may_come_in_any_portions(values: list[float], cut: int) -> None:
    for name in DETECTORS:
        whole, parts = mw.change_detector(name), mw.change_detector(name)
        assert whole.update(values) == parts.update(values[:cut]) + parts.update(values[cut:])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=400))
def test_the_window_of_adwin_has_the_mean_of_the_values_in_it(values: list[float]) -> None:
    from millwright.monitoring.detectors import AdaptiveWindow

    watch = AdaptiveWindow()
    watch.update(values)
    assert watch.mean == pytest.approx(np.mean(values[-watch.width :]), abs=1e-9)


def test_without_a_change_adwin_is_quiet() -> None:
    draw = random.Random(3)
    assert changes("adwin", [float(draw.random() < 0.2) for _ in range(50_000)]) == []


def test_a_falling_mean_counts_where_asked() -> None:
    draw = random.Random(5)
    values = [float(draw.random() < 0.6) for _ in range(1000)]
    values += [float(draw.random() < 0.1) for _ in range(500)]
    for name in ("hddm-a", "hddm-w"):
        assert not [at for at in changes(name, values) if at >= 1000]
        assert [at for at in changes(name, values, both=True) if at >= 1000]
    assert changes("page-hinkley", values, direction="down")  # type: ignore[arg-type]
    assert not changes("page-hinkley", values, direction="up")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("cusum", {}, "There is no change detector 'cusum'"),
        ("adwin", {"alpha": 0.1}, "no option 'alpha'"),
        ("adwin", {"delta": 2.0}, "between 0 and 1"),
        ("ddm", {"warning": 4.0}, "between 0 and 3"),
        ("kswin", {"latest": 80}, "half of width"),
    ],
)
def test_a_wrong_name_or_option_is_told(name: str, options: dict[str, float], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        mw.change_detector(name, **options)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2.0, -0.5])
def test_a_value_out_of_range_is_refused_and_those_before_count(value: float) -> None:
    watch = mw.change_detector("adwin")
    with pytest.raises(InvalidInput, match="Value 2 is"):
        watch.update([0.0, 1.0, value])
    assert watch.seen == 2


def test_the_command_names_rows_of_the_table(tmp_path: Path) -> None:
    table = tmp_path / "errors.csv"
    rows = ["0", ""] * 400 + ["1"] * 200
    table.write_text("\n".join(["wrong,name", *(f"{row},x" for row in rows)]), encoding="utf-8")
    asked = ["changes", str(table), "--column", "wrong"]
    found = CliRunner().invoke(monitor, [*asked, "--json"], catch_exceptions=False)
    (change,) = json.loads(found.stdout)
    assert 800 < change["at"] < 880
    assert change["before"] == 0.0
    told = CliRunner().invoke(monitor, [*asked, "--method", "hddm-a"], catch_exceptions=False)
    assert "1 change of 'wrong' found by hddm-a." in told.stdout
