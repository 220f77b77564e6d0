"""A stored profile says of a later table what the rows themselves would have said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv

import millwright as mw
from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.monitoring.commands import monitor
from millwright.monitoring.sketches import TableSketch
from millwright.monitoring.sketches.columns import distinct_values

pytest.importorskip("datasketches")


def rows(n: int, seed: int, shift: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "normal": rng.normal(shift, 1.0, n),
            "heavy": pa.array(rng.lognormal(shift, 1.5, n), mask=rng.random(n) < 0.1),
            "whole": rng.poisson(4 + 4 * shift, n),
            "level": pa.array((rng.zipf(1.8, n) % 50).astype(str)),
            "many": pa.array((rng.zipf(1.2, n) % 20_000).astype(str)),
        }
    )


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_a_profile_decides_as_its_rows_would(shift: float) -> None:
    then, now = rows(50_000, 1), rows(20_000, 2, shift)
    exact = mw.drift(then, now)
    kept = TableSketch.from_bytes(mw.sketch(then).to_bytes())
    found = mw.drift(kept, now)
    for ours, wanted in zip(found.columns, exact.columns, strict=True):
        assert ours.drifted == wanted.drifted, ours.name
        if "kolmogorov_smirnov" in wanted.statistics:
            statistic = "kolmogorov_smirnov"
            assert ours.statistics[statistic] == pytest.approx(
                wanted.statistics[statistic], abs=0.01
            )


def test_profiles_of_parts_merge_into_that_of_the_whole() -> None:
    whole = rows(30_000, 3)
    parts = [mw.sketch(whole.slice(at, 10_000)) for at in range(0, 30_000, 10_000)]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    assert merged.rows == 30_000
    found = merged.compare(whole)
    assert not any(column.drifted for column in found.columns)
    for name in ("normal", "heavy", "whole"):
        column = found[name]
        assert column.statistics["kolmogorov_smirnov"] < 0.01
        spread = column.statistics["deviation_current"]
        assert column.statistics["deviation_reference"] == pytest.approx(spread)
    assert found["level"].value == pytest.approx(0.0, abs=1e-12)
    known = len(set(whole["level"].to_pylist()))
    assert distinct_values(merged.columns["level"]) == pytest.approx(known, rel=0.05)


def test_a_profile_of_thirty_columns_is_small() -> None:
    rng = np.random.default_rng(4)
    wide = {f"n{i}": rng.normal(size=20_000) for i in range(24)}
    wide |= {f"s{i}": rng.zipf(1.3, 20_000).astype(str) for i in range(6)}  # type: ignore[misc]
    assert len(mw.sketch(wide).to_bytes()) <= 300_000


def test_degenerate_columns_are_kept_too() -> None:
    table = pa.table(
        {
            "null": pa.nulls(9, pa.float64()),
            "infinite": [np.inf, -np.inf, 1.0] * 3,
            "constant": [2.0] * 9,
            "gone": pa.nulls(9, pa.string()),
        }
    )
    kept = TableSketch.from_bytes(mw.sketch(table).to_bytes())
    assert not any(column.drifted for column in kept.compare(table).columns)
    assert mw.sketch(table.slice(0, 0)).compare(table.slice(0, 0)).rows == (0, 0)


def test_bad_profiles_are_told(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="no profile"):
        TableSketch.from_bytes(b"MWPROF1\n\xff")
    with pytest.raises(Corrupt, match="no profile"):
        TableSketch.from_bytes(b"")
    with pytest.raises(InvalidInput, match="cannot be merged"):
        mw.sketch({"a": [1]}).merge(mw.sketch({"b": [1]}))
    with pytest.raises(InvalidInput, match="no column of the profile"):
        mw.drift(mw.sketch({"a": [1]}), {"b": [1]})
    with pytest.raises(InvalidInput, match="needs the rows"):
        mw.drift(mw.sketch({"a": [1]}), {"a": [1]}, preset="nannyml")


def test_the_command_line_keeps_and_compares(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{day}.csv") for day in range(3)]
    for seed, name in enumerate(names):
        csv.write_csv(rows(2000, seed, 1.0 if seed == 2 else 0.0), name)
    kept = str(tmp_path / "days.mwprofile")
    done = CliRunner().invoke(monitor, ["profile", *names[:2], "-o", kept])
    assert done.exit_code == 0
    assert "4,000 rows in 5 columns" in done.output
    done = CliRunner().invoke(monitor, ["compare", kept, names[2]])
    assert "2,000 rows against 4,000" in done.output
    assert "normal                       page" in done.output
