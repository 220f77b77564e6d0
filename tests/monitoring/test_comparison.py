"""Two tables compared: what the presets decide, and that every degenerate column has an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv
from scipy import stats

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.commands import monitor
from millwright.monitoring.comparison import Preset, compare_tables
from millwright.monitoring.comparison.duplicates import duplicate_share

PRESETS: tuple[Preset, ...] = ("millwright", "evidently", "nannyml")


def rows(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    shares = np.array([0.5, 0.3, 0.2]) + np.array([-1, 0, 1]) * 0.2 * (shift > 0)
    return pa.table(
        {
            "moved": rng.normal(shift, 1.0, n),
            "same": rng.normal(0.0, 1.0, n),
            "level": pa.array(rng.choice(["a", "b", "c"], n, p=shares)),
            "still": pa.array(rng.choice(["x", "y"], n)),
        }
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_what_moved_is_found_and_the_rest_is_not(preset: Preset) -> None:
    found = mw.drift(rows(4000, 1), rows(4000, 2, 0.5), preset=preset)
    moved = {column.name for column in found.columns if column.drifted}
    assert {"moved", "level"} <= moved
    if preset != "nannyml":  # Three standard deviations of ten chunks are crossed now and then.
        assert moved == {"moved", "level"}


def test_a_tiny_effect_in_many_rows_is_no_drift() -> None:
    found = compare_tables(rows(200_000, 1), rows(200_000, 2, 0.02))["moved"]
    assert found.p_value is not None
    assert found.p_value < 1e-3
    assert not found.drifted


def test_a_large_effect_in_few_rows_is_no_drift() -> None:
    found = compare_tables(rows(4000, 1), rows(12, 2, 0.3))["moved"]
    assert found.value is not None
    assert found.value > 0.1
    assert not found.drifted


def test_evidence_for_a_page_is_stronger_than_for_a_warning() -> None:
    assert compare_tables(rows(4000, 1), rows(4000, 2, 0.5))["moved"].tier == "page"
    assert compare_tables(rows(4000, 1), rows(450, 5, 0.25))["moved"].tier == "warn"


Make = Callable[[int], object]
DEGENERATE: dict[str, tuple[Make, Make]] = {
    "constant": (lambda n: np.full(n, 2.0), lambda n: np.full(n, 2.0)),
    "constant_moved": (lambda n: np.full(n, 2.0), lambda n: np.full(n, 3.0)),
    "all_null": (lambda n: pa.nulls(n, pa.float64()), lambda n: pa.nulls(n, pa.float64())),
    "became_null": (lambda n: np.arange(float(n)), lambda n: pa.nulls(n, pa.float64())),
    "untyped_null": (lambda n: np.arange(float(n)), pa.nulls),
    "null_levels": (lambda n: pa.array(["a"] * n), lambda n: pa.nulls(n, pa.string())),
    "infinities": (lambda n: np.full(n, np.inf), lambda n: np.full(n, -np.inf)),
    "both_infinities": (
        lambda n: np.where(np.arange(n) % 2, np.inf, -np.inf),
        lambda n: np.arange(float(n)),
    ),
    "all_new_levels": (lambda n: pa.array(["a"] * n), lambda n: pa.array(["b"] * n)),
    "every_level_once": (
        lambda n: pa.array([f"l{i}" for i in range(n)]),
        lambda n: pa.array([f"m{i}" for i in range(n)]),
    ),
    "truth": (lambda n: np.arange(n) % 2 == 0, lambda n: np.arange(n) % 5 == 0),
    "time": (
        lambda n: pa.array(np.arange(n), pa.timestamp("ms")),
        lambda n: pa.array(np.arange(n) + 9, pa.timestamp("ms")),
    ),
    "lists": (lambda n: pa.array([[1.0]] * n), lambda n: pa.array([[2.0]] * n)),
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("sizes", [(1500, 900), (60, 40), (60, 0), (0, 60), (0, 0), (1, 1)])
@pytest.mark.parametrize("case", DEGENERATE)
def test_every_degenerate_column_has_an_answer(
    case: str, sizes: tuple[int, int], preset: Preset
) -> None:
    then, now = DEGENERATE[case]
    tables = [pa.table({"x": make(n)}) for make, n in zip((then, now), sizes, strict=True)]
    column = compare_tables(*tables, preset=preset)["x"]
    assert column.value is None or not math.isnan(column.value)
    if preset == "millwright" and (0 in sizes or sizes == (1, 1)):
        assert not column.drifted


def test_a_column_that_lost_its_values_is_news() -> None:
    for case in ("became_null", "null_levels", "constant_moved", "infinities", "all_new_levels"):
        then, now = DEGENERATE[case]
        found = compare_tables(pa.table({"x": then(1500)}), pa.table({"x": now(900)}))["x"]
        assert found.drifted, case


def test_a_million_categories_are_compared() -> None:
    names = pa.array(np.arange(1_000_000).astype("U7"))
    found = compare_tables(pa.table({"x": names}), pa.table({"x": names.slice(500_000)}))["x"]
    assert found.statistics["levels_reference"] == 1_000_000
    assert len(found.distribution.levels) <= 21  # type: ignore[union-attr]


def test_findings_say_what_else_is_wrong() -> None:
    then = pa.table({"a": np.arange(1000.0), "b": pa.array(["x", "y"] * 500), "gone": [1] * 1000})
    now = pa.table(
        {
            "a": pa.array(np.arange(1000.0) + 300, mask=np.arange(1000) % 4 == 0),
            "b": pa.array(["x", "z"] * 500),
            "new": [1] * 1000,
        }
    )
    found = compare_tables(then, now)
    assert any("Missing values went from 0.0% to 25.0%" in text for text in found["a"].findings)
    assert any("outside the reference's range" in text for text in found["a"].findings)
    assert any("'z'" in text for text in found["b"].findings)
    assert any("'y'" in text for text in found["b"].findings)
    assert any("gone" in text for text in found.findings)
    assert any("new" in text for text in found.findings)


def test_repeated_rows_are_counted() -> None:
    table = pa.table({"a": [1.0, 1.0, 2.0, None, None], "b": ["x", "x", "x", None, None]})
    assert duplicate_share(table) == pytest.approx(2 / 5)
    assert duplicate_share(table.slice(0, 0)) == 0.0
    doubled = pa.concat_tables([rows(500, 1), rows(500, 1)])
    assert any("repeat an earlier row" in text for text in mw.drift(rows(900, 2), doubled).findings)


def test_the_same_comparison_from_every_kind_of_table() -> None:
    then, now = rows(500, 1), rows(400, 2, 0.3)
    wanted = mw.drift(then, now).to_json()
    assert mw.drift(then.to_pandas(), pl.from_arrow(now)).to_json() == wanted
    assert mw.drift(then.to_pydict(), now.to_pandas()).to_json() == wanted
    assert json.loads(wanted)["preset"] == "millwright"
    assert mw.drift(pd.DataFrame({"x": [1, 2]}, index=[5, 6]), {"x": [3]}).rows == (2, 1)


def test_bad_input_is_told() -> None:
    with pytest.raises(InvalidInput, match="no preset"):
        mw.drift(rows(5, 1), rows(5, 2), preset="other")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no column in common"):
        mw.drift({"a": [1]}, {"b": [1]})
    with pytest.raises(InvalidInput, match="no table"):
        mw.drift(7, {"b": [1]})
    with pytest.raises(InvalidInput, match="no column 'z'"):
        mw.drift({"a": [1]}, {"a": [1]}, columns=["z"])


@pytest.mark.filterwarnings("ignore")
def test_every_statistic_of_a_column_is_scipys() -> None:
    then, now = rows(700, 1), rows(500, 2, 0.2)
    found = mw.drift(then, now, statistics="all")
    left, right = then["moved"].to_numpy(), now["moved"].to_numpy()
    numbers = found["moved"].statistics
    assert numbers["mann_whitney_p"] == pytest.approx(stats.mannwhitneyu(left, right).pvalue)
    assert numbers["anderson_darling"] == pytest.approx(stats.anderson_ksamp([left, right])[0])
    assert numbers["energy"] == pytest.approx(stats.energy_distance(left, right))
    assert numbers["kolmogorov_smirnov_p"] == pytest.approx(stats.ks_2samp(left, right).pvalue)
    table = [[side["still"].to_pylist().count(v) for v in ("x", "y")] for side in (then, now)]
    fisher = stats.fisher_exact(table).pvalue
    assert found["still"].statistics["fisher_exact_p"] == pytest.approx(fisher)
    assert set(mw.drift(then, now).columns[0].statistics) < set(numbers)


def test_the_most_surely_moved_column_comes_first() -> None:
    now = rows(4000, 2)
    moved = now.set_column(0, "moved", pa.array(now["moved"].to_numpy() + 0.3))
    assert mw.drift(rows(4000, 1), moved).ranked()[0].name == "moved"


def test_a_report_is_one_small_page_that_needs_nothing_else(tmp_path: Path) -> None:
    wide = {f"c{i}": np.random.default_rng(i).normal(size=500) for i in range(60)}
    then = pa.table({**wide, "<b>": pa.array(["<script>", "ok"] * 250)})
    page = mw.drift(then, then.slice(0, 400)).to_html("May & June")
    assert len(page) < 1_000_000
    assert "May &amp; June" in page
    assert "<script>" not in page
    assert "http" not in page


def test_the_command_line_compares_files(tmp_path: Path) -> None:
    for name, table in (("then", rows(900, 1)), ("now", rows(900, 2, 0.5))):
        csv.write_csv(table, tmp_path / f"{name}.csv")
    given = [str(tmp_path / "then.csv"), str(tmp_path / "now.csv")]
    page = tmp_path / "report.html"
    done = CliRunner().invoke(monitor, ["compare", *given, "--html", str(page), "--fail"])
    assert done.exit_code == 1
    assert "2 of 4 columns have drifted: 900 rows against 900." in done.output
    assert "moved" in page.read_text()
    done = CliRunner().invoke(monitor, ["compare", *given, "--json", "--column", "same"])
    assert done.exit_code == 0
    assert [column["name"] for column in json.loads(done.output)["columns"]] == ["same"]
