"""A three-way merge of tables by key: 5 million rows, 20 columns; processor seconds and memory.

    python benchmarks/data/table_merge.py [--rows 5000000]

Ours computed one column anew; theirs removed 1 % of the rows, changed 1 % of the values of five other
columns and inserted 1 % of new rows. Each step is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from table_diff import version
from wide_table import pieces

MINE = "measured_4"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--act", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.act:
        print(json.dumps(act(given.act[0], Path(given.act[1]), given.rows)))
        return
    with tempfile.TemporaryDirectory() as name:
        for what in ("base", "ours", "theirs", "merge"):
            command = [sys.executable, __file__, "--rows", str(given.rows), "--act", what, name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{what:<8} {done.stdout.strip()}", flush=True)


def act(what: str, folder: Path, rows: int) -> dict[str, object]:
    """What the child process does, and what it cost without the start of Python."""
    start = time.process_time()
    answer = merge(folder) if what == "merge" else write(folder, what, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {"cpu": round(time.process_time() - start, 2), "peak_mib": peak, "answer": answer}


def write(folder: Path, what: str, rows: int) -> int:
    """Write a version as Millwright does."""
    from millwright.data.parquet import write_parquet

    parts = version("edited", rows) if what == "theirs" else pieces(rows)
    if what == "ours":
        parts = (
            part.set_column(part.schema.get_field_index(MINE), MINE, pc.add(part[MINE], 1.0))
            for part in parts
        )
    return write_parquet(parts, folder / f"{what}.parquet")


def merge(folder: Path) -> dict[str, int]:
    """Merge theirs into ours and write what comes of it."""
    from millwright.data.comparison.table_file import TableFile
    from millwright.data.merging.rows import Versions, plan_merge
    from millwright.data.merging.writing import write_merged
    from millwright.data.parquet import ParquetSink

    versions = Versions(*(TableFile(folder / f"{n}.parquet") for n in ("base", "ours", "theirs")))
    plan = plan_merge(versions, ["id"])
    with ParquetSink(folder / "merged.parquet") as sink:
        write_merged(plan, versions, sink)
    merged = pq.ParquetFile(folder / "merged.parquet").metadata.num_rows
    return {"rows": merged, "conflicts": len(plan.conflicts)}


if __name__ == "__main__":
    main()
