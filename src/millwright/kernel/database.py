"""The database: SQLite beside the objects, or PostgreSQL by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import OperationalError

from millwright.kernel.errors import Unavailable
from millwright.kernel.sqlite import configure

_CHAIN_LOCK = 0x6D_69_6C_6C
"""Advisory lock that serialises appends to the event chain on PostgreSQL."""


class Database:
    """Read and write transactions over one engine.

    Write transactions are serialised from their first statement (SQLite ``BEGIN IMMEDIATE``,
    PostgreSQL an advisory lock), because each appends to the one event chain. SQLite runs in WAL
    mode with full synchronisation, so an acknowledged write survives a crash.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        arguments: dict[str, Any] = {"connect_args": {"timeout": 30}} if self.is_sqlite else {}
        self.engine = create_engine(url, pool_pre_ping=not self.is_sqlite, **arguments)
        if self.is_sqlite:
            event.listen(self.engine, "connect", configure)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state."""
        with _explained(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction: committed at the end, rolled back on an error."""
        with _explained(), self.engine.connect() as connection:
            try:
                if self.is_sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                else:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_CHAIN_LOCK})"))
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _explained() -> Iterator[None]:
    """Say in a sentence what the database could not do for reasons outside of it.

    Raises:
        Unavailable: the disk is full, or somebody else wrote for too long.
    """
    try:
        yield
    except Exception as cause:
        # Plain statements raise the driver's own error of that name.
        if type(cause).__name__ != OperationalError.__name__:
            raise
        raise _explain(cause) from cause


def _explain(cause: Exception) -> Exception:
    message = str(getattr(cause, "orig", cause))
    # A write-ahead log that cannot grow is reported as an input/output error.
    if "full" in message or "disk I/O error" in message:
        return Unavailable(
            "database.disk_full",
            "There is no space left on the disk that holds the database.",
            hint="Free some space and run the same command again; nothing was lost.",
        )
    if "locked" in message:
        return Unavailable(
            "database.busy", "The database was busy for 30 seconds.", hint="Try again."
        )
    return cause
