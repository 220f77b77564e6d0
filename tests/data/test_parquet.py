"""Parquet as Millwright writes it: the same rows are the same bytes, and a change costs little."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from millwright.data import from_parquet, to_parquet
from millwright.data.parquet import ParquetSink
from millwright.data.row_groups import RowGroupCutter, usual_rows
from millwright.kernel.errors import InvalidInput


def numbers(rows: int, seed: int, columns: int = 6) -> pa.Table:
    random = np.random.default_rng(seed)
    found = {f"f{i}": random.normal(size=rows) for i in range(columns)}
    return pa.table({"id": random.integers(0, 1 << 40, rows), **found})


def group_sizes(content: bytes) -> list[int]:
    metadata = pq.ParquetFile(io.BytesIO(content)).metadata
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def stored_anew(old: bytes, new: bytes) -> float:
    """The share of the new file that a store of FastCDC chunks of 64 KiB does not have yet."""

    def chunks(content: bytes) -> dict[bytes, int]:
        cut = FastCDC(avg_size=65536, min_size=16384, max_size=262144).cut_buf(content)
        return {blake3(bytes(chunk.data)).digest(): chunk.length for chunk in cut}

    known = chunks(old)
    return sum(size for key, size in chunks(new).items() if key not in known) / len(new)


def test_inserting_one_percent_of_the_rows_stores_little_anew() -> None:
    table = numbers(900_000, 1)
    old = to_parquet(table)
    inserted = pa.concat_tables([table[:400_000], numbers(9_000, 2), table[400_000:]])
    assert stored_anew(old, to_parquet(inserted)) <= 0.12


def test_groups_are_cut_by_content_so_an_insertion_moves_no_later_cut() -> None:
    table = numbers(900_000, 1, columns=1)
    inserted = pa.concat_tables([table[:1_000], numbers(777, 2, columns=1), table[1_000:]])
    before, after = group_sizes(to_parquet(table)), group_sizes(to_parquet(inserted))
    assert len(before) >= 3
    assert after[-2:] == before[-2:]
    assert sum(after) == 900_777


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 6000), max_size=6), st.sampled_from(["int", "text", "null", "same"]))
def test_cuts_do_not_depend_on_how_the_rows_arrive(breaks: list[int], kind: str) -> None:
    rows = 6000
    random = np.random.default_rng(3)
    values = {
        "int": pa.array(random.integers(0, 9, rows)),
        "text": pa.array([None if i % 7 == 0 else f"v{i % 911}" for i in range(rows)]),
        "null": pa.nulls(rows),
        "same": pa.array([1] * rows),
    }[kind]
    # A wide table has small groups, so that a few thousand rows have cuts.
    table = pa.table({"v": values, **{f"c{i}": pa.nulls(rows) for i in range(9000)}}).select(["v"])
    schema = pa.schema([("v", values.type), *[(f"c{i}", pa.null()) for i in range(9000)]])

    def cuts(points: list[int]) -> list[int]:
        cutter, found, start = RowGroupCutter(schema), [], 0
        for end in [*points, rows]:
            piece = table.slice(start, end - start)
            found += [start + cut for cut in cutter.ends(piece)]
            start = end
        return found

    whole = cuts([])
    assert cuts(sorted(breaks)) == whole
    assert max(np.diff([0, *whole, rows])) <= usual_rows(9001) * 4
    assert len(whole) >= 1


def test_pieces_give_the_same_bytes_as_the_whole() -> None:
    table = numbers(30_000, 4)
    target = io.BytesIO()
    with ParquetSink(target) as sink:
        for start in range(0, 30_000, 7_001):
            sink.write(table.slice(start, 7_001))
    assert target.getvalue() == to_parquet(table)
    assert sink.rows == 30_000


def test_pieces_must_agree_on_their_columns() -> None:
    with ParquetSink(io.BytesIO()) as sink:
        sink.write(pa.table({"a": [1], "b": ["x"]}))
        sink.write(pa.table({"b": ["y"], "a": [2]}))
        with pytest.raises(InvalidInput, match="'b' is in some only"):
            sink.write(pa.table({"a": [1], "c": ["x"]}))
        with pytest.raises(InvalidInput, match="different types"):
            sink.write(pa.table({"a": ["one"], "b": ["x"]}))
    assert sink.rows == 2


def test_times_are_microseconds_that_other_engines_can_cast(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)
    table = pa.table({"t": pa.array([moment], pa.timestamp("ns"))})
    path = tmp_path / "t.parquet"
    path.write_bytes(to_parquet(table))
    assert from_parquet(path).schema.field("t").type == pa.timestamp("us", tz="UTC")
    found = duckdb.sql(f"select epoch_ms(t) from read_parquet('{path}')").fetchall()
    assert found == [(int(moment.timestamp() * 1000),)]


def test_a_table_of_long_texts_is_cut_before_it_fills_memory() -> None:
    from millwright.data import row_groups

    text = "x" * 1_000_000
    cutter = RowGroupCutter(pa.schema([("t", pa.string())]))
    piece = pa.table({"t": pa.array([text] * 300)})
    assert cutter.ends(piece) == [row_groups.MOST_BYTES // len(text) + 1]
