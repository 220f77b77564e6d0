"""Whether the column that drift was put into is named first, in 200 injections into real rows.

`python benchmarks/monitoring/attribution.py [INJECTIONS]`: census and bank, 30 columns; 10,000 rows
of reference, 4,000 of which one column, in turn, moves by 0.3 standard deviations or has a tenth of
its rows moved into a category that is not the most frequent.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pyarrow as pa
from alarm_quality import pool

from millwright.monitoring.comparison import compare_tables


def moved(table: pa.Table, name: str, rng: np.random.Generator) -> pa.Table:
    place, column = table.column_names.index(name), table[name]
    if pa.types.is_string(column.type):
        values = np.asarray(column.to_pylist(), dtype=object)
        levels, counts = np.unique(values.astype(str), return_counts=True)
        others = np.delete(levels, np.argmax(counts))
        target = others[rng.integers(others.size)] if others.size else "new"
        values[rng.random(values.size) < 0.1] = target
        return table.set_column(place, name, pa.array(values.tolist(), pa.string()))
    values = column.to_numpy().astype(float)
    return table.set_column(place, name, pa.array(values + 0.3 * values.std()))


def main(injections: int) -> None:
    rows = pool()
    first = found = 0
    missed: dict[str, int] = {}
    started = time.process_time()
    for seed in range(injections):
        rng = np.random.default_rng(seed)
        reference = rows.take(rng.integers(0, len(rows), 10_000))
        name = rows.column_names[seed % rows.num_columns]
        window = moved(rows.take(rng.integers(0, len(rows), 4000)), name, rng)
        best = compare_tables(reference, window).ranked()[0]
        first += best.name == name
        found += best.name == name and best.drifted
        if best.name != name:
            missed[name] = missed.get(name, 0) + 1
    spent = time.process_time() - started
    print(
        f"first in {first / injections:.1%}, and told in {found / injections:.1%},"
        f" of {injections} injections; {spent:.0f} CPU-s; not first: {missed}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
