"""Joins that never look ahead: a row sees of a side table only what was known at its moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from millwright.features.keys import NO_KEY, Integers, microseconds, shared_codes
from millwright.kernel.errors import InvalidInput


def join_as_of(
    main: pa.Table,
    side: pa.Table,
    *,
    keys: Sequence[str],
    main_time: str,
    side_time: str,
    tolerance_ms: int,
    side_name: str = "the side table",
) -> Integers:
    """For each main row, the side row with the same key that was the latest at that moment.

    The side row's time is at or before the main row's time and at most ``tolerance_ms`` older
    (an age of exactly the tolerance still counts). Of several side rows with the same key and the
    same time the last one in the table is taken, as a correction that was appended.

    Args:
        main, side: tables with the key columns; the time columns are timestamps.
        keys: columns that have to be equal; with none, all rows belong together.
        main_time, side_time: timestamp columns of ``main`` and of ``side``.
        tolerance_ms: the greatest age of a side row, in milliseconds.

    Returns:
        int64 array of ``main.num_rows`` row numbers in ``side``; -1 where nothing matches.

    Raises:
        InvalidInput: a key is missing or a time column is not a timestamp.
    """
    moments, timed = microseconds(_timestamps(main, main_time))
    side_moments, side_timed = microseconds(_timestamps(side, side_time))
    main_codes, side_codes = shared_codes(main, side, keys, right_name=side_name)
    usable = np.flatnonzero(side_timed & (side_codes != NO_KEY))
    order = usable[np.lexsort((side_moments[usable], side_codes[usable]))]
    found = latest_at(side_codes[order], side_moments[order], main_codes, moments)
    rows = np.full(main.num_rows, -1, dtype=np.int64)
    hit = (found >= 0) & timed & (main_codes != NO_KEY)
    latest = order[found[hit]]
    age = moments[hit] - side_moments[latest]
    rows[hit] = np.where(age <= tolerance_ms * 1000, latest, -1)
    return rows


def join_by_key(
    main: pa.Table, side: pa.Table, *, keys: Sequence[str], side_name: str = "the side table"
) -> Integers:
    """For each main row, the first side row with the same key; -1 where there is none.

    A key that occurs several times in the side table never multiplies rows.
    """
    main_codes, side_codes = shared_codes(main, side, keys, right_name=side_name)
    known = np.flatnonzero(side_codes != NO_KEY)
    # Writing backwards leaves the first occurrence of each key standing.
    first = np.full(int(max(main_codes.max(initial=0), side_codes.max(initial=0))) + 1, -1)
    first[side_codes[known][::-1]] = known[::-1]
    rows = np.where(main_codes == NO_KEY, -1, first[main_codes])
    return rows.astype(np.int64)


def take_rows(table: pa.Table, rows: Integers, columns: Sequence[str]) -> pa.Table:
    """The rows of a table by number, with nulls where the number is -1."""
    indices = pa.array(rows, mask=rows < 0)
    if table.num_rows == 0:
        return pa.table({name: pa.nulls(len(rows), table[name].type) for name in columns})
    return table.select(list(columns)).take(indices)


def latest_at(
    codes: Integers, moments: Integers, query_codes: Integers, query_moments: Integers
) -> Integers:
    """Position of the last entry at or before each query, within the same code; -1 if none.

    ``codes`` and ``moments`` are sorted by (code, moment). Moments are replaced by their rank
    first, so that (code, rank) fits one integer whatever the span of time.
    """
    distinct = np.unique(moments)
    width = len(distinct) + 2
    ranks = np.searchsorted(distinct, moments, side="left") + 1
    # An entry counts when its rank is at most the number of distinct moments up to the query.
    query_ranks = np.searchsorted(distinct, query_moments, side="right")
    position = np.searchsorted(codes * width + ranks, query_codes * width + query_ranks, "right")
    start = np.searchsorted(codes, query_codes, side="left")
    found: Integers = np.where(position > start, position, 0) - 1
    return found


def _timestamps(table: pa.Table, column: str) -> pa.ChunkedArray:
    if column not in table.column_names:
        raise InvalidInput(
            "features.unknown_time",
            f"Time column '{column}' is not in the table.",
            hint=f"It has: {', '.join(table.column_names)}.",
            value=column,
        )
    values = table[column]
    if not pa.types.is_timestamp(values.type):
        raise InvalidInput(
            "features.not_a_time",
            f"Column '{column}' holds {values.type}, not times.",
            hint="Write the times as ISO 8601, for example 2013-04-01T05:15:00Z.",
            value=column,
        )
    return values
