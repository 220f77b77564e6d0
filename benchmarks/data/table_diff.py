"""The keyed comparison of two versions, against reading them: 5 million rows, 20 columns.

    python benchmarks/data/table_diff.py                 all cases
    python benchmarks/data/table_diff.py --rows 500000 --check

Each measurement is a process of its own: processor seconds and the most memory it held. ``--check``
holds the answer to a full outer join in DuckDB. Cases: ``edited`` (1 % of the rows removed, five
columns with 1 % of their values changed, each anywhere; 1 % inserted as a block), ``shuffled`` (the
same, in random order), ``inserted`` (nothing but the block), ``one-column`` (one column computed anew).
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from wide_table import PIECE, pieces

CASES = ("edited", "shuffled", "inserted", "one-column")
COMPARISON = "millwright.data.comparison.comparing"
CHANGED = ("measured_0", "price_1", "count_2", "level_50", "text")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--cases", nargs="*", default=CASES)
    parser.add_argument("--check", action="store_true", help="Compare with a join in DuckDB.")
    parser.add_argument("--act", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.act:
        print(json.dumps(act(*arguments.act)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured("write", folder, "before", str(arguments.rows))
        for case in arguments.cases:
            measured("write", folder, case, str(arguments.rows))
            report(folder, case, arguments.check)


def report(folder: Path, case: str, check: bool) -> None:
    """One line for each way to read or compare the two versions."""
    print(f"\n{case}")
    scans = {}
    for engine in ("pyarrow", "polars", "duckdb"):
        parts = [measured("scan", folder, name, engine) for name in ("before", case)]
        scans[engine] = sum(part["cpu"] for part in parts)
        print(f"  one scan of each, {engine:<8} {scans[engine]:6.2f} CPU-s")
    found = measured("compare", folder, case)
    ratios = ", ".join(f"{found['cpu'] / cpu:.2f} x {name}" for name, cpu in scans.items())
    print(
        f"  comparison               {found['cpu']:6.2f} CPU-s, {found['peak_mib']} MiB: {ratios}"
    )
    print(f"  {found['answer']}")
    if check:
        joined = measured("join", folder, case)
        assert joined["answer"] == found["answer"], joined["answer"]
        print(
            f"  the same by a join in DuckDB: {joined['cpu']:.2f} CPU-s, {joined['peak_mib']} MiB"
        )


def measured(what: str, folder: Path, *more: str) -> dict[str, Any]:
    """Do something in a process of its own."""
    command = [sys.executable, __file__, "--act", what, str(folder), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def act(what: str, folder: str, *more: str) -> dict[str, Any]:
    """What the child process does, and what it cost without the start of Python and imports."""
    place = Path(folder)
    works = {"write": write, "scan": scan, "compare": compare, "join": join}
    imported = {"compare": (COMPARISON, "pandas", "duckdb"), "join": ("duckdb",), "scan": more[1:]}
    for name in imported.get(what, ()):
        importlib.import_module(name)
    start = time.process_time()
    answer = works[what](place, *more)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"cpu": time.process_time() - start, "peak_mib": peak, "answer": answer}


def write(folder: Path, case: str, rows: str) -> int:
    """Write a version as Millwright does."""
    from millwright.data.parquet import write_parquet

    return write_parquet(version(case, int(rows)), folder / f"{case}.parquet")


def version(case: str, rows: int) -> Iterator[pa.Table]:
    """The rows of a version."""
    if case == "before":
        yield from pieces(rows)
    elif case == "shuffled":
        whole = pa.concat_tables(version("edited", rows)).combine_chunks()
        yield whole.take(pa.array(np.random.default_rng(1).permutation(whole.num_rows)))
    else:
        for number, table in enumerate(pieces(rows)):
            if number * PIECE == rows // PIECE // 2 * PIECE and case != "one-column":
                yield from pieces(rows // 100, seed=9, first_id=rows)
            yield edited(table, number) if case == "edited" else computed(table, case)


def computed(table: pa.Table, case: str) -> pa.Table:
    """The rows with one column computed anew, where that is the case."""
    if case != "one-column":
        return table
    at = table.schema.get_field_index("measured_0")
    return table.set_column(at, "measured_0", pc.add(table["measured_0"], 1.0))


def edited(table: pa.Table, number: int) -> pa.Table:
    """The rows with some gone and some values changed, anywhere."""
    random = np.random.default_rng([7, number])
    table = table.filter(pa.array(random.random(table.num_rows) > 0.01))
    for name in CHANGED:
        some = pa.array(random.random(table.num_rows) < 0.01)
        column = table[name]
        other = (
            pa.scalar("changed")
            if pa.types.is_string(column.type)
            else pc.add(column, pa.scalar(1, column.type))
        )
        column = pc.if_else(some, other, column)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def scan(folder: Path, name: str, engine: str) -> int:
    """Decode every value of a version once."""
    path = folder / f"{name}.parquet"
    if engine == "pyarrow":
        file = pq.ParquetFile(path)
        return sum(file.read_row_group(i).num_rows for i in range(file.num_row_groups))
    if engine == "polars":
        import polars as pl

        lazy = pl.scan_parquet(path).select(pl.all().hash().sum())
        return lazy.collect(engine="streaming").height
    import duckdb

    names = ", ".join(f'"{n}"' for n in pq.ParquetFile(path).schema_arrow.names)
    query = f"SELECT count(*), bit_xor(hash({names})) FROM read_parquet('{path}')"
    return int(duckdb.sql(query).fetchall()[0][0])


def compare(folder: Path, case: str) -> dict[str, Any]:
    """Compare the versions by key."""
    from millwright.data.comparison.comparing import compare_tables
    from millwright.data.comparison.table_file import TableFile

    files = [TableFile(folder / f"{name}.parquet") for name in ("before", case)]
    found = compare_tables(*files, ["id"])
    columns = {c.name: c.changed for c in found.columns if c.changed}
    return {
        "added": found.added,
        "removed": found.removed,
        "changed": found.changed,
        "columns": columns,
    }


def join(folder: Path, case: str) -> dict[str, Any]:
    """The same by a full outer join."""
    import duckdb

    engine = duckdb.connect(config={"memory_limit": "8GB", "temp_directory": str(folder)})
    before, after = (f"read_parquet('{folder}/{name}.parquet')" for name in ("before", case))
    names = [n for n in pq.ParquetFile(folder / "before.parquet").schema_arrow.names if n != "id"]
    both = "a.id IS NOT NULL AND b.id IS NOT NULL"
    apart = [f'a."{name}" IS DISTINCT FROM b."{name}"' for name in names]
    counts = [f"count(*) FILTER ({both} AND {one})" for one in apart]
    row = engine.execute(
        f"SELECT count(*) FILTER (a.id IS NULL), count(*) FILTER (b.id IS NULL), "
        f"count(*) FILTER ({both} AND ({' OR '.join(apart)})), {', '.join(counts)} "
        f"FROM {before} a FULL OUTER JOIN {after} b ON a.id = b.id"
    ).fetchall()[0]
    columns = {name: count for name, count in zip(names, row[3:], strict=True) if count}
    return {"added": row[0], "removed": row[1], "changed": row[2], "columns": columns}


if __name__ == "__main__":
    main()
