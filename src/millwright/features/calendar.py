"""Parts of the calendar that a model can learn from: hour, weekday, month, day of the year."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_DAY_US: Final = 86_400_000_000
PARTS: Final[dict[str, int]] = {"hour": 2, "weekday": 14, "month": 365, "day_of_year": 365}
"""Each part with the days that a table has to span before the part means anything.

A model trained on January to March has never seen a June: a month column would only let it
remember single weeks, and send every later row to the last of them.
"""


def calendar_parts(moments: pa.ChunkedArray) -> dict[str, pa.ChunkedArray]:
    """The calendar parts of a ``timestamp[us, UTC]`` column, in UTC, as int64 columns by name.

    Weekday is 0 for Monday, day of the year is 1 for the 1st of January.
    """
    parts = {
        "hour": pc.hour(moments),
        "weekday": pc.day_of_week(moments),
        "month": pc.month(moments),
        "day_of_year": pc.day_of_year(moments),
    }
    return {name: pc.cast(part, pa.int64()) for name, part in parts.items()}


def covered_parts(moments: pa.ChunkedArray) -> frozenset[str]:
    """The parts of which a ``timestamp[us, UTC]`` column covers a whole cycle (see ``PARTS``)."""
    bounds = pc.min_max(pc.cast(moments, pa.int64())).as_py()
    if bounds["min"] is None:
        return frozenset()
    span = (bounds["max"] - bounds["min"]) / _DAY_US
    return frozenset(part for part, days in PARTS.items() if span >= days)
