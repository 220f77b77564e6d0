"""Which rows a training reads: its period, and what came before it for the rolling features."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from millwright.automation.lifecycle import FeatureReport, split_rows
from millwright.automation.sources import (
    Period,
    TrainingPlan,
    load_snapshot,
    retraining_period,
    take_snapshot,
)
from millwright.features import TARGET, TIME
from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.config import ProjectConfig, parse_project
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput

DAY_MS = 86_400_000
NOW = parse_rfc3339("2024-03-31T00:00:00Z")
START = datetime(2024, 3, 1, tzinfo=UTC)


REPORT = FeatureReport(fields=(), leaks=(), dropped=())


def config(**changes: str) -> ProjectConfig:
    text = {
        "project": "orders",
        "data": "{source: orders.parquet, target: late, time: at}",
        "retraining": "{windowing: sliding, window: 10d, holdout: 4d}",
    } | changes
    return parse_project("\n".join(f"{key}: {value}" for key, value in text.items()))


def orders(days: int = 30) -> pa.Table:
    """Four orders a day."""
    rows = range(days * 4)
    return pa.table(
        {
            "at": [START + timedelta(hours=6 * i) for i in rows],
            "load": [float(i % 7) for i in rows],
            "late": [("no", "yes")[i % 2] for i in rows],
        }
    )


def test_a_retraining_reads_its_window_and_the_held_out_rows() -> None:
    assert retraining_period(config(), NOW) == Period(since_ms=NOW - 14 * DAY_MS, until_ms=NOW)


def test_a_retraining_reads_as_far_back_as_the_longest_rolling_feature_looks() -> None:
    rolling = "{rolling: [{by: [load], value: load, available_at: at, windows: [2h, 7d]}]}"
    period = retraining_period(config(features=rolling), NOW)
    assert period.since_ms == NOW - 21 * DAY_MS


@pytest.mark.parametrize(
    ("since", "until", "rows"), [(None, None, 120), (10, None, 80), (None, 20, 80), (10, 25, 60)]
)
def test_a_snapshot_keeps_the_rows_of_its_period(
    door: Door, tmp_path: Path, since: int | None, until: int | None, rows: int
) -> None:
    pq.write_table(orders(), tmp_path / "orders.parquet")
    first = int(START.timestamp() * 1000)
    period = Period(
        since_ms=None if since is None else first + since * DAY_MS,
        until_ms=None if until is None else first + until * DAY_MS,
    )
    taken = take_snapshot(door, config(), tmp_path, period)
    table, sides = load_snapshot(door, "orders", taken)
    assert (table.num_rows, sides) == (rows, {})
    moments = table["at"].to_pylist()
    assert since is None or min(moments) >= START + timedelta(days=since)
    assert until is None or max(moments) < START + timedelta(days=until)


def test_a_time_column_that_is_gone_is_named_with_the_nearest(door: Door, tmp_path: Path) -> None:
    pq.write_table(orders().rename_columns(["att", "load", "late"]), tmp_path / "orders.parquet")
    with pytest.raises(InvalidInput, match=r"time column 'at' .* Did you mean 'att'"):
        take_snapshot(door, config(), tmp_path, Period(until_ms=NOW))


def features(days: int = 30) -> pa.Table:
    table = orders(days)
    return pa.table({TIME: table["at"], "load": table["load"], TARGET: table["late"]})


def plan(**values: int) -> TrainingPlan:
    return TrainingPlan(budget_ms=1000, experiment="orders", **values)


def test_a_challenger_is_held_against_the_latest_rows_and_learns_from_those_before() -> None:
    table = features()
    parts = split_rows(config(), table, plan(window_ms=10 * DAY_MS, holdout_ms=4 * DAY_MS), REPORT)
    latest = max(table[TIME].to_pylist())
    held_out, learned = parts.test[TIME].to_pylist(), parts.develop[TIME].to_pylist()
    assert min(held_out) == latest - timedelta(days=4)
    assert max(held_out) == latest
    assert max(learned) < min(held_out)
    assert min(learned) == latest - timedelta(days=14)


def test_a_first_training_holds_out_the_latest_share() -> None:
    parts = split_rows(config(), features(), plan(), REPORT)
    assert parts.test.num_rows == 24
    assert max(parts.develop[TIME].to_pylist()) < min(parts.test[TIME].to_pylist())


def test_rows_without_a_known_target_are_in_neither_part() -> None:
    table = features()
    late = [None if i >= 100 else v for i, v in enumerate(table[TARGET].to_pylist())]
    unknown = table.set_column(2, TARGET, pa.array(late))
    parts = split_rows(config(), unknown, plan(holdout_ms=4 * DAY_MS), REPORT)
    assert parts.develop.num_rows + parts.test.num_rows == 100
    assert parts.test[TARGET].null_count == 0


def test_a_window_without_rows_is_refused_with_what_to_change() -> None:
    with pytest.raises(InvalidInput, match=r"widen retraining\.window"):
        split_rows(config(), features(2), plan(window_ms=DAY_MS, holdout_ms=9 * DAY_MS), REPORT)
