"""Whether two tables have the same rows, in any order."""

from __future__ import annotations

import numpy as np

from millwright.data.quality.expressions import identifier, to_sql, unknown_column
from millwright.data.quality.reducers import Hashes
from millwright.data.quality.scanning import families_of, open_source, scan
from millwright.data.quality.world import OtherTable


def differing_rows(
    ours: Hashes, other: OtherTable, columns: tuple[str, ...], where: str
) -> tuple[int, int]:
    """Rows that are in only one of two tables, as multisets; and the rows of the larger one."""
    with open_source(other.path) as source:
        families = families_of(source.schema)
        for column in columns:
            if column not in families:
                raise unknown_column(column, families)
        value = f"hash({', '.join(identifier(column) for column in columns)})"
        if where:
            value = f"CASE WHEN {to_sql(where, families)} THEN {value} END"
        theirs = Hashes(value)
        scan(source, [theirs])
    left = np.concatenate([*ours.parts(), np.empty(0, np.uint64)])
    right = np.concatenate([*theirs.parts(), np.empty(0, np.uint64)])
    values, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    counts = np.bincount(places[: len(left)], minlength=len(values)) - np.bincount(
        places[len(left) :], minlength=len(values)
    )
    return int(max(counts.clip(0).sum(), (-counts).clip(0).sum())), max(len(left), len(right))
