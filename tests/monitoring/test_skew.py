"""The same row has the same features where a model learns and where it serves, or it is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import millwright as mw
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.commands import monitor


def table(rows: int = 500) -> pa.Table:
    rng = np.random.default_rng(2)
    return pa.table(
        {
            "entity": [f"e{i}" for i in range(rows)],
            "day": np.arange(rows) % 7,
            "speed": rng.normal(80, 10, rows),
            "stops": rng.integers(0, 5, rows),
            "kind": rng.choice(["a", "b"], rows),
        }
    )


def test_what_comes_of_order_rounding_or_type_is_no_skew() -> None:
    offline = table()
    served = offline.take(pa.array(np.random.default_rng(3).permutation(500)))
    served = served.set_column(2, "speed", served["speed"].cast(pa.float32()))
    served = served.set_column(3, "stops", served["stops"].cast(pa.float64()))
    found = mw.serving_skew(offline, served, on=["entity", "day"])
    assert found.matched == 500
    assert [column.share for column in found.columns] == [0.0, 0.0, 0.0]


def test_other_units_defaults_and_gaps_are_found_with_examples(tmp_path: Path) -> None:
    offline = table()
    speed = offline["speed"].to_numpy() * np.where(np.arange(500) < 100, 0.6214, 1.0)
    kind = pa.array(["?" if i % 4 == 0 else v for i, v in enumerate(offline["kind"].to_pylist())])
    stops = pa.array(offline["stops"].to_pylist(), mask=np.arange(500) < 50)
    served = offline.set_column(2, "speed", pa.array(speed)).set_column(4, "kind", kind)
    served = served.set_column(3, "stops", stops).slice(0, 400)
    for name, content in (("offline", offline), ("served", served)):
        pq.write_table(content, tmp_path / f"{name}.parquet")
    asked = ["skew", *(str(tmp_path / f"{n}.parquet") for n in ("offline", "served"))]
    told = CliRunner().invoke(monitor, [*asked, "--on", "entity", "--json", "--fail"])
    assert told.exit_code == 1
    found = json.loads(told.output)
    columns = {each["column"]: each for each in found["columns"]}
    assert [each["column"] for each in found["columns"]][:2] == ["kind", "speed"]
    assert (found["matched"], found["only_offline"], found["only_served"]) == (400, 100, 0)
    assert columns["speed"]["share"] == 0.25
    assert columns["speed"]["shift"] == pytest.approx(-0.3786 * 80, rel=0.05)
    assert columns["kind"]["examples"][0]["served"] == "?"
    assert columns["stops"]["only_offline"] == 50
    assert columns["day"]["share"] == 0.0
    lines = CliRunner().invoke(monitor, [*asked, "--on", "entity"]).output
    assert "400 rows stand on both sides" in lines


def test_a_key_must_name_one_row() -> None:
    with pytest.raises(InvalidInput, match="several offline rows"):
        mw.serving_skew(table(), table(), on=["day"])
    with pytest.raises(InvalidInput, match="served table has no column 'when'"):
        mw.serving_skew({"when": [1], "x": [1]}, {"x": [1]}, on=["when"])
    empty = mw.serving_skew(table(0), table(0), on=["entity"])
    assert empty.matched == 0
