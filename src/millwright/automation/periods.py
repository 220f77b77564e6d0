"""Rows by date: the latest held out, the ones before them within a window."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from millwright.features import TIME
from millwright.kernel.errors import InvalidInput


def latest_apart(
    table: pa.Table, holdout_ms: int, window_ms: int | None
) -> tuple[pa.Table, pa.Table]:
    """The rows to develop on and the latest ones, of length ``holdout_ms`` back from the last row.

    With ``window_ms`` only rows of this length of time before the held-out ones are developed on.

    Raises:
        InvalidInput: one of the two would be empty.
    """
    moments = pc.cast(pc.cast(table[TIME], pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
    latest = pc.max(moments).as_py() or 0
    test = pc.greater_equal(moments, latest - holdout_ms)
    develop = pc.invert(test)
    if window_ms is not None:
        start = latest - holdout_ms - window_ms
        develop = pc.and_(develop, pc.greater_equal(moments, start))
    parts = table.filter(develop), table.filter(test)
    if min(part.num_rows for part in parts) == 0:
        raise InvalidInput(
            "retraining.no_rows",
            "The retraining window or its held-out part has no rows with a known target.",
            hint="Let labels arrive, or widen retraining.window and retraining.holdout.",
        )
    return parts
