"""Parameters and tags of runs: written with plain statements, read for many runs at once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from millwright.kernel.plain_sql import fetch, marks, perform_many
from millwright.tracking.records import ParamValue

_KINDS: dict[type, str] = {bool: "b", int: "i", float: "f", str: "s"}
_CHUNK = 5_000


def insert_params(connection: Connection, run_no: int, params: Mapping[str, ParamValue]) -> None:
    """Parameters that the run does not have yet."""
    rows = [
        (run_no, key, str(value), _KINDS.get(type(value), "n"), _number(value))
        for key, value in params.items()
    ]
    statement = "INSERT INTO run_params (run_no, key, value, kind, number) VALUES (?,?,?,?,?)"
    perform_many(connection, statement, rows)


def known_params(connection: Connection, run_no: int, keys: Iterable[str]) -> dict[str, str]:
    """Values, as text, of those parameters that the run has."""
    wanted = list(keys)
    if not wanted:
        return {}
    chosen = f"WHERE run_no = ? AND key IN {marks(len(wanted))}"
    query = f"SELECT key, value FROM run_params {chosen}"  # noqa: S608
    return dict(fetch(connection, query, run_no, *wanted))


def upsert_tags(connection: Connection, run_no: int, tags: Mapping[str, str]) -> None:
    """Set tags, replacing earlier values."""
    statement = (
        "INSERT INTO run_tags (run_no, key, value) VALUES (?,?,?) "
        "ON CONFLICT (run_no, key) DO UPDATE SET value = excluded.value"
    )
    perform_many(connection, statement, [(run_no, key, value) for key, value in tags.items()])


def details_of(
    connection: Connection, table: str, columns: str, numbers: list[int]
) -> defaultdict[int, list[Any]]:
    """Rows of a detail table by run, in the order of their keys."""
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        chosen = f"WHERE run_no IN {marks(len(chunk))} ORDER BY run_no, key"
        query = f"SELECT run_no, {columns} FROM {table} {chosen}"  # noqa: S608
        for row in fetch(connection, query, *chunk):
            found[row[0]].append(row)
    return found


def typed(value: str, kind: str) -> ParamValue:
    """A parameter as it was given.

    >>> typed("6", "i"), typed("True", "b"), typed("None", "n"), typed("6", "s")
    (6, True, None, '6')
    """
    if kind == "i":
        return int(value)
    if kind == "f":
        return float(value)
    if kind == "b":
        return value == "True"
    return None if kind == "n" else value


def _number(value: ParamValue) -> float | None:
    if isinstance(value, bool | int | float):
        return _finite(float(value)) if abs(value) < 1e300 else None
    try:
        return _finite(float(value)) if value and len(value) < 40 else None
    except ValueError:
        return None


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
