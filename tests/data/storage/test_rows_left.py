"""Leaving rows out of a table as it streams by: the same rows, and texts that only those had."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from millwright.data import from_parquet
from millwright.data.storage.rows_left import rows_left


def test_rows_of_a_key_are_left_out_across_batches(tmp_path: Path) -> None:
    count = 80_000
    table = pa.table(
        {
            "id": [n % 1_000 for n in range(count)],
            "name": [None if n % 11 == 0 else f"name-{n % 4_000:06d}" for n in range(count)],
            "value": [float(n) for n in range(count)],
        }
    )
    pq.write_table(table, tmp_path / "all.parquet", row_group_size=10_000)
    left = rows_left(tmp_path / "all.parquet", {"id": "47", "name": "name-001047"}, tmp_path / "r")
    gone = pc.and_(
        pc.equal(table["id"], 47), pc.fill_null(pc.equal(table["name"], "name-001047"), False)
    )
    kept = table.filter(pc.invert(gone))
    assert left is not None
    assert (left.rows, left.gone) == (kept.num_rows, count - kept.num_rows)
    assert from_parquet(tmp_path / "r").equals(kept)
    assert left.texts == {"name-001047"}


def test_a_text_that_another_row_has_tells_nothing(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "city": ["Strasbourg", "Strasbourg", "x"]})
    pq.write_table(table, tmp_path / "all.parquet")
    left = rows_left(tmp_path / "all.parquet", {"id": "1"}, tmp_path / "r")
    assert left is not None
    assert left.texts == frozenset()
    everything = rows_left(tmp_path / "all.parquet", None, tmp_path / "r")
    assert everything is not None
    assert everything.texts == {"Strasbourg"}
    assert from_parquet(tmp_path / "r").num_rows == 0


def test_where_no_row_is_meant_nothing_is_written(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "all.parquet")
    for keys in ({"id": "9"}, {"other": "1"}, {}):
        assert rows_left(tmp_path / "all.parquet", keys, tmp_path / "r") is None
    assert not (tmp_path / "r").exists()
