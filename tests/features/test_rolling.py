"""Rolling features against a loop, and the promise that the future never reaches the past."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.features.rolling import Window, look_back, record_history

MINUTE_US = 60_000_000
ROW = st.tuples(
    st.integers(-1, 3),  # entity, -1 for none
    st.integers(-1000, 1000) | st.none(),  # value
    st.integers(0, 50) | st.none(),  # available at, minutes
    st.integers(0, 60),  # asked at, minutes
)
ROWS = st.lists(ROW, max_size=40)
Rows = list[tuple[int, int | None, int | None, int]]


def _windows(rows: Rows, lengths: list[int]) -> tuple[Window, ...]:
    codes = np.array([r[0] for r in rows], dtype=np.int64)
    values = np.array([np.nan if r[1] is None else r[1] for r in rows], dtype=np.float64)
    available = np.array([(r[2] or 0) * MINUTE_US for r in rows], dtype=np.int64)
    known = np.array([r[2] is not None for r in rows], dtype=bool)
    moments = np.array([r[3] * MINUTE_US for r in rows], dtype=np.int64)
    history = record_history(codes, values, available, known)
    return look_back(history, codes, moments, [length * 60_000 for length in lengths])


@given(ROWS, st.integers(1, 60))
def test_mean_and_count_agree_with_a_loop(rows: Rows, length: int) -> None:
    (window,) = _windows(rows, [length])
    for i, (entity, _, _, asked) in enumerate(rows):
        seen = [
            value
            for other, value, available, _ in rows
            if other == entity != -1
            and value is not None
            and available is not None
            and asked - length < available < asked
        ]
        assert window.count[i] == len(seen)
        if seen:
            assert window.mean[i] == pytest.approx(sum(seen) / len(seen), rel=1e-12, abs=1e-9)
        else:
            assert np.isnan(window.mean[i])


@given(ROWS, st.data())
def test_what_is_not_yet_known_never_changes_a_feature(rows: Rows, data: st.DataObject) -> None:
    asked = data.draw(st.integers(0, 60))
    before = _windows(rows, [7, 30])
    future = [
        (
            entity,
            data.draw(st.floats(allow_nan=False, allow_infinity=False))
            if available is None or available >= asked
            else value,
            available,
            moment,
        )
        for entity, value, available, moment in rows
    ]
    after = _windows(future, [7, 30])  # type: ignore[arg-type]
    at_or_before = np.array([r[3] <= asked for r in rows], dtype=bool)
    for old, new in zip(before, after, strict=True):
        # Bit for bit: not even rounding may carry a trace of the future.
        assert old.mean[at_or_before].tobytes() == new.mean[at_or_before].tobytes()
        assert old.count[at_or_before].tobytes() == new.count[at_or_before].tobytes()


def test_a_value_that_becomes_known_in_the_very_moment_is_not_used() -> None:
    rows: Rows = [(0, 5, 10, 10), (0, 7, 9, 11)]
    (window,) = _windows(rows, [60])
    assert window.count.tolist() == [1.0, 2.0]
    assert window.mean.tolist() == [7.0, 6.0]


def test_one_entitys_huge_values_do_not_blur_anothers() -> None:
    rows = [(0, 1e300, 1, 50), (1, 0.1, 2, 50), (1, 0.3, 3, 50)]
    (window,) = _windows(rows, [60])  # type: ignore[arg-type]
    assert window.mean[1] == pytest.approx(0.2, rel=1e-15)
