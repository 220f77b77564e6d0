"""The values of some rows in some columns, read for all of them together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from millwright.kernel import clock
from millwright.tracking.records import ParamValue
from millwright.tracking.run_table.layout import NO_VALUE, Layout
from millwright.tracking.run_table.ordering import split
from millwright.tracking.service.details import typed
from millwright.tracking.service.statements import fetch, marks

Cell = ParamValue
_MEAN_OF = 5_000
"""The mean over a group is of at most this many of its runs, the first ones."""
_CHUNK = 500


def rows_of(connection: Connection, layout: Layout, start: int, stop: int) -> list[dict[str, Any]]:
    """Lines ``start`` to ``stop`` as the fields of ``TableRow``."""
    lines = layout.lines[start:stop]
    numbers = [line for line in lines if line > 0]
    known = {row[0]: row for row in _runs(connection, numbers)}
    found = []
    for position, line in enumerate(lines, start):
        # A closed run or group is followed by a line that is not deeper.
        deeper = position + 1 < len(layout.lines) and (
            layout.depths[position + 1] > layout.depths[position]
        )
        place = {
            "depth": layout.depths[position],
            "children": len(layout.children.get(line, ())),
            "open": deeper,
        }
        if line < 0:
            found.append({"id": None, "name": layout.groups[-line - 1] or NO_VALUE, **place})
        elif line in known:
            found.append({**_run(known[line]), **place})
        else:
            gone = {"id": None, "name": "removed meanwhile", "depth": 0, "children": 0}
            found.append({**gone, "open": False})
    return found


def values_of(
    connection: Connection, layout: Layout, start: int, stop: int, columns: Sequence[str]
) -> dict[str, list[Cell]]:
    """By column, one value for each line; of a group's metrics the mean."""
    lines = list(layout.lines[start:stop])
    places = {line: position for position, line in enumerate(lines)}
    values: dict[str, list[Cell]] = {column: [None] * len(lines) for column in columns}
    keys: dict[str, list[str]] = {"metrics": [], "params": [], "tags": []}
    for column in columns:
        kind, key = split(column)
        keys.setdefault(kind, []).append(key)
    numbers = [line for line in lines if line > 0]
    for number, key, cell in details(connection, numbers, keys):
        values[key][places[number]] = cell
    for line in lines:
        if line < 0 and keys["metrics"]:
            for key, mean in _means(connection, layout.children[line], keys["metrics"]):
                values[f"metrics.{key}"][places[line]] = mean
    return values


def details(
    connection: Connection, numbers: Sequence[int], keys: dict[str, list[str]]
) -> Iterable[tuple[int, str, Cell]]:
    """What runs logged, as (number, column, value)."""
    if not numbers:
        return
    for number, key, value, is_nan in _logged(
        connection, "run_latest_metrics", "value, is_nan", numbers, keys["metrics"]
    ):
        yield number, f"metrics.{key}", plain(math.nan if is_nan else value)
    for number, key, value, kind in _logged(
        connection, "run_params", "value, kind", numbers, keys["params"]
    ):
        yield number, f"params.{key}", typed(value, kind)
    for number, key, value in _logged(connection, "run_tags", "value", numbers, keys["tags"]):
        yield number, f"tags.{key}", value


def plain(value: float) -> float | str:
    """A metric as JSON can hold it: what is not finite as a word.

    >>> plain(0.5), plain(float("nan")), plain(float("-inf"))
    (0.5, 'NaN', '-Infinity')
    """
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _runs(connection: Connection, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
    if not numbers:
        return []
    query = (
        'SELECT r.no, r.id, r.name, r.status, e.name, COALESCE(r."user", r.actor), r.created_ms, '  # noqa: S608
        "r.ended_ms, r.parent FROM runs r JOIN experiments e ON e.no = r.experiment_no "
        f"WHERE r.no IN {marks(len(numbers))}"
    )
    return fetch(connection, query, *numbers)


def _run(row: tuple[Any, ...]) -> dict[str, Any]:
    _, identifier, name, status, experiment, user, created, ended, parent = row
    return {
        "id": identifier,
        "name": name,
        "status": status,
        "experiment": experiment,
        "user": user,
        "created_at": clock.rfc3339(created),
        "duration_ms": None if ended is None else ended - created,
        "parent": parent,
    }


def _logged(
    connection: Connection, table: str, columns: str, numbers: Sequence[int], keys: Sequence[str]
) -> list[tuple[Any, ...]]:
    if not keys:
        return []
    query = (
        f"SELECT run_no, key, {columns} FROM {table} "  # noqa: S608
        f"WHERE run_no IN {marks(len(numbers))} AND key IN {marks(len(keys))}"
    )
    return fetch(connection, query, *numbers, *keys)


def _means(
    connection: Connection, numbers: Sequence[int], keys: Sequence[str]
) -> list[tuple[str, float]]:
    sums: dict[str, tuple[float, int]] = {}
    for start in range(0, min(len(numbers), _MEAN_OF), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        query = (
            "SELECT key, SUM(value), COUNT(*) FROM run_latest_metrics "  # noqa: S608
            f"WHERE run_no IN {marks(len(chunk))} AND key IN {marks(len(keys))} AND is_nan = 0 "
            "GROUP BY key"
        )
        for key, total, count in fetch(connection, query, *chunk, *keys):
            before, known = sums.get(key, (0.0, 0))
            sums[key] = (before + total, known + count)
    return [(key, total / count) for key, (total, count) in sums.items() if math.isfinite(total)]
