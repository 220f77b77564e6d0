"""Profiles of tables that stream by, held to counting everything at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data import infer_suite, profile_table, run_checks, to_parquet
from millwright.data.quality.distinct_values import DistinctValues, mixed
from millwright.data.quality.hashing import text_bits


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 300), max_size=80), max_size=12))
def test_few_values_are_counted_exactly(batches: list[list[int]]) -> None:
    seen = DistinctValues(400)
    for batch in batches:
        seen.add(mixed(np.array(batch, np.uint64)))
    values = [value for batch in batches for value in batch]
    assert (seen.distinct, seen.estimated) == (len(set(values)), False)
    assert seen.surplus == len(values) - len(set(values))


@pytest.mark.parametrize("different", [20_000, 300_000])
@pytest.mark.parametrize("skew", [1.0, 6.0])
def test_many_values_are_estimated_closely(different: int, skew: float) -> None:
    random = np.random.default_rng(different)
    values = (different * random.random(1_000_000) ** skew).astype(np.uint64)
    seen = DistinctValues(1 << 14)
    for part in np.array_split(values, 40):
        seen.add(mixed(part))
    assert seen.estimated
    assert seen.distinct == pytest.approx(len(np.unique(values)), rel=0.03)


def test_values_that_never_repeat_are_counted_exactly_however_many() -> None:
    seen = DistinctValues(1 << 12)
    for part in np.array_split(np.arange(500_000, dtype=np.uint64), 30):
        seen.add(mixed(part))
    assert (seen.distinct, seen.surplus) == (500_000, 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=40), st.just("long" * 700)), max_size=60))
def test_texts_are_equal_exactly_where_their_numbers_are(texts: list[str | None]) -> None:
    values = pa.array(["before", *texts, "after"], pa.string()).slice(1, len(texts))
    numbers = text_bits(values)
    known = [(text, int(n)) for text, n in zip(texts, numbers, strict=True) if text is not None]
    assert len({text for text, _ in known}) == len({number for _, number in known})
    assert len(set(known)) == len({text for text, _ in known})


def _mixed_table(rows: int) -> pa.Table:
    random = np.random.default_rng(rows)
    return pa.table(
        {
            "key": np.arange(rows) * 3,
            "amount": pa.array(random.normal(1e6, 2, rows), mask=random.random(rows) < 0.1),
            "score": random.integers(-40, 40, rows),
            "large": random.integers(0, 10**12, rows),
            "level": np.array(["red", "green", "blue"])[random.integers(0, 3, rows)],
            "word": np.char.add("w", random.integers(0, rows // 2, rows).astype(str)),
            "at": pa.array(random.integers(10**15, 2 * 10**15, rows), pa.timestamp("us", "UTC")),
            "flag": pa.array(random.random(rows) < 0.3, mask=random.random(rows) < 0.2),
        }
    )


def test_a_file_has_the_profile_of_its_table(tmp_path: Path) -> None:
    table = _mixed_table(70_000)
    path = tmp_path / "table.parquet"
    path.write_bytes(to_parquet(table))
    assert profile_table(path) == profile_table(table)


def test_a_large_file_is_described_by_all_its_rows_and_a_sample(tmp_path: Path) -> None:
    rows = 400_000
    table = _mixed_table(rows)
    path = tmp_path / "table.parquet"
    path.write_bytes(to_parquet(table))
    profile = profile_table(path)
    columns = {column.name: column for column in profile.columns}
    assert (profile.rows, profile.duplicates, profile.sampled_rows) == (rows, 0, 100_000)
    amount = table["amount"].drop_null().to_numpy()
    found = columns["amount"]
    assert (found.nulls, found.minimum, found.maximum) == (
        rows - len(amount),
        amount.min(),
        amount.max(),
    )
    assert found.mean == pytest.approx(amount.mean(), rel=1e-12)
    assert found.deviation == pytest.approx(amount.std(), rel=1e-9)
    for quantile in found.quantiles:
        rank = float((amount < quantile.value).mean())
        assert rank == pytest.approx(quantile.share, abs=0.006)
    assert (columns["key"].kind, columns["key"].distinct, columns["key"].distinct_estimated) == (
        "id",
        rows,
        False,
    )
    score = table["score"].to_numpy()
    assert (columns["score"].distinct, columns["score"].minimum) == (80, score.min())
    assert columns["score"].deviation == pytest.approx(score.std())
    level = dict(zip(*np.unique(table["level"].to_numpy(False), return_counts=True), strict=True))
    assert {top.value: top.count for top in columns["level"].top} == level
    assert not columns["level"].top_sampled
    word = columns["word"]
    assert word.distinct == pytest.approx(len(table["word"].unique()), rel=0.01)
    assert word.distinct_estimated
    assert word.top_sampled


def test_repeated_rows_of_a_large_table_are_estimated() -> None:
    table = _mixed_table(300_000)
    twice = pa.concat_tables([table, table.slice(0, 30_000)])
    profile = profile_table(twice)
    assert profile.duplicates_estimated
    assert profile.duplicates == pytest.approx(30_000, rel=0.05)


def test_checks_proposed_for_a_large_file_hold_on_it(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(to_parquet(_mixed_table(300_000)))
    suite = infer_suite(path)
    assert "level:in_set" in {check.id for check in suite.checks}
    assert run_checks(path, suite).report.failures == ()


def test_dates_decimals_bytes_and_lists_of_a_foreign_file_do_not_fail(tmp_path: Path) -> None:
    path = tmp_path / "foreign.parquet"
    table = pa.table(
        {
            "day": pa.array([1, 2, None], pa.date32()),
            "price": pa.array([1, 2, 2]).cast(pa.decimal128(21, 2)),
            "blob": pa.array([b"a", b"\xff", None]),
            "list": pa.array([[1], None, []]),
            "small": pa.array([1, None, 3], pa.uint8()),
            "half": pa.array(np.array([1, 2, np.nan], np.float16)),
            "word": pa.array(["a", "b", None]).dictionary_encode(),
        }
    )
    pq.write_table(table, path)
    columns = {column.name: column for column in profile_table(path).columns}
    assert {name: (one.kind, one.nulls) for name, one in columns.items()} == {
        "day": ("time", 1),
        "price": ("numeric", 0),
        "blob": ("unusable", 1),
        "list": ("unusable", 1),
        "small": ("numeric", 1),
        "half": ("numeric", 0),
        "word": ("categorical", 1),
    }
