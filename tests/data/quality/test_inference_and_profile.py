"""Schema, profile and inferred checks of a table; snapshots as bytes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data import (
    Check,
    CheckReport,
    Suite,
    TableProfile,
    check_trainable,
    from_parquet,
    infer_schema,
    infer_suite,
    profile_table,
    run_checks,
    to_parquet,
)
from millwright.kernel.errors import InvalidInput


def _process(seed: int, rows: int = 3000) -> pa.Table:
    """Rows of one and the same process, whatever the seed."""
    random = np.random.default_rng(seed)
    start = datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=seed)
    return pa.table(
        {
            "id": [f"{seed}-{i}" for i in range(rows)],
            "at": [start + timedelta(minutes=i) for i in range(rows)],
            "amount": random.lognormal(2, 1, rows),
            "count": random.poisson(3, rows),
            "carrier": random.choice(["AA", "UA", "DL"], rows),
            "flag": random.random(rows) < 0.2,
            "rare": pa.array(random.normal(0, 1, rows), mask=random.random(rows) < 0.1),
        }
    )


def test_every_column_has_a_kind() -> None:
    table = _process(0).append_column("user_id", pa.array(range(5, 3005)))
    table = table.append_column(
        "note", pa.array([f"a long remark about row {i}" * 2 for i in range(3000)])
    )
    table = table.append_column("void", pa.nulls(3000, pa.float64()))
    kinds = {column.name: column.kind for column in infer_schema(table).columns}
    assert kinds == {
        "id": "id",
        "at": "time",
        "amount": "numeric",
        "count": "numeric",
        "carrier": "categorical",
        "flag": "boolean",
        "rare": "numeric",
        "user_id": "id",
        "note": "text",
        "void": "unusable",
    }


def test_a_profile_describes_numbers_words_and_times_and_is_json() -> None:
    table = _process(0)
    profile = profile_table(table)
    assert TableProfile.model_validate_json(profile.model_dump_json()) == profile
    columns = {column.name: column for column in profile.columns}
    amount, numbers = columns["amount"], table["amount"].to_numpy()
    assert amount.mean == pytest.approx(numbers.mean())
    assert amount.deviation == pytest.approx(numbers.std())
    assert amount.quantiles[3].value == pytest.approx(np.median(numbers))
    assert amount.histogram is not None
    assert sum(amount.histogram.counts) == len(numbers)
    assert sum(top.count for top in columns["carrier"].top) == 3000
    assert columns["at"].minimum == datetime(2013, 1, 1, tzinfo=UTC).timestamp() * 1000
    assert columns["rare"].nulls + columns["rare"].count == 3000


@pytest.mark.parametrize("numbers", [[], [None], [np.inf, np.nan], [1e308, -1e308], [5.0] * 3])
def test_a_profile_of_odd_numbers_does_not_fail(numbers: list[float | None]) -> None:
    profile = profile_table(pa.table({"x": pa.array(numbers, pa.float64())}))
    assert TableProfile.model_validate_json(profile.model_dump_json()) == profile
    (column,) = profile.columns
    assert column.count + column.nulls == len(numbers)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_fresh_data_of_the_same_process_passes_the_inferred_checks(first: int, second: int) -> None:
    report = run_checks(_process(second), infer_suite(_process(first))).report
    assert [result.check.id for result in report.failures] == []


def test_an_absurd_value_in_the_reference_fails_its_own_check() -> None:
    wind = pa.table({"wind_speed": [*(float(i % 40) for i in range(1000)), 1048.36]})
    (failure,) = run_checks(wind, infer_suite(wind)).report.failures
    assert (failure.check.id, failure.failed_rows) == ("wind_speed:between", 1)
    assert (failure.examples[0].row, failure.examples[0].value) == (1001, "1048.36")


def _failures(table: pa.Table) -> dict[str, int]:
    report = run_checks(table, infer_suite(_process(0))).report
    assert CheckReport.model_validate_json(report.model_dump_json()) == report
    return {result.check.id: result.failed_rows for result in report.failures}


def test_each_check_finds_what_it_is_for() -> None:
    table = _process(1)

    def with_column(name: str, values: pa.Array) -> pa.Table:
        return table.set_column(table.column_names.index(name), name, values)

    assert _failures(table.slice(0, 100)) == {"table:row_count_between": 0}
    assert _failures(table.drop_columns(["flag"])) == {"flag:has_type": 0, "flag:not_null": 0}
    assert _failures(with_column("carrier", pa.array(["ZZ"] * 3000))) == {"carrier:in_set": 3000}
    assert _failures(with_column("id", pa.array(["same"] * 3000))) == {"id:unique": 3000}
    assert "rare:not_null" in _failures(with_column("rare", pa.nulls(3000, pa.float64())))
    assert _failures(with_column("count", pa.array(["x"] * 3000))) == {
        "count:has_type": 3000,
        "count:between": 0,
    }
    assert _failures(with_column("count", table["count"].cast(pa.float64()))) == {}


def test_the_verdict_is_the_worst_severity() -> None:
    table = pa.table({"x": [1, 2, 2]})
    check = Check(kind="unique", columns=("x",))
    confirmed = check.model_copy(update={"status": "confirmed"})
    assert run_checks(table, Suite(checks=(check,))).report.verdict == "warned"
    assert run_checks(table, Suite(checks=(confirmed,))).report.verdict == "blocked"
    assert run_checks(table.slice(0, 2), Suite(checks=(confirmed,))).report.verdict == "passed"


@settings(max_examples=30)
@given(st.lists(st.integers(0, 999), max_size=5))
def test_the_same_table_is_the_same_bytes_whatever_its_chunks(cuts: list[int]) -> None:
    table = _process(0, 1000)
    edges = [0, *sorted(cuts), 1000]
    parts = [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    content = to_parquet(pa.concat_tables(parts))
    assert content == to_parquet(table)
    assert content == to_parquet(from_parquet(content))


def test_versions_that_differ_in_a_few_rows_share_most_of_their_bytes() -> None:
    table = _process(0, 200_000).select(["amount"])
    more = pa.concat_tables([table.slice(0, 1000), table.slice(0, 3), table.slice(1000)])
    first, second = to_parquet(table), to_parquet(more)
    # Pages behind the three new rows are cut at the same places again.
    samples = [first[at : at + 256] for at in range(len(first) // 2, len(first) * 9 // 10, 20_000)]
    assert np.mean([sample in second for sample in samples]) > 0.5


def test_a_target_that_cannot_be_learned_is_refused_with_the_reason() -> None:
    table = _process(0, 200)
    assert check_trainable(table, "flag").labelled == 200
    with pytest.raises(InvalidInput, match="Did you mean 'flag'"):
        check_trainable(table, "flagg")
    with pytest.raises(InvalidInput, match="has 3 rows with a known 'flag'; at least 50"):
        check_trainable(table.slice(0, 3), "flag")
    only = table.append_column("one", pa.array(["x"] * 200))
    with pytest.raises(InvalidInput, match="is 'x' in every row"):
        check_trainable(only, "one")
    void = table.append_column("void", pa.nulls(200, pa.float64()))
    with pytest.raises(InvalidInput, match="is empty in all 200 rows"):
        check_trainable(void, "void")
    assert check_trainable(void, "flag").empty_columns == ("void",)
    with pytest.raises(InvalidInput, match="no column with values besides"):
        check_trainable(void.select(["void", "flag"]), "flag")
