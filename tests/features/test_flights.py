"""The rooms on real data: 336,776 flights of 2013 from New York."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from millwright.data import infer_suite, run_checks
from millwright.demo.flights import load_flights, load_planes, load_weather
from millwright.features import FeatureSet, build_features
from millwright.kernel.config import ProjectConfig

ROLLING = [
    {
        "by": ["carrier"],
        "value": "arr_delay",
        "available_at": "arrived_at",
        "windows": ["1d", "7d"],
    },
    {"by": ["origin"], "value": "arr_delay", "available_at": "arrived_at", "windows": ["1d"]},
]
CONFIG = ProjectConfig.model_validate(
    {
        "project": "flights",
        "data": {
            "source": "flights",
            "target": "late",
            "time": "scheduled_departure",
            "ignore": ["year", "month", "day", "time_hour"],
            "tables": {
                "weather": {
                    "source": "weather",
                    "keys": ["origin"],
                    "time": "observed_at",
                    "tolerance": "3h",
                },
                "planes": {"source": "planes", "keys": ["tailnum"], "columns": ["year", "seats"]},
            },
        },
        "features": {"rolling": ROLLING, "ages": [{"name": "plane_age", "since": "planes.year"}]},
    }
)


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    return load_flights()


@pytest.fixture(scope="module")
def built(flights: pa.Table) -> FeatureSet:
    return build_features(flights, {"weather": load_weather(), "planes": load_planes()}, CONFIG)


def test_scheduled_departure_is_the_local_clock_time_in_utc_through_the_year(
    flights: pa.Table,
) -> None:
    zone = ZoneInfo("America/New_York")
    for row in flights.take(list(range(0, flights.num_rows, 4999))).to_pylist():
        planned = row["sched_dep_time"]
        local = datetime(2013, row["month"], row["day"], planned // 100, planned % 100, tzinfo=zone)
        assert row["scheduled_departure"] == local.astimezone(UTC)


def test_flights_are_in_order_and_late_is_what_it_says(flights: pa.Table) -> None:
    times = flights["scheduled_departure"].cast(pa.int64()).to_numpy()
    assert (np.diff(times) >= 0).all()
    assert flights.num_rows == 336_776
    assert flights["late"].null_count == flights["arr_delay"].null_count == 9_430
    assert pc.sum(flights["late"]).as_py() == pc.sum(pc.greater(flights["arr_delay"], 15)).as_py()


def test_arrival_is_known_only_after_the_flight_was_flown(flights: pa.Table) -> None:
    underway = pc.subtract(flights["arrived_at"], flights["departed_at"]).cast(pa.int64())
    ground_minutes = pc.subtract(pc.divide(underway, 60_000_000), flights["air_time"])
    ground = pc.min_max(ground_minutes).as_py()
    # Taxiing takes minutes to hours: the time zones of all destinations are right.
    assert 0 < ground["min"] < ground["max"] < 300


def test_exactly_the_columns_that_know_the_outcome_are_reported(built: FeatureSet) -> None:
    assert {leak.column for leak in built.leaks} == {
        "dep_time",
        "dep_delay",
        "arr_time",
        "arr_delay",
        "air_time",
        "departed_at",
        "arrived_at",
    }
    assert {"distance", "weather_temp", "weather_visib"} <= set(built.table.column_names)
    assert "tailnum" in {item.column for item in built.dropped}


def test_a_rolling_feature_of_real_rows_agrees_with_a_loop(
    flights: pa.Table, built: FeatureSet
) -> None:
    carrier = flights["carrier"].to_numpy()
    known = flights["arrived_at"].cast(pa.int64()).to_numpy()
    delay = flights["arr_delay"].to_numpy()
    asked = flights["scheduled_departure"].cast(pa.int64()).to_numpy()
    means = built.table["carrier_arr_delay_mean_1d"].to_numpy()
    for row in range(1000, flights.num_rows, 30_011):
        with np.errstate(invalid="ignore"):
            seen = (
                (carrier == carrier[row])
                & (known < asked[row])
                & (known > asked[row] - 86_400_000_000)
            )
        assert means[row] == pytest.approx(delay[seen].mean())


def test_the_rules_of_the_first_quarter_hold_for_the_flights_after_it(flights: pa.Table) -> None:
    table = flights.drop_columns(["month", "day", "time_hour"])
    first = pc.less_equal(flights["month"], 3)
    report = run_checks(table.filter(pc.invert(first)), infer_suite(table.filter(first))).report
    assert report.verdict == "passed"


def test_the_hurricane_that_never_was_is_found_in_the_weather() -> None:
    weather = load_weather()
    (failure,) = run_checks(weather, infer_suite(weather)).report.failures
    assert failure.check.id == "wind_speed:between"
    assert failure.examples[0].value == "1048.36058"
