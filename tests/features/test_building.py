"""The feature table: what comes in, what is kept out, and that every column is accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from millwright.features import ROW, TARGET, TIME, build_features
from millwright.features.calendar import covered_parts
from millwright.kernel.config import ProjectConfig
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field

START = datetime(2013, 1, 1, tzinfo=UTC)
ROWS = 600


def _table(rows: int = ROWS) -> pa.Table:
    random = np.random.default_rng(3)
    at = [START + timedelta(hours=int(i)) for i in range(rows)]
    delay = random.normal(10, 20, rows)
    cancelled = random.random(rows) < 0.06
    return pa.table(
        {
            "at": at,
            "carrier": random.choice(["AA", "UA"], rows),
            "tail": [f"N{i % 300}" for i in range(rows)],
            "distance": random.integers(100, 2000, rows),
            "year": [2013] * rows,
            "booked_at": [t - timedelta(hours=30) for t in at],
            "delay": pa.array(delay, mask=cancelled),
            "known_at": pa.array([t + timedelta(hours=2) for t in at], mask=cancelled),
            "late": pa.array(delay > 20, mask=cancelled),
        }
    )


WEATHER = pa.table(
    {
        "observed_at": [START + timedelta(hours=i - 1, minutes=30) for i in range(ROWS)],
        "temp": [float(i) for i in range(ROWS)],
    }
)
PLANES = pa.table(
    {"tail": [f"N{i}" for i in range(250)], "built": [2000 + i % 10 for i in range(250)]}
)
SIDES = {"weather": WEATHER, "planes": PLANES}


def _config(**features: object) -> ProjectConfig:
    return ProjectConfig.model_validate(
        {
            "project": "p",
            "data": {
                "source": "x",
                "target": "late",
                "time": "at",
                "tables": {
                    "weather": {
                        "source": "w",
                        "keys": [],
                        "time": "observed_at",
                        "tolerance": "2h",
                    },
                    "planes": {"source": "p", "keys": ["tail"]},
                },
            },
            "features": {
                "rolling": [
                    {
                        "by": ["carrier"],
                        "value": "delay",
                        "available_at": "known_at",
                        "windows": ["1d"],
                    }
                ],
                "ages": [{"name": "plane_age", "since": "planes.built"}],
                **features,
            },
        }
    )


def test_rows_become_named_features_of_the_right_kinds() -> None:
    built = build_features(_table(), SIDES, _config())
    assert {field.name: field.kind for field in built.fields} == {
        "carrier": "categorical",
        "distance": "numeric",
        "weather_temp": "numeric",
        "carrier_delay_mean_1d": "numeric",
        "carrier_delay_count_1d": "numeric",
        "at_hour": "numeric",
        "at_weekday": "numeric",
        "plane_age": "numeric",
    }
    assert [f.name for f in built.fields if not f.monitored] == ["at_hour", "at_weekday"]
    assert built.table.column_names == [*(f.name for f in built.fields), ROW, TIME, TARGET]
    assert built.table["weather_temp"].to_pylist()[:3] == [0.0, 1.0, 2.0]
    assert built.table["plane_age"][0].as_py() == pytest.approx(13, abs=0.01)


def test_every_column_is_a_feature_or_dropped_with_a_reason() -> None:
    built = build_features(_table(), SIDES, _config())
    dropped = {item.column: item.reason for item in built.dropped}
    named = {field.name for field in built.fields} | set(dropped) | {"at", "late"}
    assert set(_table().column_names) | {"planes_built"} <= named
    assert "names single things" in dropped["tail"]
    assert "same value in every row" in dropped["year"]
    assert "recorded together with the outcome" in dropped["delay"]
    assert "whole cycle" in dropped["at_month"]


def test_leaks_are_reported_and_kept_out_or_kept_in_on_request() -> None:
    table = _table()
    table = table.append_column("verdict", table["late"])
    dropped = build_features(table, SIDES, _config())
    assert {leak.column for leak in dropped.leaks} == {"delay", "known_at", "verdict"}
    assert "verdict" not in dropped.table.column_names
    reported = build_features(table, SIDES, _config(leakage="report"))
    assert reported.leaks == dropped.leaks
    assert "verdict" in reported.table.column_names
    # What rolling features are made of stays out even then: it is the future by definition.
    assert not {"delay", "known_at", "known_at_hours_before"} & set(reported.table.column_names)


def test_rows_without_outcome_stay_with_a_null_target() -> None:
    built = build_features(_table(), SIDES, _config())
    assert built.table.num_rows == ROWS
    assert built.table[TARGET].null_count == _table()["late"].null_count > 0
    assert set(built.table[TARGET].unique().to_pylist()) == {"true", "false", None}


def test_rows_without_a_time_are_left_out_and_row_numbers_tell_which() -> None:
    table = _table()
    holes = np.arange(ROWS) % 100 == 5
    table = table.set_column(0, "at", pa.array(table["at"].to_pylist(), mask=holes))
    built = build_features(table, SIDES, _config())
    assert built.table[ROW].to_pylist() == np.flatnonzero(~holes).tolist()


def test_a_model_signature_is_computed_exactly_and_without_the_target() -> None:
    whole = build_features(_table(), SIDES, _config())
    fields = (whole.fields[2], whole.fields[0])
    rows = _table().drop_columns(["late"])
    again = build_features(rows, SIDES, _config(), fields=fields)
    assert again.fields == fields
    assert again.table.column_names == ["weather_temp", "carrier", ROW, TIME, TARGET]
    assert again.table["weather_temp"] == whole.table["weather_temp"]
    with pytest.raises(InvalidInput, match="takes 'height'"):
        build_features(rows, SIDES, _config(), fields=[Field(name="height", kind="numeric")])


def test_the_future_of_a_row_never_changes_its_features() -> None:
    table = _table()
    whole = build_features(table, SIDES, _config())
    fields = whole.fields
    for cut in (1, 77, 400):
        past = build_features(table.slice(0, cut), SIDES, _config(), fields=fields)
        assert past.table.equals(whole.table.slice(0, cut))


def test_a_table_without_time_yields_its_plain_columns() -> None:
    config = ProjectConfig.model_validate(
        {"project": "p", "data": {"source": "x", "target": "distance"}}
    )
    built = build_features(_table(), {}, config)
    assert TIME not in built.table.column_names
    assert str(built.table[TARGET].type) == "double"
    assert "carrier" in built.table.column_names


def test_parts_of_the_calendar_need_a_whole_cycle() -> None:
    def spanning(days: float) -> frozenset[str]:
        return covered_parts(pa.chunked_array([[START, START + timedelta(days=days)]]))

    assert spanning(1) == frozenset()
    assert spanning(90) == {"hour", "weekday"}
    assert spanning(400) == {"hour", "weekday", "month", "day_of_year"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"rolling": [{"by": ["carier"], "value": "delay", "available_at": "known_at"}]},
            "carrier",
        ),
        ({"rolling": [{"by": [], "value": "dely", "available_at": "known_at"}]}, "'delay'"),
        ({"rolling": [{"by": [], "value": "tail", "available_at": "known_at"}]}, "not numbers"),
        ({"rolling": [{"by": [], "value": "delay", "available_at": "tail"}]}, "not times"),
        ({"ages": [{"name": "a", "since": "planes.bilt"}]}, "planes_built"),
    ],
)
def test_a_misconfigured_feature_is_refused_with_a_sentence(
    change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        build_features(_table(), SIDES, _config(**change))


def test_a_missing_table_and_an_unknown_target_are_named() -> None:
    with pytest.raises(InvalidInput, match="The table 'planes' is configured but was not given"):
        build_features(_table(), {"weather": WEATHER}, _config())
    with pytest.raises(InvalidInput, match="target column 'late' is not in the data"):
        build_features(_table().drop_columns(["late"]), SIDES, _config())


def test_two_features_of_one_name_are_refused() -> None:
    table = _table().append_column("weather_temp", pa.array(range(ROWS)))
    with pytest.raises(InvalidInput, match="Two features would be named 'weather_temp'"):
        build_features(table, SIDES, _config())


def test_a_joined_column_is_ignored_by_either_of_its_names() -> None:
    for name in ("weather.temp", "weather_temp"):
        config = _config()
        data = config.data.model_copy(update={"ignore": (name,)})
        built = build_features(_table(), SIDES, config.model_copy(update={"data": data}))
        assert "weather_temp" not in built.table.column_names


def test_a_table_with_nothing_to_learn_from_is_refused() -> None:
    config = ProjectConfig.model_validate(
        {"project": "p", "data": {"source": "x", "target": "late"}}
    )
    with pytest.raises(InvalidInput, match="No column is left to learn from"):
        build_features(_table().select(["late", "tail"]), {}, config)
