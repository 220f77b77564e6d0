"""Plain SQL over a connection of SQLAlchemy, or over a bare one of SQLite.

Statements are written once, with ``?`` for values. Composing them anew costs more than they do, and
a run of two hundred steps executes two thousand of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from pydantic_core import from_json as parsed
from pydantic_core import to_json

Row = tuple[Any, ...]


class Sql:
    """One connection. ``dialect.name`` is ``sqlite`` or ``postgresql``."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._bare = isinstance(connection, sqlite3.Connection)
        self.is_postgresql = not self._bare and connection.dialect.name == "postgresql"
        self.dialect = SimpleNamespace(name="postgresql" if self.is_postgresql else "sqlite")

    def rows(self, text: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        if self._bare:
            return self._connection.execute(text, values).fetchall()  # type: ignore[no-any-return]
        found = self._connection.exec_driver_sql(self._marked(text), values)
        return [tuple(row) for row in found]

    def run(self, text: str, *values: Any) -> int:
        """Execute a statement; how many rows it changed."""
        if self._bare:
            return int(self._connection.execute(text, values).rowcount)
        return int(self._connection.exec_driver_sql(self._marked(text), values).rowcount)

    def many(self, text: str, rows: Sequence[Row]) -> int:
        """Execute a statement for each row of values; how many rows it changed in all."""
        if not rows:
            return 0
        if self._bare:
            return int(self._connection.executemany(text, rows).rowcount)
        return int(self._connection.exec_driver_sql(self._marked(text), list(rows)).rowcount)

    def among(self, values: Sequence[str]) -> tuple[str, str]:
        """``IN (…)`` for any number of texts, as a subquery over one value, and that value."""
        each = (
            "jsonb_array_elements_text(?::jsonb)"
            if self.is_postgresql
            else "value FROM json_each(?)"
        )
        return f"IN (SELECT {each})", json.dumps(list(values))

    def exec_driver_sql(self, statement: str, parameters: Any = (), /) -> Any:
        """As SQLAlchemy's connection has it, for ``kernel.chain``."""
        if not self._bare:
            return self._connection.exec_driver_sql(statement, parameters or None)
        cursor = self._connection.execute(statement, parameters)
        return SimpleNamespace(first=cursor.fetchone)

    def _marked(self, text: str) -> str:
        return text.replace("?", "%s") if self.is_postgresql else text


def as_json(value: Any) -> str | None:
    """A value as it stands in a JSON column; None is no value."""
    return None if value is None else to_json(value).decode()


def from_json(value: Any) -> Any:
    """A JSON column's value: text from SQLite, parsed already from PostgreSQL."""
    return parsed(value) if isinstance(value, str) else value
