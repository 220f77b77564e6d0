"""Statements of the write path as plain SQL: what is done thousands of times a second is not built
anew each time. Placeholders are ``?``; values are always bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, CursorResult

from millwright.kernel.plain_sql import fetch, first, marks, sql

__all__ = ["RunRow", "execute", "fetch", "marks", "run_row", "run_rows", "sql"]


class RunRow(NamedTuple):
    """What a write needs to know of a run; ``no`` is its number in the database."""

    no: int
    id: str
    project: str
    experiment_no: int
    name: str
    status: str
    deleted_ms: int | None
    created_ms: int
    ended_ms: int | None


_RUN = f"SELECT {', '.join(RunRow._fields)} FROM runs WHERE id "  # noqa: S608


def execute(connection: Connection, text: str, *values: Any) -> CursorResult[Any]:
    """Run one statement with its values; rows know their columns by name."""
    return connection.exec_driver_sql(sql(connection, text), values)


def run_row(connection: Connection, run: str) -> RunRow | None:
    """What a write needs to know of a run; None for an unknown one."""
    return first(connection, RunRow, _RUN + "= ?", run)


def run_rows(connection: Connection, runs: Iterable[str]) -> dict[str, RunRow]:
    """As ``run_row`` for several, by id."""
    ids = list(runs)
    found = fetch(connection, f"{_RUN} IN {marks(len(ids))}", *ids)
    return {row[1]: RunRow(*row) for row in found}
