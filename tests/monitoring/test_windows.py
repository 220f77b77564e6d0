"""Windows cover event time without gaps, and close when the log has passed them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from millwright.monitoring.windows import (
    DAY_MS,
    is_closed,
    origin_of,
    watermark,
    window_of,
    window_starts,
)

times = st.integers(-(10**12), 4 * 10**12)
lengths = st.sampled_from([1, 1000, 60_000, 3_600_000, DAY_MS, 7 * DAY_MS])


@given(times, times, lengths)
def test_every_time_lies_in_exactly_one_window(time: int, origin: int, length: int) -> None:
    start, end = window_of(time, origin, length)
    assert start <= time < end
    assert end - start == length
    assert (start - origin) % length == 0
    assert window_starts(np.array([time]), origin, length).tolist() == [start]


@given(times, lengths)
def test_windows_begin_at_or_before_the_first_event_on_a_full_unit(first: int, length: int) -> None:
    origin = origin_of(first, length)
    assert first - DAY_MS < origin <= first
    assert window_of(first, origin, length)[0] <= first
    if length % DAY_MS == 0:
        assert origin % DAY_MS == 0


def test_one_row_from_the_future_does_not_close_windows() -> None:
    served = np.array([1000, 2000, 3000])
    assert watermark(np.array([900, 5000, 10 * DAY_MS]), served) == 5000
    assert watermark(np.array([10 * DAY_MS]), np.array([0])) is None
    assert watermark(np.empty(0, np.int64), np.empty(0, np.int64)) is None


def test_a_window_is_closed_when_the_watermark_reaches_its_end() -> None:
    assert is_closed(100, 100)
    assert not is_closed(100, 99)
