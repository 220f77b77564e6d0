"""The whole preset over 24 columns of numbers and 6 of text, beside Evidently and NannyML.

`python benchmarks/monitoring/columns.py [ROWS ...]` (100,000 and 1,000,000 each side); with `--peers`
they read the same Parquet files in their own environments. CPU seconds without reading and imports,
and what resident memory grew by; every measurement in a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers_agree import HERE, peer


def table(rows: int, seed: int, shift: float) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {}
    for i in range(24):
        drawn = rng.normal(0.0, 1.0, rows) if i % 3 else rng.lognormal(0.0, 1.0, rows)
        columns[f"number {i}"] = drawn + (shift if i == 1 else 0.0)
    for i, levels in enumerate((3, 5, 8, 30, 100, 1000)):
        names = np.array([f"level {j}" for j in range(levels)])
        columns[f"text {i}"] = pa.array(names[(levels * rng.random(rows) ** 2).astype(int)])
    return pa.table(columns)


def own(what: str, reference: Path, current: Path) -> None:
    """One measurement of ours, printed as JSON."""
    from millwright.monitoring.comparison import compare_tables
    from millwright.monitoring.sketches import TableSketch, sketch_of

    left, right = pq.read_table(reference), pq.read_table(current)
    small = left.slice(0, 1000)
    compare_tables(small, small).to_json()
    kept = sketch_of(left).to_bytes() if what == "sketch" else b""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    if what == "sketch":
        found = TableSketch.from_bytes(kept).compare(right)
        spent = time.process_time() - started
        exact = compare_tables(left, right)
        name = "kolmogorov_smirnov"
        error = max(
            abs(column.statistics[name] - exact[column.name].statistics[name])
            for column in found.columns
            if name in column.statistics
        )
        print(json.dumps({"cpu": spent, "bytes": len(kept), "error": error}))
        return
    found = compare_tables(left, right)
    found.to_json()
    spent = time.process_time() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"cpu": spent, "mb": grown, "html": len(found.to_html().encode())}))


def measured(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in ("exact", "sketch"):
        own(arguments[0], Path(arguments[1]), Path(arguments[2]))
        return
    peers = "--peers" in arguments
    sizes = [int(text) for text in arguments if text.isdigit()] or [100_000, 1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{side}.parquet" for side in ("reference", "current")]
        for rows in sizes:
            for seed, path in enumerate(paths):
                pq.write_table(table(rows, seed, 0.1 * seed), path)
            files = [str(path) for path in paths]
            for what in ("exact", "sketch"):
                print(rows, what, measured([sys.executable, __file__, what, *files]), flush=True)
            for name in ("evidently", "nannyml") if peers else ():
                command = [str(peer(name)), str(HERE / f"{name}_columns.py"), *files, "timed"]
                print(rows, name, measured(command), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
