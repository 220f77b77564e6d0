"""Statements of the write path as plain SQL: what is done thousands of times a second is not built
anew each time. Placeholders are ``?``; values are always bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.engine import Row

_RUN = (
    "SELECT no, id, project, experiment_no, name, status, deleted_ms, created_ms, ended_ms "
    "FROM runs WHERE id "
)


def sql(connection: Connection, text: str) -> str:
    """The statement with the database's own placeholders."""
    return text.replace("?", "%s") if connection.dialect.name == "postgresql" else text


def execute(connection: Connection, text: str, *values: Any) -> CursorResult[Any]:
    """Run one statement with its values."""
    return connection.exec_driver_sql(sql(connection, text), values)


def fetch(connection: Connection, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows as plain tuples, straight from the driver: for queries with very many of them."""
    driver: Any = connection.connection.driver_connection
    found: list[tuple[Any, ...]] = driver.execute(sql(connection, text), values).fetchall()
    return found


def execute_many(connection: Connection, text: str, rows: list[tuple[Any, ...]]) -> None:
    """Run one statement with many rows; nothing where there are none."""
    if rows:
        connection.exec_driver_sql(sql(connection, text), rows)


def marks(count: int) -> str:
    """``(?,?,?)``."""
    return f"({','.join('?' * count)})"


def run_row(connection: Connection, run: str) -> Row[Any] | None:
    """What a write needs to know of a run; None for an unknown one."""
    return execute(connection, _RUN + "= ?", run).first()


def run_rows(connection: Connection, runs: Iterable[str]) -> dict[str, Row[Any]]:
    """As ``run_row`` for several, by id."""
    ids = list(runs)
    if len(ids) == 1:
        row = run_row(connection, ids[0])
        return {} if row is None else {ids[0]: row}
    found = execute(connection, f"{_RUN} IN {marks(len(ids))}", *ids)
    return {row.id: row for row in found}
