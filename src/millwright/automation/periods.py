"""Which rows a challenger learns from, by date: the latest held out, the ones before chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.features import TIME
from millwright.kernel.config_retraining import Windowing
from millwright.kernel.errors import InvalidInput

LEAST_ROWS = 300
"""Fewer teach nothing that may be compared."""
PARTS = (0.3, 0.5, 1.0, 2.0)
"""Lengths that are measured, of the window asked for; and all rows; and those since the drift."""


def latest_apart(table: pa.Table, holdout_ms: int) -> tuple[pa.Table, pa.Table]:
    """The rows to develop on, in the order of time, and the latest ones, of length ``holdout_ms``
    back from the last row.

    Raises:
        InvalidInput: one of the two would be empty.
    """
    moments = _moments(table)
    latest = pc.max(moments).as_py() or 0
    test = pc.greater_equal(moments, latest - holdout_ms)
    parts = table.filter(pc.invert(test)), table.filter(test)
    if min(part.num_rows for part in parts) == 0:
        raise InvalidInput(
            "retraining.no_rows",
            "The retraining window or its held-out part has no rows with a known target.",
            hint="Let labels arrive, or widen retraining.window and retraining.holdout.",
        )
    return parts[0].sort_by(TIME), parts[1]


def starts(
    moments: npt.NDArray[np.int64],
    window_ms: int,
    windowing: Windowing,
    since_ms: int | None = None,
) -> list[int]:
    """Positions from which a challenger may learn, earliest first; one but for ``measured``.

    Args:
        moments: of the rows it may learn from, ascending.
        window_ms: the length asked for.
        windowing: how the rows are chosen.
        since_ms: when the drift began; None where nobody knows.
    """
    if windowing == "expanding" or moments.size == 0:
        return [0]

    def back(length_ms: float) -> int:
        return int(np.searchsorted(moments, int(moments[-1]) - round(length_ms), side="right"))

    sliding = back(window_ms)
    drift = None if since_ms is None else int(np.searchsorted(moments, since_ms))
    if windowing == "sliding":
        return [sliding]
    if windowing == "since_drift":
        enough = drift is not None and moments.size - drift >= LEAST_ROWS
        return [drift if enough and drift is not None else sliding]
    found = {0, *(back(part * window_ms) for part in PARTS)}
    if drift is not None:
        found.add(drift)
    usable = sorted(start for start in found if moments.size - start >= LEAST_ROWS)
    return usable or [0]


def best_start(candidates: Sequence[int], loss: Callable[[int], float]) -> int:
    """The start whose model has the least loss on the latest rows; of equals the earliest."""
    return candidates[0] if len(candidates) == 1 else min(candidates, key=loss)


def recency_weights(
    moments: npt.NDArray[np.int64], half_life_ms: int | None
) -> npt.NDArray[np.float64] | None:
    """How much each row counts; None where all count alike.

    >>> recency_weights(np.array([0, 50, 100]), 50).tolist()
    [0.25, 0.5, 1.0]
    """
    if half_life_ms is None or moments.size == 0:
        return None
    weights: npt.NDArray[np.float64] = 0.5 ** ((moments[-1] - moments) / half_life_ms)
    return weights


def thinned(table: pa.Table, half_life_ms: int, seed: int) -> pa.Table:
    """Rows kept with the probability of their weight: weighting for learners that know no weights."""
    moments = milliseconds_of(table)
    latest = moments.max() if moments.size else 0
    kept = np.random.default_rng(seed).random(moments.size) < 0.5 ** (
        (latest - moments) / half_life_ms
    )
    return table.filter(pa.array(kept)) if kept.sum() >= LEAST_ROWS else table


def milliseconds_of(table: pa.Table) -> npt.NDArray[np.int64]:
    """The moments of a table's rows."""
    found: npt.NDArray[np.int64] = _moments(table).combine_chunks().to_numpy(zero_copy_only=False)
    return found


def _moments(table: pa.Table) -> pa.ChunkedArray:
    return pc.cast(pc.cast(table[TIME], pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
