"""What counts as drift, and what must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from millwright.kernel.cells import count_cells, numeric_bins, numeric_values
from millwright.kernel.model_package import Field
from millwright.monitoring.drift import (
    ColumnDrift,
    column_drift,
    column_reference,
    drifted_share,
    make_reference,
    table_drift,
)

NUMBER = Field(name="x", kind="numeric")
LEVEL = Field(name="x", kind="categorical")
FLAG = Field(name="x", kind="boolean")


def drift_of(reference: list[Any], window: list[Any], field: Field = NUMBER) -> ColumnDrift:
    kind = {"numeric": pa.float64(), "categorical": pa.string(), "boolean": pa.bool_()}[field.kind]
    return column_drift(column_reference(pa.array(reference, kind), field), pa.array(window, kind))


def no_drift_columns(rng: np.random.Generator, rows: int) -> pa.Table:
    """Thirty columns of the kinds that real tables have, from one fixed distribution."""
    columns: dict[str, pa.Array] = {}
    for i in range(10):
        columns[f"normal{i}"] = pa.array(rng.normal(i, 1 + i, rows))
    for i in range(5):
        heavy = rng.standard_cauchy(rows)
        columns[f"cauchy{i}"] = pa.array(heavy, mask=rng.random(rows) < 0.05 * i)
    for i in range(5):
        columns[f"count{i}"] = pa.array(rng.poisson(0.02 * 10**i, rows).astype(float))
    for i in range(5):
        levels = (rng.zipf(1.3 + 0.2 * i, rows) % 4000).astype(str)
        columns[f"zipf{i}"] = pa.array(levels)
    for i in range(5):
        columns[f"rare{i}"] = pa.array((rng.random(rows) < 10.0 ** -(i + 1)).astype(str))
    return pa.table(columns)


def fields_of(table: pa.Table) -> list[Field]:
    return [
        Field(
            name=column.name,
            kind="categorical" if pa.types.is_string(column.type) else "numeric",
        )
        for column in table.schema
    ]


@pytest.mark.parametrize("rows", [200, 1000])
def test_sixty_windows_without_drift_raise_no_flag(rows: int) -> None:
    rng = np.random.default_rng(20130401)
    sample = no_drift_columns(rng, 5000)
    reference = make_reference(sample, fields_of(sample))
    assert len(reference.columns) == 30
    flags = 0
    for _ in range(60):
        found = table_drift(reference, no_drift_columns(rng, rows))
        flags += sum(column.drifted for column in found)
    assert flags == 0


@pytest.mark.slow
def test_without_drift_a_flag_is_rarer_than_one_in_a_hundred_deployments() -> None:
    rng = np.random.default_rng(7)
    field = Field(name="x", kind="numeric")
    flags = 0
    for _ in range(40):
        reference = column_reference(pa.array(rng.normal(size=5000)), field)
        for _ in range(450):
            flags += column_drift(reference, pa.array(rng.normal(size=400)), 0.0).drifted
    assert flags == 0  # 18,000 columns with only the noise floor in force


def test_the_bias_is_taken_off() -> None:
    rng = np.random.default_rng(3)
    reference = column_reference(pa.array(rng.normal(size=5000)), NUMBER)
    found = [column_drift(reference, pa.array(rng.normal(size=500))).value for _ in range(200)]
    assert np.mean(np.square(found)) < 0.002
    shifted = column_drift(reference, pa.array(rng.normal(0.5, 1, size=500)))
    large = column_drift(reference, pa.array(rng.normal(0.5, 1, size=500_000)))
    assert shifted.value == pytest.approx(large.value, abs=0.05)


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_half_a_deviation_is_drift_in_a_thousand_rows(shift: float) -> None:
    rng = np.random.default_rng(4)
    reference = column_reference(pa.array(rng.normal(size=5000)), NUMBER)
    found = column_drift(reference, pa.array(rng.normal(shift, 1, size=1000)))
    assert found.drifted
    assert found.statistic == "jensen_shannon"


def test_a_new_level_is_seen_and_named() -> None:
    found = drift_of(["a"] * 600 + ["b"] * 400, ["a"] * 300 + ["b"] * 200 + ["c"] * 100, LEVEL)
    assert found.drifted
    assert found.new_share == pytest.approx(100 / 600)


def test_rare_levels_of_the_reference_are_not_new() -> None:
    reference = ["a"] * 1000 + ["rare"]
    found = drift_of(reference, ["a"] * 999 + ["rare"], LEVEL)
    assert found.new_share == 0.0
    assert not found.drifted


def test_values_that_go_missing_are_drift() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=3000).tolist()
    window = [*values[:700], *[None] * 300]
    found = drift_of(values, window)
    assert found.drifted
    assert found.missing_change == pytest.approx(0.3)


def test_an_empty_window_and_an_empty_reference_have_not_drifted() -> None:
    for reference, window in (([1.0, 2.0], []), ([], [1.0]), ([], [])):
        found = drift_of(reference, window)
        assert (found.value, found.drifted) == (0.0, False)


def test_a_column_all_missing_has_moved_only_if_it_was_not_before() -> None:
    numbers = np.random.default_rng(6).normal(size=1000).tolist()
    assert drift_of(numbers, [None] * 500).drifted
    assert not drift_of([None] * 500, [None] * 500).drifted
    assert drift_of([None] * 500, numbers).drifted


def test_a_constant_column_moves_when_its_value_does() -> None:
    assert not drift_of([5.0] * 500, [5.0] * 300).drifted
    assert drift_of([5.0] * 500, [6.0] * 300).drifted
    assert drift_of([5.0] * 500, [4.0] * 300).drifted


def test_infinities_lie_outside_the_range() -> None:
    numbers = np.random.default_rng(8).normal(size=1000).tolist()
    found = drift_of(numbers, [float("inf")] * 200 + [float("-inf")] * 200)
    assert found.drifted
    assert found.new_share == 1.0
    assert not drift_of([*numbers, float("inf")], [*numbers, float("inf")]).drifted


@pytest.mark.parametrize(
    "window",
    [
        pa.array([True, False, None] * 200),
        pa.array([1.0, 0.0, None] * 200),
        pa.array(["true", "False", None] * 200),
        pa.array(["1", "0", None] * 200).dictionary_encode(),
        pa.chunked_array([pa.array([1, 0, None] * 100), pa.array([1, 0, None] * 100)]),
    ],
)
def test_booleans_compare_whatever_they_were_logged_as(window: pa.Array) -> None:
    reference = column_reference(pa.array([True, False, None] * 300), FLAG)
    found = column_drift(reference, window)
    assert found.value == 0.0
    assert found.new_share == 0.0


def test_numbers_logged_as_text_are_numbers_and_nonsense_is_missing() -> None:
    values = numeric_values(pa.array(["1.5", "x", None]))
    assert values[0] == 1.5
    assert np.isnan(values[1:]).all()


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(), st.integers(-3, 3).map(float)), max_size=80),
    st.lists(st.one_of(st.none(), st.floats(), st.integers(-3, 3).map(float)), max_size=80),
)
def test_every_value_falls_into_exactly_one_cell(
    reference: list[float | None], window: list[float | None]
) -> None:
    bins = numeric_bins(numeric_values(pa.array(reference, pa.float64())))
    counts = count_cells(pa.array(window, pa.float64()), bins)
    assert len(counts) == bins.cells == len(bins.labels)
    expected = np.zeros(bins.cells, dtype=int)
    for value in window:
        if value is None or np.isnan(value):
            expected[-1] += 1
        elif value < bins.low:
            expected[0] += 1
        else:
            expected[1 + sum(edge < value for edge in bins.edges)] += 1
    assert counts.tolist() == expected.tolist()


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0])), max_size=200))
def test_a_column_has_not_drifted_from_itself(values: list[float | None]) -> None:
    found = drift_of(list(values), list(values))
    assert not found.drifted
    assert found.value == 0.0


def test_fields_that_are_not_monitored_are_left_out() -> None:
    sample = pa.table({"a": [1.0, 2.0], "month": [1.0, 1.0], "score": [0.1, 0.2]})
    signature = [
        Field(name="a", kind="numeric"),
        Field(name="month", kind="numeric", monitored=False),
        Field(name="absent", kind="numeric"),
    ]
    reference = make_reference(sample, signature)
    assert [column.feature for column in reference.columns] == ["a"]
    assert reference.score is not None


def test_a_monitored_column_that_vanishes_counts_as_missing() -> None:
    rng = np.random.default_rng(9)
    sample = pa.table({"a": rng.normal(size=1000), "b": rng.normal(size=1000)})
    reference = make_reference(sample, fields_of(sample))
    found = table_drift(reference, pa.table({"f.a": rng.normal(size=1000)}), prefix="f.")
    assert [column.drifted for column in found] == [False, True]
    assert drifted_share(found) == 0.5
    assert drifted_share(()) == 0.0


def drift_data(name: str) -> pa.Table:
    for parent in Path(__file__).resolve().parents:
        path = parent / "shared" / "data" / "drift" / name
        if path.exists():
            return csv.read_csv(path)
    pytest.skip(f"{name} is not beside this checkout.")
    raise AssertionError


def test_the_hard_break_of_the_electricity_market_is_found_where_it_is() -> None:
    table = drift_data("elec2.csv")
    names = ["vicprice", "vicdemand", "transfer"]
    sample = table.select(names).slice(0, 10_000)
    reference = make_reference(sample, [Field(name=name, kind="numeric") for name in names])
    before = table_drift(reference, table.slice(15_000, 2_000))
    after = table_drift(reference, table.slice(17_500, 2_000))
    assert not any(column.drifted for column in before)
    assert all(column.drifted for column in after)


def test_a_change_of_concept_alone_is_no_data_drift() -> None:
    table = drift_data("sea_concepts.csv")
    names = table.column_names[:3]
    fields = [Field(name=name, kind="numeric") for name in names]
    reference = make_reference(table.slice(0, 5000), fields)
    flags = [
        column.drifted
        for start in range(5000, 49_000, 1000)
        for column in table_drift(reference, table.slice(start, 1000))
    ]
    assert not any(flags)


def test_a_years_change_of_the_census_is_mild() -> None:
    # The rows stand in the order of households, so neighbours resemble one another.
    whole, later = (drift_data(f"employment_ma_{year}.csv") for year in ("2015_reference", "2018"))
    sample = whole.take(np.arange(0, 65_000, 13))
    later = later.take(np.arange(0, 65_000, 65))
    names = [
        name for name in ("AGEP", "SCHL", "MAR", "SEX", "RAC1P") if name in sample.column_names
    ]
    fields = [Field(name=name, kind="categorical") for name in names]
    found = table_drift(make_reference(sample, fields), later)
    assert max(column.value for column in found) < 0.1


def test_a_week_is_no_news_where_training_had_weeks_like_it() -> None:
    generator = np.random.default_rng(5)
    levels = np.repeat(generator.normal(0.0, 1.0, 10), 500)
    sample = pa.table({"temp": levels + generator.normal(0.0, 0.3, 5_000)})
    reference = make_reference(sample, [Field(name="temp", kind="numeric")])
    (column,) = reference.columns

    like_one_before = column_drift(column, sample["temp"].slice(1_000, 500), 0.1)
    unlike_any = column_drift(column, pa.chunked_array([np.full(500, 9.0)]), 0.1)

    assert like_one_before.value > 0.1
    assert not like_one_before.drifted
    assert unlike_any.drifted


def test_rows_without_order_have_no_variation_of_their_own() -> None:
    sample = pa.table({"x": np.random.default_rng(6).normal(size=5_000)})
    (column,) = make_reference(sample, [Field(name="x", kind="numeric")]).columns

    assert column.ordinary < 0.1
