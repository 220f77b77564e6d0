"""The rows that break checks as a table of their own, each with the checks that it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from millwright.data.quality.reducers import Rows
from millwright.data.quality.scanning import Source

ROW_COLUMN: Final = "broken_row"
REASONS_COLUMN: Final = "broken_checks"


@dataclass(frozen=True, slots=True)
class TakenRows:
    """Rows that were taken along by a scan."""

    table: pa.Table
    places: Rows
    """Their numbers, rising."""


def merged(several: Sequence[Rows]) -> Rows:
    """The numbers that are in any of some arrays, rising, each once.

    >>> merged([np.array([1, 5]), np.array([2, 5])]).tolist()
    [1, 2, 5]
    """
    # Sorted here, as NumPy's own ``unique`` builds a hash table and takes ten times as long.
    rows = np.concatenate([np.empty(0, np.int64), *several])
    rows.sort()
    first = np.ones(len(rows), np.bool_)
    np.not_equal(rows[1:], rows[:-1], out=first[1:])
    return rows[first]


def broken_rows(
    source: Source,
    broken: dict[str, Rows],
    taken: TakenRows,
    columns: Sequence[str],
    limit: int,
) -> pa.Table:
    """The first broken rows: their numbers (from 1), the ids of the checks, and their values.

    Args:
        source: the table, from which rows are read that the scan could not know to be broken.
        broken: for each check the numbers of the rows that break it, counted from 0, rising.
        taken: the rows that the scan took along.
        columns: the columns that are kept of them.
        limit: the most rows.
    """
    rows = merged(list(broken.values()))[:limit]
    known = taken.table
    inside = _among(taken.places, rows)
    if not inside.all():
        known = known.filter(pa.array(inside))
    late = rows[~_among(rows, taken.places)]
    if len(late):
        known = pa.concat_tables([known, source.take(late, columns).cast(known.schema)])
        order = np.argsort(np.concatenate([taken.places[inside], late]), kind="stable")
        known = known.take(pa.array(order))
    numbered = pa.table({ROW_COLUMN: pa.array(rows + 1), REASONS_COLUMN: _reasons(rows, broken)})
    for name in known.column_names:
        numbered = numbered.append_column(name, known[name])
    return numbered


def _reasons(rows: Rows, broken: dict[str, Rows]) -> pa.Array:
    """For each row the ids of the checks that it breaks, as a list column."""
    ids = list(broken)
    pairs = [np.searchsorted(rows, found[_among(found, rows)]) for found in broken.values()]
    places = np.concatenate([np.empty(0, np.int64), *pairs])
    checks = np.repeat(np.arange(len(ids)), [len(found) for found in pairs])
    # Checks stand in their order already, which a stable sort keeps.
    order = np.argsort(places, kind="stable")
    offsets = np.searchsorted(places[order], np.arange(len(rows) + 1)).astype(np.int32)
    names = pa.array(ids, pa.string()).take(pa.array(checks[order]))
    return pa.ListArray.from_arrays(pa.array(offsets), names)


def _among(numbers: Rows, rising: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of the numbers are among others, which rise."""
    if len(rising) == 0:
        return np.zeros(len(numbers), np.bool_)
    at = np.searchsorted(rising, numbers)
    same: np.ndarray[tuple[int], np.dtype[np.bool_]]
    same = rising[np.minimum(at, len(rising) - 1)] == numbers
    return same
