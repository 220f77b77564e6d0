"""Ten checks over 5 million rows and 20 columns: Millwright, one fused Polars scan, and peers.

    python benchmarks/data/quality.py [--rows 5000000] [--without-peers]

Every contestant is a process of its own that reads the same Parquet file; CPU-seconds and peak
memory are of reading and checking, imports left out. Peers run in their own environments
(`ci/peer great-expectations`, `ci/peer pandera`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEVELS = ["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta"]

MEASURE = """
import json, resource, sys, time
def told(start, wall, found):
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu": round(time.process_time() - start, 2),
        "wall": round(time.time() - wall, 2), "mib": used.ru_maxrss // 1024, "found": found}))
path, levels = sys.argv[1], json.loads(sys.argv[2])
"""

# Arrow imports pandas, where there is one, with the first array that it makes of another's.
MILLWRIGHT = """
import duckdb, numpy, pandas, pyarrow, pyarrow.compute, pyarrow.parquet
from pathlib import Path
from millwright.data import Check, Suite, run_checks
checks = [
    dict(kind="not_null", column="f0", mostly=0.9),
    dict(kind="between", column="f1", minimum=20, maximum=180),
    dict(kind="in_set", column="c0", values=levels),
    dict(kind="matches", column="s", patterns=["^u[0-9]+$"]),
    dict(kind="unique", column="id"),
    dict(kind="satisfies", expression="f2 <= f3 + 80"),
    dict(kind="mean_between", column="f4", minimum=90, maximum=110),
    dict(kind="length_between", column="c1", minimum=3, maximum=5),
    dict(kind="between", column="t", minimum="2020-09-14T00:00:00"),
    dict(kind="between", column="i0", minimum=0, maximum=999),
]
suite = Suite(checks=tuple(Check(**check) for check in checks))
start, wall = time.process_time(), time.time()
OPTIONS
report = found.report
told(start, wall, [r.failed_rows for r in report.results] + [report.rows_read, report.quarantined])
"""

POLARS = """
import polars as pl
from datetime import datetime, timezone
start, wall = time.process_time(), time.time()
c = pl.col
row = pl.scan_parquet(path).select(
    c("f0").is_null().sum().alias("0"),
    (~c("f1").is_between(20, 180)).sum().alias("1"),
    (~c("c0").is_in(levels)).sum().alias("2"),
    (~c("s").str.contains("^u[0-9]+$")).sum().alias("3"),
    (pl.len() - c("id").n_unique()).alias("4"),
    (~(c("f2") <= c("f3") + 80)).sum().alias("5"),
    c("f4").mean().alias("6"),
    (~c("c1").str.len_chars().is_between(3, 5)).sum().alias("7"),
    (c("t") < datetime(2020, 9, 14, tzinfo=timezone.utc)).sum().alias("8"),
    (~c("i0").is_between(0, 999)).sum().alias("9"),
    pl.len().alias("rows"),
).collect(engine="streaming").row(0)
told(start, wall, list(row))
"""

PANDERA = """
import pandera.polars as pa, polars as pl
from datetime import datetime, timezone
C = pa.Check
after = datetime(2020, 9, 14, tzinfo=timezone.utc)
schema = pa.DataFrameSchema({
    "f0": pa.Column(nullable=True),
    "f1": pa.Column(checks=C.in_range(20, 180), nullable=True),
    "c0": pa.Column(checks=C.isin(levels)),
    "s": pa.Column(checks=C.str_matches("^u[0-9]+$")),
    "id": pa.Column(unique=True),
    "f4": pa.Column(nullable=True),
    "c1": pa.Column(checks=C.str_length(3, 5)),
    "t": pa.Column(checks=C.ge(after)),
    "i0": pa.Column(checks=C.in_range(0, 999)),
}, checks=[
    C(lambda d: d.lazyframe.select(pl.col("f2") <= pl.col("f3") + 80)),
    C(lambda d: d.lazyframe.select(pl.col("f4").mean().is_between(90, 110))),
])
start, wall = time.process_time(), time.time()
columns = ["f0", "f1", "f2", "f3", "f4", "c0", "c1", "s", "id", "t", "i0"]
frame = pl.read_parquet(path, columns=columns)
try:
    schema.validate(frame, lazy=True)
    found = []
except pa.errors.SchemaErrors as errors:
    found = [len(errors.schema_errors)]
