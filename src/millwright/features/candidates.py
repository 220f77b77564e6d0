"""Every column that could become a feature: of the row, of the joined tables, of the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.features.calendar import calendar_parts
from millwright.features.keys import codes, microseconds
from millwright.features.point_in_time import join_as_of, join_by_key, take_rows
from millwright.features.rolling import look_back, record_history
from millwright.kernel.arrow_kinds import is_number
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import (
    AgeFeature,
    DataConfig,
    ProjectConfig,
    RollingFeature,
    SideTable,
)
from millwright.kernel.errors import InvalidInput, nearest

Origin = Literal["row", "joined", "elapsed", "rolling", "calendar", "age"]

_YEAR_US = 365.25 * 86_400_000_000
_HOUR_US = 3_600_000_000
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Candidate:
    """A column that could become a feature, and where it comes from."""

    name: str
    values: pa.ChunkedArray
    origin: Origin


def gather(
    table: pa.Table, side_tables: Mapping[str, pa.Table], config: ProjectConfig
) -> Iterator[Candidate]:
    """All candidates in a fixed order: the row's, joined, rolling, calendar, ages.

    Target, time and ignored columns are no candidates. A timestamp column other than the time
    comes twice: as it is, for the search for leaks, and as the hours from it to the prediction.

    Args:
        table: the rows; the time column is ``timestamp[us, UTC]`` without nulls.
        side_tables: a table for every name in ``config.data.tables``.
        config: what to compute.
    """
    data = config.data
    skipped = {data.target, data.time, *data.ignore}
    for name in table.column_names:
        if name not in skipped:
            yield from _with_elapsed(Candidate(name, table[name], "row"), table, data.time)
    joined: dict[str, pa.ChunkedArray] = {}
    for name, side in data.tables.items():
        brought = join_side_table(table, name, side, _table_named(side_tables, name), data)
        joined |= brought
        for column, values in brought.items():
            dotted = f"{name}.{column.removeprefix(f'{name}_')}"
            if column not in data.ignore and dotted not in data.ignore:
                yield from _with_elapsed(Candidate(column, values, "joined"), table, data.time)
    if data.time is None:
        return
    for rolling in config.features.rolling:
        yield from _rolling(table, rolling, data.time)
    if config.features.calendar:
        for part, values in calendar_parts(table[data.time]).items():
            yield Candidate(f"{data.time}_{part}", values, "calendar")
    for age in config.features.ages:
        yield Candidate(age.name, _age(table, joined, age, data.time), "age")


def join_side_table(
    table: pa.Table, name: str, side: SideTable, rows: pa.Table, data: DataConfig
) -> dict[str, pa.ChunkedArray]:
    """The columns that a side table brings, as ``<table>_<column>``; point-in-time if it has a time.

    Raises:
        InvalidInput: a named column is missing, or the side table has a time and the main has not.
    """
    columns = side.columns or tuple(
        c for c in rows.column_names if c not in side.keys and c != side.time
    )
    for column in columns:
        _column(rows, column, f"table '{name}'")
    if side.time is None:
        found = join_by_key(table, rows, keys=side.keys, side_name=f"table '{name}'")
    elif data.time is None:
        raise InvalidInput(
            "features.no_time",
            f"Table '{name}' is joined by time, but the rows have no time of prediction.",
            hint="Name the column as data.time, or leave out the table's time to join by key.",
        )
    else:
        found = join_as_of(
            table,
            rows,
            keys=side.keys,
            main_time=data.time,
            side_time=side.time,
            tolerance_ms=parse_duration(side.tolerance),
            side_name=f"table '{name}'",
        )
    taken = take_rows(rows, found, columns)
    return {f"{name}_{column}": taken[column] for column in columns}


def rolling_name(rolling: RollingFeature, statistic: str, window: str) -> str:
    """The name of a rolling feature: ``carrier_origin_arr_delay_mean_7d``."""
    return "_".join([*(rolling.by or ("all",)), rolling.value, statistic, window])


def _rolling(table: pa.Table, rolling: RollingFeature, time: str) -> Iterator[Candidate]:
    values = _column(table, rolling.value, "the data")
    if not is_number(values.type):
        raise InvalidInput(
            "features.not_a_number",
            f"Rolling value '{rolling.value}' holds {values.type}, not numbers.",
            hint="Name a column of numbers or booleans as 'value'.",
            value=rolling.value,
        )
    available = _column(table, rolling.available_at, "the data")
    if not pa.types.is_timestamp(available.type):
        raise InvalidInput(
            "features.not_a_time",
            f"Column '{rolling.available_at}' holds {available.type}, not times.",
            hint="Name the column with the moment from which the value is known as 'available_at'.",
            value=rolling.available_at,
        )
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy()
    entity = codes(table, rolling.by)
    moments, _ = microseconds(table[time])
    history = record_history(entity, numbers, *microseconds(available))
    lengths = [parse_duration(window) for window in rolling.windows]
    for window, seen in zip(
        rolling.windows, look_back(history, entity, moments, lengths), strict=True
    ):
        mean = pa.array(seen.mean, mask=np.isnan(seen.mean))
        yield Candidate(rolling_name(rolling, "mean", window), pa.chunked_array([mean]), "rolling")
        count = pa.chunked_array([pa.array(seen.count)])
        yield Candidate(rolling_name(rolling, "count", window), count, "rolling")


def _with_elapsed(candidate: Candidate, table: pa.Table, time: str | None) -> Iterator[Candidate]:
    yield candidate
    if time is None or not pa.types.is_timestamp(candidate.values.type):
        return
    since = pc.cast(candidate.values, pa.timestamp("us", tz=candidate.values.type.tz), safe=False)
    length = pc.subtract(pc.cast(table[time], pa.int64()), pc.cast(since, pa.int64()))
    hours = pc.divide(pc.cast(length, pa.float64(), safe=False), float(_HOUR_US))
    yield Candidate(f"{candidate.name}_hours_before", hours, "elapsed")


def _age(
    table: pa.Table, joined: Mapping[str, pa.ChunkedArray], age: AgeFeature, time: str
) -> pa.ChunkedArray:
    name = age.since.replace(".", "_", 1) if age.since not in table.column_names else age.since
    if name not in table.column_names and name not in joined:
        known = [*table.column_names, *joined]
        guess = nearest(age.since, known)
        raise InvalidInput(
            "features.unknown_since",
            f"Age '{age.name}' is measured since '{age.since}', which is no column.",
            hint=f"Did you mean '{guess}'?" if guess else "Write it as column or table.column.",
            value=age.since,
        )
    since = table[name] if name in table.column_names else joined[name]
    moments = pc.cast(pc.cast(table[time], pa.int64()), pa.float64(), safe=False)
    if pa.types.is_temporal(since.type):
        born = pc.cast(pc.cast(pc.cast(since, _UTC), pa.int64()), pa.float64(), safe=False)
    else:
        years = pc.cast(since, pa.float64(), safe=False)
        born = pc.multiply(pc.subtract(years, 1970.0), _YEAR_US)
    return pc.divide(pc.subtract(moments, born), _YEAR_US)


def _column(table: pa.Table, name: str, place: str) -> pa.ChunkedArray:
    if name in table.column_names:
        return table[name]
    guess = nearest(name, table.column_names)
    raise InvalidInput(
        "features.unknown_column",
        f"Column '{name}' is not in {place}.",
        hint=f"Did you mean '{guess}'?" if guess else f"It has: {', '.join(table.column_names)}.",
        value=name,
    )


def _table_named(side_tables: Mapping[str, pa.Table], name: str) -> pa.Table:
    if name in side_tables:
        return side_tables[name]
    raise InvalidInput(
        "features.no_table",
        f"The table '{name}' is configured but was not given.",
        hint=f"Read it from data.tables.{name}.source first.",
        value=name,
    )
