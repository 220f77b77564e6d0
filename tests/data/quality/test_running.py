"""A suite over a table: every row read, every check answered, broken rows kept with reasons."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data import Check, Suite, run_checks, to_parquet
from millwright.data.quality.profiling import profile_table
from millwright.data.quality.records import CheckReport, CheckResult
from millwright.data.quality.world import OtherTable, World
from millwright.kernel.errors import InvalidInput

NUMBERS = st.one_of(st.none(), st.integers(-3, 3).map(float), st.just(1e9))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "Ä", "日本"]))
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS), max_size=40)


def table_of(rows: list[tuple[Any, Any, Any]]) -> pa.Table:
    x, y, s = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "x": pa.array(x, pa.float64()),
            "y": pa.array(y, pa.float64()),
            "s": pa.array(s, pa.string()),
        }
    )


def check(kind: str, *columns: str, **given: Any) -> Check:
    return Check.model_validate({"kind": kind, "columns": columns, **given})


def one(table: pa.Table | Path, wanted: Check, world: World | None = None) -> CheckResult:
    (result,) = run_checks(table, Suite(checks=(wanted,)), world=world).report.results
    return result


ORACLES: list[tuple[Check, Any]] = [
    (check("not_null", "x"), lambda r: r[0] is None),
    (check("between", "x", minimum=-1, maximum=2), lambda r: r[0] and not -1 <= r[0] <= 2),
    (check("in_set", "s", values=["a", "ab"]), lambda r: r[2] is not None and r[2] not in ("a", "ab")),
    (check("matches", "s", patterns=["^a"]), lambda r: r[2] is not None and not re.search("^a", r[2])),
    (check("length_between", "s", maximum=1), lambda r: r[2] is not None and len(r[2]) > 1),
    (
        check("satisfies", expression="x + y < 3"),
        lambda r: r[0] is not None and r[1] is not None and not r[0] + r[1] < 3,
    ),
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_fused_checks_find_what_a_loop_finds(rows: list[tuple[Any, Any, Any]]) -> None:
    suite = Suite(checks=tuple(wanted for wanted, _ in ORACLES))
    found = run_checks(table_of(rows), suite, quarantine=True, whole_rows=True)
    broken: dict[int, list[str]] = {}
    for result, (wanted, breaks) in zip(found.report.results, ORACLES, strict=True):
        places = [place for place, row in enumerate(rows) if breaks(row)]
        assert result.failed_rows == len(places), wanted.kind
        for place in places:
            broken.setdefault(place, []).append(wanted.id)
    assert (found.report.rows_read, found.report.broken_rows) == (len(rows), len(broken))
    assert found.quarantine is not None
    kept = found.quarantine.to_pylist()
    assert [(row["broken_row"] - 1, sorted(row["broken_checks"])) for row in kept] == [
        (place, sorted(broken[place])) for place in sorted(broken)
    ]
    assert [(row["x"], row["y"], row["s"]) for row in kept] == [rows[p] for p in sorted(broken)]


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.just(pa.string()), st.lists(TEXTS, max_size=40))
    | st.tuples(st.just(pa.int64()), st.lists(st.none() | st.integers(-20, 20), max_size=40))
    | st.tuples(
        st.just(pa.int64()), st.lists(st.sampled_from([-(2**63), -1, 0, 2**63 - 1]), max_size=9)
    )
)
def test_uniqueness_counts_members_or_surplus_rows(
    column: tuple[pa.DataType, list[Any]],
) -> None:
    kind, values = column
    table = pa.table({"s": pa.array(values, kind)})
    known = [value for value in values if value is not None]
    members = sum(known.count(value) > 1 for value in known)
    surplus = len(known) - len(set(known))
    suite = Suite(
        checks=(check("unique", "s", id="m"), check("unique", "s", id="s", count="surplus"))
    )
    found = run_checks(table, suite, quarantine=True)
    assert [result.failed_rows for result in found.report.results] == [members, surplus]
    assert found.report.results[0].rows == len(known)
    assert found.quarantine is not None
    repeated = [place for place, v in enumerate(values) if v is not None and known.count(v) > 1]
    assert [row["broken_row"] - 1 for row in found.quarantine.to_pylist()] == repeated


def test_rows_of_many_batches_keep_their_numbers(tmp_path: Path) -> None:
    rows = 400_000
    random = np.random.default_rng(1)
    values = random.integers(0, 1000, rows)
    table = pa.table({"i": values, "id": np.arange(rows), "t": _times(rows)})
    place = tmp_path / "table.parquet"
    place.write_bytes(to_parquet(table))
    suite = Suite(
        checks=(
            check("between", "i", maximum=997),
            check("increasing", "id", strictly=True),
            check("z_score_below", "i", threshold=1.729),
            check("increasing", "t"),
        )
    )
    found = run_checks(place, suite, quarantine=True, whole_rows=True)
    assert found.quarantine is not None
    kept = found.quarantine
    wrong = np.flatnonzero(values > 997)
    far = np.flatnonzero(np.abs(values - values.mean()) / values.std(ddof=1) >= 1.729)
    assert found.report.results[0].failed_rows == len(wrong)
    assert found.report.results[2].failed_rows == len(far)
    both = np.union1d(wrong, far)
    assert (kept["broken_row"].to_numpy() - 1).tolist() == both.tolist()
    assert kept["id"].to_pylist() == both.tolist()
    assert kept["i"].to_numpy().tolist() == values[both].tolist()
    assert kept["t"].to_pylist() == table["t"].take(pa.array(both)).to_pylist()
    assert found.report.results[1].passed
    assert found.report.results[3].passed


def _times(rows: int) -> pa.Array:
    return pa.array(np.arange(rows) * 1_000_000, pa.timestamp("us", tz="UTC"))


def test_a_check_that_cannot_run_has_not_passed_and_does_not_stop_the_others() -> None:
    table = pa.table({"x": [1.0, 2.0], "s": ["1", "two"]})
    suite = Suite(
        checks=(
            check("not_null", "nothing"),
            check("mean_between", "s", minimum=0),
            check("between", "x", minimum="soon"),
            check("matches", "s", patterns=["(unclosed"]),
            check("satisfies", expression="time(s) > time('2020-01-01')", id="late"),
            check("not_null", "x"),
        )
    )
    report = run_checks(table, suite).report
    errors = [result.error for result in report.results]
    assert errors[:3] == ["data.unknown_column", "data.not_numbers", "data.bad_bound"]
    assert all(errors[:5])
    assert [result.passed for result in report.results] == [False] * 5 + [True]
    assert report.rows_read == 2
    assert report.verdict == "warned"
    assert CheckReport.model_validate_json(report.model_dump_json()) == report


def test_severity_says_what_a_failure_does() -> None:
    table = pa.table({"x": [1.0, None]})
    for severity, status, verdict in (
        ("info", "confirmed", "passed"),
        ("warn", "confirmed", "warned"),
        ("block", "proposed", "warned"),
        ("block", "confirmed", "blocked"),
    ):
        wanted = check("not_null", "x", severity=severity, status=status)
        assert run_checks(table, Suite(checks=(wanted,))).report.verdict == verdict
    assert one(table, check("not_null", "x", mostly=0.5)).passed
    assert one(table, check("not_null", "x", where="x > 0")).rows == 1


def test_foreign_keys_freshness_volume_and_distributions(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    then = pa.table({"v": random.normal(0, 1, 5000), "k": ["a", "b"] * 2500})
    place = tmp_path / "then.parquet"
    place.write_bytes(to_parquet(then))
    now = int(datetime(2026, 1, 10, tzinfo=UTC).timestamp() * 1000)
    world = World(
        table=lambda reference: OtherTable(reference or "then@1", place, 5000),
        history=tuple(profile_table(then) for _ in range(3)),
        now_ms=now,
    )
    moments = [datetime(2026, 1, 9, tzinfo=UTC) - timedelta(days=day) for day in range(4)]
    table = pa.table({"v": random.normal(1, 1, 4), "k": ["a", "c", None, "b"], "at": moments})
    found = one(table, check("foreign_key", "k", dataset="then", key=["k"]), world)
    assert (found.failed_rows, found.rows, found.examples[0].value) == (1, 3, "c")
    assert one(table, check("fresh", "at", within="2d"), world).passed
    assert not one(table, check("fresh", "at", within="12h"), world).passed
    assert not one(table, check("volume"), world).passed
    same = pa.table({"v": random.normal(0, 1, 5000), "k": ["b", "a"] * 2500})
    shifted = pa.table({"v": random.normal(1, 1, 5000), "k": ["a"] * 5000})
    for statistic in ("ks", "psi", "js", "chi_square"):
        wanted = check("distribution", "v", statistic=statistic, threshold=0.1)
        assert one(same, wanted, world).passed, statistic
        assert not one(shifted, wanted, world).passed, statistic
    assert not one(shifted, check("distribution", "k"), world).passed
    assert one(same, check("distribution", "k"), world).passed
    assert (
        one(same, check("anomaly", "v", statistic="mean", least=0, factor=1e9), world).error is None
    )
    assert not one(shifted, check("anomaly", "v", statistic="mean"), world).passed
    assert not one(table, check("anomaly", statistic="rows"), world).passed


def test_personal_data_is_found_and_never_shown() -> None:
    table = pa.table(
        {
            "contact": ["anna@example.org", "ben@example.com", None],
            "n": [1, 2, 3],
            "Vorname": ["A"] * 3,
        }
    )
    found = one(table, check("no_personal_data"))
    assert found.observed == ("contact:email", "Vorname:person")
    assert "anna" not in found.message
    assert one(table, check("no_personal_data", allow=["email", "person"])).passed
    assert one(table, check("no_personal_data", allow=list(table.column_names))).passed


def test_two_checks_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Two checks"):
        Suite(checks=(check("not_null", "x"), check("not_null", "x", mostly=0.5)))


def test_broken_rows_keep_their_numbers_where_the_engine_joins(tmp_path: Path) -> None:
    # Joins hold the last few rows of each row group back until there are more of them.
    rows, group = 40_000, 2 * 2048 + 40
    random = np.random.default_rng(8)
    codes, ids = random.integers(0, 30, rows), np.arange(rows)
    codes[group - 3] = 99
    texts = np.array([f"t{code}" for code in codes])
    table = pa.table({"id": ids, "code": codes, "text": texts})
    path, keys = tmp_path / "t.parquet", tmp_path / "keys.parquet"
    pq.write_table(table, path, row_group_size=group)
    # The engine has a column of this name itself.
    named = tmp_path / "named.parquet"
    pq.write_table(
        table.append_column("File_Row_Number", pa.array(ids)), named, row_group_size=group
    )
    keys.write_bytes(to_parquet(pa.table({"code": [code for code in range(30) if code % 3]})))
    world = World(table=lambda _: OtherTable("keys@1", keys, 20))
    known = list(range(2, 31))
    checks = (
        check("in_set", "code", values=known),
        check("in_set", "text", values=[f"t{code}" for code in known]),
        check("foreign_key", "code", dataset="keys"),
        check("satisfies", expression=f"code in ({', '.join(map(str, known))})"),
        check("increasing", "id", strictly=True),
        check("increasing", "id", id="some", where=f"code in ({', '.join(map(str, known))})"),
        check("unique", "id", count="surplus"),
        check("z_score_below", "code", threshold=5),
        check("matches", "text", patterns=["^t[0-9]$"]),
    )
    outside = ~np.isin(codes, known)
    missing, long = ~np.isin(codes, np.flatnonzero(np.arange(30) % 3)), codes > 9
    broken = [outside, outside, missing, outside, None, None, None, codes == 99, long]
    for data in (path, named, pa.Table.from_batches(table.to_batches(max_chunksize=group))):
        found = run_checks(data, Suite(checks=checks), world=world, quarantine=True)
        for result, wrong in zip(found.report.results, broken, strict=True):
            first = [] if wrong is None else np.flatnonzero(wrong)[:20].tolist()
            assert [one.row - 1 for one in result.examples] == first[: len(result.examples)]
            assert result.failed_rows == (0 if wrong is None else wrong.sum()), result.check.kind
        any_wrong = np.flatnonzero(outside | missing | long)
        assert found.quarantine is not None
        assert (found.quarantine["broken_row"].to_numpy() - 1).tolist() == any_wrong.tolist()
        assert found.quarantine["id"].to_pylist() == any_wrong.tolist()
        assert found.quarantine["text"].to_pylist() == texts[any_wrong].tolist()
        assert found.report.broken_rows == len(any_wrong)


def test_sums_of_whole_numbers_are_exact_and_booleans_have_a_mean() -> None:
    big = [2**62, 2**62, 2**62, -(2**61), None, -3]
    table = pa.table({"i": pa.array(big, pa.int64()), "b": [True, False, True, True, None, None]})
    total = sum(value for value in big if value is not None)
    # Beyond 2⁵³ a bound is no exact number in JSON, so the whole is looked at by what was found.
    found = one(table, check("sum_between", "i", minimum=0))
    assert (found.observed, found.passed) == (total, True)
    assert one(table, check("mean_between", "i", minimum=0)).observed == total / 5
    assert one(table, check("mean_between", "b", minimum=0.5, maximum=1)).observed == 0.75
