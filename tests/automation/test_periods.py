"""Splitting by date keeps the latest rows for validation and the window before them for training."""

from __future__ import annotations

import pyarrow as pa
import pytest

from millwright.automation.periods import latest_apart
from millwright.features import TIME
from millwright.kernel.errors import InvalidInput

DAY_MS = 86_400_000


def days(*numbers: int) -> pa.Table:
    moments = pa.array([n * DAY_MS * 1000 for n in numbers], pa.timestamp("us", tz="UTC"))
    return pa.table({TIME: moments, "day": list(numbers)})


def test_the_latest_rows_are_held_out_and_older_ones_than_the_window_are_left_out() -> None:
    develop, test = latest_apart(days(*range(30)), 5 * DAY_MS, 10 * DAY_MS)

    assert test["day"].to_pylist() == list(range(24, 30))
    assert develop["day"].to_pylist() == list(range(14, 24))


def test_without_a_window_everything_before_is_developed_on() -> None:
    develop, _ = latest_apart(days(*range(30)), 5 * DAY_MS, None)

    assert develop["day"].to_pylist() == list(range(24))


def test_rows_that_are_all_held_out_are_said_to_be_too_few() -> None:
    with pytest.raises(InvalidInput, match="no rows with a known target"):
        latest_apart(days(1, 2), 5 * DAY_MS, None)
