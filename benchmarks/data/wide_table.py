"""The table of the data benchmarks: keys, times, measurements, counts, flags, categories, texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

PIECE = 250_000
_LEVELS = {count: pa.array([f"level-{i:05d}" for i in range(count)]) for count in (5, 50, 2000)}


def pieces(rows: int, seed: int = 0, first_id: int = 0) -> Iterator[pa.Table]:
    """Twenty columns, piece by piece; the same arguments give the same rows."""
    for start in range(0, rows, PIECE):
        count = min(PIECE, rows - start)
        yield piece(np.random.default_rng([seed, start]), count, first_id + start)


def piece(random: np.random.Generator, rows: int, first_id: int) -> pa.Table:
    """Some rows."""
    seconds = np.arange(first_id, first_id + rows) * 3 + random.integers(0, 3, rows)
    columns: dict[str, Any] = {
        "id": np.arange(first_id, first_id + rows),
        "at": pa.array(1_700_000_000_000_000 + seconds * 1_000_000, pa.timestamp("us", "UTC")),
    }
    columns |= {f"measured_{i}": random.normal(size=rows) for i in range(5)}
    columns |= {f"price_{i}": np.round(random.gamma(2, 30, rows), 2) for i in range(3)}
    for i, most in enumerate((10, 1000, 100_000, 10**9)):
        columns[f"count_{i}"] = random.integers(0, most, rows)
    columns |= {f"flag_{i}": random.random(rows) < 0.3 for i in range(2)}
    for count, levels in _LEVELS.items():
        columns[f"level_{count}"] = levels.take(pa.array(random.integers(0, count, rows)))
    columns["text"] = pa.array(random.integers(0, 2**62, rows)).cast(pa.string())
    return pa.table(columns)
