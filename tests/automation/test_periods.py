"""Splitting by date keeps the latest rows for validation and the window before them for training."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from millwright.automation.periods import best_start, latest_apart, recency_weights, starts, thinned
from millwright.features import TIME
from millwright.kernel.errors import InvalidInput

DAY_MS = 86_400_000


def days(*numbers: int) -> pa.Table:
    moments = pa.array([n * DAY_MS * 1000 for n in numbers], pa.timestamp("us", tz="UTC"))
    return pa.table({TIME: moments, "day": list(numbers)})


def test_the_latest_rows_are_held_out_and_the_others_come_in_the_order_of_time() -> None:
    develop, test = latest_apart(days(*reversed(range(30))), 5 * DAY_MS)

    assert sorted(test["day"].to_pylist()) == list(range(24, 30))
    assert develop["day"].to_pylist() == list(range(24))


MOMENTS = np.arange(1_000, dtype=np.int64) * DAY_MS


def test_each_way_of_choosing_rows_begins_where_it_says() -> None:
    assert starts(MOMENTS, 400 * DAY_MS, "sliding") == [600]
    assert starts(MOMENTS, 400 * DAY_MS, "expanding") == [0]
    assert starts(MOMENTS, 400 * DAY_MS, "since_drift", 550 * DAY_MS) == [550]
    assert starts(MOMENTS, 400 * DAY_MS, "since_drift", 990 * DAY_MS) == [600]
    assert starts(MOMENTS, 400 * DAY_MS, "measured", 650 * DAY_MS) == [0, 200, 600, 650]


def test_the_measured_window_is_the_one_with_the_least_loss() -> None:
    assert best_start([0, 200, 600], {0: 0.3, 200: 0.1, 600: 0.2}.__getitem__) == 200


def test_older_rows_count_less_or_are_kept_less_often() -> None:
    table = days(*range(20_000))
    kept = thinned(table, 2_000 * DAY_MS, seed=7)["day"].to_numpy()
    newest, older = (kept >= 18_000).sum(), ((kept >= 16_000) & (kept < 18_000)).sum()
    assert 0.4 < older / newest < 0.6
    weights = recency_weights(np.array([0, 2_000]) * DAY_MS, 2_000 * DAY_MS)
    assert weights is not None
    assert weights.tolist() == [0.5, 1.0]


def test_rows_that_are_all_held_out_are_said_to_be_too_few() -> None:
    with pytest.raises(InvalidInput, match="no rows with a known target"):
        latest_apart(days(1, 2), 5 * DAY_MS)
