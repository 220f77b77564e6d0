"""Columns of inputs as the numbers that trees take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import level_values, numeric_values
from millwright.monitoring.comparison.samples import is_numeric
from millwright.monitoring.statistics.special import Floats
from millwright.training import small_trees

_LEVELS = 100
_SIZES = {"trees": 100, "leaves": 31, "leaf_rows": 20}


class Encoding:
    """Numbers as they are; levels by how frequent they were, the hundred most frequent of each."""

    def __init__(self, table: pa.Table, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.levels: dict[str, pa.Array] = {}
        for name in names:
            if is_numeric(table[name].type):
                continue
            counted = pc.value_counts(level_values(table[name]).drop_null())
            order = pc.array_sort_indices(counted.field("counts"), order="descending")
            self.levels[name] = counted.field("values").take(order[:_LEVELS])

    def matrix(self, table: pa.Table) -> Floats:
        """Shape ``(rows, names)``; NaN where missing, or a level that is rare or new."""
        columns = []
        for name in self.names:
            levels = self.levels.get(name)
            if name not in table.column_names:
                columns.append(np.full(table.num_rows, np.nan))
            elif levels is None:
                columns.append(numeric_values(table[name]))
            else:
                found = pc.index_in(level_values(table[name]), value_set=levels)
                columns.append(numeric_values(found))
        return np.column_stack(columns) if columns else np.zeros((table.num_rows, 0))

    def fitted(self, matrix: Floats, values: Floats) -> Any:
        """Trees that say what to expect of ``values``, shape ``(rows,)``.

        Raises:
            Unavailable: LightGBM is not installed.
        """
        categorical = [place for place, name in enumerate(self.names) if name in self.levels]
        return small_trees(matrix, values, None, classes=False, categorical=categorical, **_SIZES)


def in_parts(rows: int, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each of so many rows which of ``count`` consecutive parts it belongs to."""
    return np.arange(rows, dtype=np.int64) * count // max(rows, 1)
