"""What is known of an entity at a moment: the latest row with its keys that is not of the future.

It answers as ``join_as_of`` joins, one key at a time and in constant time: a model is served with the
values that it would have been trained with.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from millwright.features.keys import microseconds
from millwright.kernel.errors import InvalidInput, nearest

Key = tuple[str, ...]


def key_of(values: Sequence[object]) -> Key | None:
    """The ids of an entity as its table is searched: as text, whole numbers without a point.

    >>> key_of([7.0, "AA"]), key_of([None])
    (('7', 'AA'), None)
    """
    if any(value is None for value in values):
        return None
    return tuple(
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        for value in values
    )


class LatestRows:
    """A table by its keys.

    Attributes:
        features: names of the columns that are no key.
    """

    def __init__(self, table: pa.Table, keys: Sequence[str], time: str | None) -> None:
        """Index ``table``.

        Args:
            table: rows with the key columns.
            keys: columns that name an entity.
            time: a timestamp column, when a row became known; without it the first row with the
                keys counts, as in a join by key.

        Raises:
            InvalidInput: a column is missing, or the time is no timestamp.
        """
        for name in (*keys, *([time] if time is not None else [])):
            if name not in table.column_names:
                guess = nearest(name, table.column_names)
                raise InvalidInput(
                    "features.unknown_column",
                    f"The table has no column '{name}'.",
                    hint=f"Did you mean '{guess}'?" if guess else None,
                    value=name,
                )
        self.features = tuple(name for name in table.column_names if name not in keys)
        self._table = table
        self._rows: dict[Key, tuple[list[int], list[int]]] = {}
        moments, known = self._moments(time)
        order = sorted(range(table.num_rows), key=moments.__getitem__)
        columns = [table[name].to_pylist() for name in keys]
        for row in order:
            key = key_of([column[row] for column in columns])
            if key is not None and known[row]:
                at, rows = self._rows.setdefault(key, ([], []))
                if time is not None or not rows:
                    at.append(moments[row])
                    rows.append(row)

    def _moments(self, time: str | None) -> tuple[list[int], list[bool]]:
        count = self._table.num_rows
        if time is None:
            return [0] * count, [True] * count
        column = self._table[time]
        if not pa.types.is_timestamp(column.type):
            raise InvalidInput(
                "features.time", f"The column '{time}' is {column.type} and no time.", value=time
            )
        moments, known = microseconds(column)
        return moments.tolist(), known.tolist()

    def __len__(self) -> int:
        """How many entities are known."""
        return len(self._rows)

    def at(self, key: Key | None, now_us: int) -> tuple[int, int] | None:
        """The row of an entity at a moment, and when it became known; None where there is none.

        Of several that became known at the same time the last in the table counts.
        """
        found = self._rows.get(key) if key is not None else None
        if found is None:
            return None
        moments, rows = found
        index = bisect_right(moments, now_us) - 1
        return None if index < 0 else (rows[index], moments[index])

    def value(self, row: int, feature: str) -> Any:
        """The value of a feature in a row."""
        return self._table[feature][row].as_py()
