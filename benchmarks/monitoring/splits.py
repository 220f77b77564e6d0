"""Real tables, each cut in two: the splits that statistics are compared on.

`SPLITS` names them; the folder with the tables is `MILLWRIGHT_BENCHMARK_DATA`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

DATA = Path(os.environ.get("MILLWRIGHT_BENCHMARK_DATA", Path(__file__).parents[3] / "shared/data"))
Split = tuple[pa.Table, pa.Table]


def _table(name: str) -> pa.Table:
    return csv.read_csv(
        DATA / name, convert_options=csv.ConvertOptions(strings_can_be_null=True)
    ).combine_chunks()


def _at(name: str, row: int, start: int = 0, stop: int | None = None) -> Callable[[], Split]:
    def cut() -> Split:
        table = _table(name)
        return table.slice(start, row - start), table.slice(row, (stop or len(table)) - row)

    return cut


def _pair(reference: str, current: str) -> Callable[[], Split]:
    def both() -> Split:
        left, right = _table(reference), _table(current)
        common = [name for name in left.column_names if name in right.column_names]
        return left.select(common), right.select(common)

    return both


def degenerate() -> Split:
    """Constants, gaps, infinities, new categories and few values, above and below the cut."""
    rng = np.random.default_rng(0)

    def one(rows: int, late: bool) -> pa.Table:
        values = rng.normal(0.2 * late, 1.0, rows)
        infinite = values.copy()
        infinite[:20] = np.inf
        levels = np.array(["a", "b", "c", "new"])
        return pa.table(
            {
                "constant": np.full(rows, 3.5),
                "constant_moved": np.full(rows, 1.0 + late),
                "infinite": infinite,
                "gaps": pa.array(values, mask=rng.random(rows) < 0.4),
                "whole_gaps": pa.array(rng.integers(0, 5, rows), mask=rng.random(rows) < 0.1),
                "few": rng.integers(0, 3, rows).astype(float),
                "two": rng.integers(0, 2, rows).astype(float),
                "whole_few": rng.integers(0, 6, rows),
                "whole": rng.integers(0, 500, rows),
                "flag": rng.random(rows) < 0.3 + 0.1 * late,
                "one_level": np.full(rows, "x"),
                "new_level": levels[rng.integers(0, 3 + late, rows)],
                "many_levels": np.char.add("l", (rng.zipf(1.5, rows) % 3000).astype(str)),
            }
        )

    return one(6000, False), one(4000, True)


def degenerate_small() -> Split:
    """The same with a reference below every cut."""
    left, right = degenerate()
    return left.slice(0, 700), right.slice(0, 530)


SPLITS: dict[str, Callable[[], Split]] = {
    "income": _at("income.csv", 16_000),
    "bank": _at("bank.csv", 22_000),
    "bike, 2011 and 2012": _at("bike.csv", 8_645),
    "bike, January": _at("drift/bike_sharing_hour.csv", 648, stop=1400),
    "california": _at("california_housing.csv", 10_000),
    "churn": _at("telco_churn.csv", 3_500),
    "churn, few rows": _at("telco_churn.csv", 400, stop=900),
    "elec2": _at("drift/elec2.csv", 17_424),
    "elec2, few rows": _at("drift/elec2.csv", 17_424, start=16_500, stop=19_000),
    "employment 2015 and 2018": _pair(
        "drift/employment_ma_2015_reference.csv", "drift/employment_ma_2018.csv"
    ),
    "california, classified": _pair(
        "drift/california_housing_reference.csv", "drift/california_housing_analysis.csv"
    ),
    "agrawal": _at("drift/agrawal_abrupt_10k.csv", 2_500),
    "degenerate": degenerate,
    "degenerate, few rows": degenerate_small,
}
