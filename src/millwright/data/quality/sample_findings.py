"""What a sample of a table's rows says beyond its single columns: correlations and personal data."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.personal_data import (
    NUMBERS_LOOKED_AT,
    PREFILTER,
    PersonalColumn,
    recognised,
    recognised_numbers,
)
from millwright.data.quality.profile_records import Correlation
from millwright.data.schema import is_text

CORRELATIONS: Final = 20
CORRELATED_COLUMNS: Final = 100
PERSONAL_ROWS: Final = 10_000
"""Rows whose texts are looked through for personal data."""
LEAST_SHARE: Final = 0.01
"""Share of a column's values that have to be personal for the column to be."""


def correlations(table: pa.Table, names: list[str]) -> tuple[Correlation, ...]:
    """The strongest correlations among columns of numbers, by their absolute size."""
    if len(names) < 2 or table.num_rows < 3:
        return ()
    names = names[:CORRELATED_COLUMNS]
    # One row per column, so that what is summed lies together.
    whole = np.empty((len(names), table.num_rows))
    for place, name in enumerate(names):
        whole[place] = pc.cast(table[name], pa.float64(), safe=False).to_numpy()
    known = np.isfinite(whole)
    with np.errstate(all="ignore"):
        held = known.astype(np.float64)
        centred = np.where(known, whole, 0.0)
        centred -= (centred.sum(axis=1) / held.sum(axis=1))[:, None]
        centred *= held
        squares = (centred**2) @ held.T
        found = (centred @ centred.T) / np.sqrt(squares * squares.T)
    pairs = [
        Correlation(left=names[i], right=names[j], coefficient=round(float(found[i, j]), 6))
        for i in range(len(found))
        for j in range(i + 1, len(found))
        if np.isfinite(found[i, j])
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.coefficient))[:CORRELATIONS])


def personal_columns(table: pa.Table) -> tuple[PersonalColumn, ...]:
    """The columns that seem to hold personal data, by their names and values."""
    every = -(-table.num_rows // PERSONAL_ROWS)
    if every > 1:
        table = table.take(pa.array(np.arange(0, table.num_rows, every)))
    found: list[PersonalColumn] = []
    for name in table.column_names:
        values = table[name]
        if pa.types.is_integer(values.type):
            each = max(len(values) // NUMBERS_LOOKED_AT, 1)
            some = values.take(pa.array(np.arange(0, len(values), each))).drop_null()
            found += recognised_numbers(name, Counter(map(str, some.to_pylist())))
            continue
        candidates: dict[str, int] = {}
        if is_text(values.type):
            counted = pc.value_counts(pc.cast(values.drop_null(), pa.string()))
            matched = counted.filter(pc.match_substring_regex(counted.field("values"), PREFILTER))
            both = (matched.field(part).to_pylist() for part in ("values", "counts"))
            candidates = dict(zip(*both, strict=True))
        known = len(values) - values.null_count
        found += recognised(name, candidates, known, LEAST_SHARE)
    return tuple(found)
