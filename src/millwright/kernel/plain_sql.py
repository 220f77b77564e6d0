"""Statements as plain text, straight to the driver: for what is done thousands of times a second.

Building a statement and wrapping its result cost several times what a database takes for a point
lookup. Placeholders are ``?`` on both databases; values are always bound, never put into the text.
The connection is the transaction's own, so what is done here and through SQLAlchemy is one change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Bare:
    """A connection without SQLAlchemy: the driver's own, for what stands in this module."""

    __slots__ = ("dialect", "driver_connection")

    def __init__(self, dialect: Any, driver_connection: Any) -> None:
        self.dialect = dialect
        self.driver_connection = driver_connection

    @property
    def connection(self) -> Bare:
        """What holds the driver's connection, where SQLAlchemy has its pool's."""
        return self


AnyConnection = Connection | Bare


def sql(connection: AnyConnection, text: str) -> str:
    """The statement with the database's own placeholders."""
    return text.replace("?", "%s") if connection.dialect.name == "postgresql" else text


def perform(connection: AnyConnection, text: str, *values: Any) -> Any:
    """Run one statement; the driver's cursor, with ``fetchone``, ``fetchall``, ``rowcount``."""
    driver: Any = connection.connection.driver_connection
    return driver.execute(sql(connection, text), values)


def perform_many(connection: AnyConnection, text: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement with many rows of values; nothing where there are none."""
    if rows:
        driver: Any = connection.connection.driver_connection
        driver.cursor().executemany(sql(connection, text), rows)


def fetch(connection: AnyConnection, text: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows as plain tuples."""
    found: list[tuple[Any, ...]] = perform(connection, text, *values).fetchall()
    return found


def first(connection: AnyConnection, kind: Callable[..., T], text: str, *values: Any) -> T | None:
    """The first row made into a record of its columns, or None where there is no row."""
    row = perform(connection, text, *values).fetchone()
    return None if row is None else kind(*row)


def marks(count: int) -> str:
    """Placeholders for a list of values.

    >>> marks(3)
    '(?,?,?)'
    """
    return f"({','.join('?' * count)})"


class Plain:
    """A connection for those who write plain SQL and may stand on a driver of their own."""

    def __init__(self, connection: Connection) -> None:
        self.dialect = connection.dialect
        self._driver: Any = connection.connection.driver_connection

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Any:
        """Execute a statement; the answer has ``first()``."""
        return _Answer(self._driver.execute(statement, parameters or ()))


class _Answer:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def first(self) -> Any:
        return self._cursor.fetchone()
