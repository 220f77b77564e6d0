"""Windows of event time: which one a prediction belongs to, and when one is complete."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
FUTURE_MS = DAY_MS
"""How far past the moment of serving an event time may push the watermark."""


def origin_of(first_event_ms: int, window_ms: int) -> int:
    """Where windows begin: the first event, moved back to midnight UTC (or the full hour) when
    windows last whole days (or hours), so that their borders read well.

    >>> origin_of(1_364_793_300_000, 7 * DAY_MS) == 1_364_774_400_000  # 2013-04-01T05:15 to 00:00
    True
    """
    for unit in (DAY_MS, HOUR_MS, 60_000, 1_000):
        if window_ms % unit == 0:
            return first_event_ms - first_event_ms % unit
    return first_event_ms


def window_of(event_time_ms: int, origin_ms: int, window_ms: int) -> tuple[int, int]:
    """The window ``[start, end)`` that holds an event time; also before the origin.

    >>> window_of(25, 0, 10), window_of(-1, 0, 10), window_of(20, 0, 10)
    ((20, 30), (-10, 0), (20, 30))
    """
    start = origin_ms + (event_time_ms - origin_ms) // window_ms * window_ms
    return start, start + window_ms


def window_starts(
    event_times_ms: npt.NDArray[np.int64], origin_ms: int, window_ms: int
) -> npt.NDArray[np.int64]:
    """The starts of the windows of many event times."""
    starts: npt.NDArray[np.int64]
    starts = origin_ms + (event_times_ms - origin_ms) // window_ms * window_ms
    return starts


def watermark(
    event_times_ms: npt.NDArray[np.int64], served_ms: npt.NDArray[np.int64]
) -> int | None:
    """The event time up to which the log counts as complete: the largest seen.

    A time more than a day after its own serving is a mistake or a schedule far ahead; it would
    close every window before its time, so it is passed over. None when no row remains.
    """
    trusted = event_times_ms[event_times_ms <= served_ms + FUTURE_MS]
    return int(trusted.max()) if trusted.size else None


def is_closed(end_ms: int, watermark_ms: int) -> bool:
    """Whether a window is complete."""
    return watermark_ms >= end_ms
