"""`mw.init`: tables that live in Python become projects like those in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import millwright as mw
from millwright.data import read_table
from millwright.kernel.config import load_project
from millwright.kernel.errors import Conflict, InvalidInput

COLUMNS = {
    "age": [20 + i % 40 for i in range(100)],
    "city": [("Bonn", "Ulm")[i % 2] for i in range(100)],
    "left": [("no", "yes")[i % 3 == 0] for i in range(100)],
}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table, dict])
def test_a_table_from_python_is_kept_with_its_project(
    tmp_path: Path, make: Callable[[Any], Any]
) -> None:
    if make is dict:
        with pytest.raises(InvalidInput, match="A dict is not a table"):
            mw.init("shop", data=make(COLUMNS), target="left", folder=tmp_path)
        assert not (tmp_path / "shop").exists()
        return
    created = mw.init("shop", data=make(COLUMNS), target="left", folder=tmp_path)
    config = load_project(tmp_path / "shop" / "millwright.yaml")
    assert created.task == "binary"
    assert config.data.source == "data/shop.parquet"
    assert read_table(config.data.source, base=tmp_path / "shop") == pa.table(COLUMNS)
    assert [file.name for file in (tmp_path / "shop" / "data").iterdir()] == ["shop.parquet"]


def test_data_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    mw.init("shop", data=pa.table(COLUMNS), target="left", folder=tmp_path)
    (tmp_path / "shop" / "millwright.yaml").unlink()
    other = pa.table(COLUMNS).slice(0, 80)
    with pytest.raises(Conflict, match="holds other data already"):
        mw.init("shop", data=other, target="left", folder=tmp_path)
    mw.init("shop", data=pa.table(COLUMNS), target="left", folder=tmp_path)


def test_a_file_is_named_where_it_is(tmp_path: Path) -> None:
    pd.DataFrame(COLUMNS).to_csv(tmp_path / "left.csv", index=False)
    mw.init("shop", data=Path("left.csv"), target="left", folder=tmp_path)
    assert load_project(tmp_path / "shop" / "millwright.yaml").data.source == "../left.csv"