told(start, wall, found)
"""

GREAT_EXPECTATIONS = """
import logging, warnings
import pandas as pd, great_expectations as gx
import great_expectations.expectations as e
warnings.simplefilter("ignore"); logging.disable(logging.CRITICAL)
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
start, wall = time.process_time(), time.time()
columns = ["f0", "f1", "f2", "f3", "f4", "c0", "c1", "s", "id", "t", "i0"]
frame = pd.read_parquet(path, columns=columns)
frame["f3"] = frame["f3"] + 80
after = pd.Timestamp("2020-09-14", tz="UTC").to_pydatetime()
asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
suite = gx.ExpectationSuite(name="s", expectations=[
    e.ExpectColumnValuesToNotBeNull(column="f0", mostly=0.9),
    e.ExpectColumnValuesToBeBetween(column="f1", min_value=20, max_value=180),
    e.ExpectColumnValuesToBeInSet(column="c0", value_set=levels),
    e.ExpectColumnValuesToMatchRegex(column="s", regex="^u[0-9]+$"),
    e.ExpectColumnValuesToBeUnique(column="id"),
    e.ExpectColumnPairValuesAToBeGreaterThanB(column_A="f3", column_B="f2", or_equal=True,
        ignore_row_if="either_value_is_missing"),
    e.ExpectColumnMeanToBeBetween(column="f4", min_value=90, max_value=110),
    e.ExpectColumnValueLengthsToBeBetween(column="c1", min_value=3, max_value=5),
    e.ExpectColumnValuesToBeBetween(column="t", min_value=after),
    e.ExpectColumnValuesToBeBetween(column="i0", min_value=0, max_value=999),
])
result = batch.validate(suite)
told(start, wall, [r.result.get("unexpected_count") for r in result.results])
"""

PROFILE = """
import pandas, pyarrow.compute, pyarrow.parquet
from pathlib import Path
from millwright.data import profile_table
from millwright.data.quality.profile_page import page
start, wall = time.process_time(), time.time()
profile = profile_table(Path(path))
told(start, wall, [profile.rows, profile.duplicates, len(page(profile, "x"))])
"""

SCAN = """
import polars as pl, polars.selectors as cs
start, wall = time.process_time(), time.time()
row = pl.scan_parquet(path).select(
    pl.all().null_count().name.suffix("_n"), pl.all().min().name.suffix("_l"),
    pl.all().max().name.suffix("_g"), cs.numeric().mean().name.suffix("_m"),
).collect(engine="streaming")
told(start, wall, [row.width])
"""


ARROW = """
import pyarrow.parquet as pq
start, wall = time.process_time(), time.time()
rows = 0
for batch in pq.ParquetFile(path).iter_batches(1 << 16, use_threads=False):
    rows += batch.num_rows
told(start, wall, [rows])
"""

HASHED = """
import polars as pl
start, wall = time.process_time(), time.time()
row = pl.scan_parquet(path).select(pl.all().hash().sum()).collect(engine="streaming")
told(start, wall, [row.width])
"""


def contestants(peers: bool) -> list[tuple[str, str, str]]:
    """Name, interpreter and script of each."""
    own = sys.executable
    plain = "found = run_checks(Path(path), suite)"
    apart = "found = run_checks(Path(path), suite, quarantine=True)"
    whole = "found = run_checks(Path(path), suite, quarantine=True, whole_rows=True)"
    simple, other = "^u[0-9]+$", "^(u[0-9]+|v)$"
    found = [
        ("one fused Polars scan", own, POLARS),
        ("Millwright", own, MILLWRIGHT.replace("OPTIONS", plain)),
        # Simple expressions take a way of their own (text_shapes); this one does not.
        ("another expression: Polars", own, POLARS.replace(simple, other)),
        (
            "another expression: Millwright",
            own,
            MILLWRIGHT.replace("OPTIONS", plain).replace(simple, other),
        ),
        ("Millwright, with quarantine", own, MILLWRIGHT.replace("OPTIONS", apart)),
        ("Millwright, quarantine of whole rows", own, MILLWRIGHT.replace("OPTIONS", whole)),
        ("scan of all columns: pyarrow", own, ARROW),
        ("scan of all columns: Polars, nulls, range, mean", own, SCAN),
        ("scan of all columns: Polars, hashes", own, HASHED),
        ("Millwright, profile with HTML", own, PROFILE),
    ]
    for name, peer, script in (
        ("pandera on Polars", "pandera", PANDERA),
        ("Great Expectations", "great-expectations", GREAT_EXPECTATIONS),
    ):
        python = ROOT / ".peers" / peer / "bin/python"
        if peers and python.exists():
            found.append((name, str(python), script))
    return found


def make_table(path: Path, rows: int) -> None:
    """Five kinds of columns, a few of them with rows that break a check."""
    import numpy as np
    import pyarrow as pa

    from millwright.data import to_parquet

    random = np.random.default_rng(0)
    columns: dict[str, object] = {"id": np.arange(rows)}
    for number in range(9):
        values = random.normal(100, 20, rows)
        columns[f"f{number}"] = pa.array(values, mask=random.random(rows) < 0.01)
    for number in range(4):
        columns[f"i{number}"] = random.integers(0, 1000, rows)
    for number in range(4):
        columns[f"c{number}"] = np.array(LEVELS)[random.integers(0, len(LEVELS), rows)]
    moments = random.integers(1_600_000_000_000_000, 1_700_000_000_000_000, rows)
    columns["t"] = pa.array(moments, pa.timestamp("us", tz="UTC"))
    columns["s"] = np.char.add("u", random.integers(0, 2_000_000, rows).astype(str))
    path.write_bytes(to_parquet(pa.table(columns)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--only", default="", help="contestants whose name has this in it")
    parser.add_argument("--table", type=Path, help="a table made before, kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.table or Path(folder) / "table.parquet"
        if not path.exists():
            # Not in this process: those it starts would be told of its memory as of theirs.
            maker = multiprocessing.get_context("spawn").Process(
                target=make_table, args=(path, given.rows)
            )
            maker.start()
            maker.join()
        print(f"{'':<50} {'CPU-s':>7} {'wall s':>7} {'MiB':>6}  found")
        for name, python, script in contestants(not given.without_peers):
            if given.only not in name:
                continue
            best: dict[str, object] = {}
            for _ in range(1 if name == "Great Expectations" else given.repeat):
                ran = subprocess.run(
                    [python, "-c", MEASURE + script, str(path), json.dumps(LEVELS)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if ran.returncode:
                    print(f"{name:<50} failed: {ran.stderr.strip().splitlines()[-1][:200]}")
                    break
                one = json.loads(ran.stdout.strip().splitlines()[-1])
                if not best or one["cpu"] < best["cpu"]:
                    best = one
            if best:
                print(
                    f"{name:<50} {best['cpu']:>7} {best['wall']:>7} {best['mib']:>6}  "
                    f"{best['found']}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
