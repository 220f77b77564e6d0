"""Tables in a working copy: kept typed, kept as given, read part by part."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from millwright.data.parquet import to_parquet
from millwright.kernel.errors import InvalidInput
from millwright.kernel.objects import digest_of
from working_copy import Run, write


def test_a_table_read_in_parts_is_the_version_that_it_is_as_a_whole(root: Path, mw: Run) -> None:
    rows = 200_000
    table = pa.table({"n": range(rows), "word": [f"w{n % 7}" for n in range(rows)]})
    pyarrow.parquet.write_table(table, root / "t.parquet", row_group_size=30_000)
    kept = mw("add", "t.parquet", "--json")
    assert kept["rows"] == rows
    assert kept["digest"] == digest_of(to_parquet(table))
    pyarrow.parquet.write_table(table.slice(0, 0), root / "none.parquet")
    with pytest.raises(InvalidInput, match="no rows"):
        mw("add", "none.parquet")


def test_a_table_is_kept_typed_and_exactly_as_given(root: Path, mw: Run) -> None:
    text = "day,amount\r\n2024-01-01,1.50\r\n2024-01-02,2.25\r\n"
    write(root, {"sales.csv": text})
    kept = mw("add", "sales.csv", "--key", "day", "--json")
    assert (kept["kind"], kept["rows"]) == ("table", 2)
    write(root, {"sales.csv": text + "2024-01-03,3\r\n"})
    (found,) = mw("status", "--json")
    assert found["modified"] == ["sales.csv"]
    assert mw("add", "sales.csv", "--json")["version"] == 2
    mw("checkout", "sales@1")
    assert (root / "sales.csv").read_bytes() == text.encode()
    assert mw("add", "sales.csv", "--files", "--name", "raw", "--json")["kind"] == "files"
    with pytest.raises(InvalidInput, match="no column 'nope'"):
        mw("add", "sales.csv", "--key", "nope")


def test_a_pattern_and_a_folder_of_tables_are_one_table(root: Path, mw: Run) -> None:
    write(root, {"sales/1.csv": "day,n\na,1\n", "sales/2.csv": "n,day\n2.5,b\n"})
    kept = mw("add", "sales", "--table", "--name", "sales", "--json")
    assert (kept["version"], kept["rows"]) == (1, 2)
    again = mw("add", "sales/*.csv", "--table", "--name", "sales", "--json")
    assert (again["new"], again["digest"]) == (False, kept["digest"])
    write(root, {"empty/a.md": ""})
    with pytest.raises(InvalidInput, match="holds no"):
        mw("add", "empty", "--table", "--name", "none")
