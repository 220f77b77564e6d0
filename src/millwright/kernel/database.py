"""The database: SQLite beside the objects, or PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DataError, OperationalError

from millwright.kernel.errors import Corrupt, InvalidInput, Unavailable
from millwright.kernel.plain_sql import AnyConnection, Bare
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
        self._own = threading.local()
        self._keeping = threading.Lock()
        self._kept: list[tuple[threading.Thread, Any]] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state."""
        with _explained(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
                yield connection
            else:
                # Else each statement would see what was committed since the one before.
                yield connection.execution_options(isolation_level="REPEATABLE READ")

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

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """As ``write``, but SQLite lets tables be made anew that others refer to.

        SQLite changes a table by making another and dropping the first, which foreign keys forbid;
        they are checked before the transaction is committed instead.

        Raises:
            Corrupt: a row would refer to one that is not there; the database is as it was.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        with _explained(), self.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise Corrupt(
                        "database.references",
                        f"A row of the table '{broken[0]}' refers to one that is not there.",
                        hint="The database is as it was; restore a backup, or ask for help.",
                    )
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")

    @contextmanager
    def lookup(self) -> Iterator[AnyConnection]:
        """As ``read``, for plain SQL only (``kernel.plain_sql``) and a few rows.

        On SQLite each thread keeps a connection of its own for this: taking one from the pool and
        handing it back costs several times what the database takes for a point lookup.
        """
        if not self.is_sqlite:
            with self.read() as connection:
                yield connection
            return
        with _explained():
            own = self._thread_connection()
            begun = not own.driver_connection.in_transaction
            if begun:
                own.driver_connection.execute("BEGIN")
            try:
                yield own
            finally:
                if begun:
                    own.driver_connection.rollback()

    def _thread_connection(self) -> Bare:
        known = getattr(self._own, "connection", None)
        if known is None:
            self._close_those_of_ended_threads()
            pooled = self.engine.raw_connection()
            driver = pooled.driver_connection
            # It is none of the pool's: however many threads there are, the others find one there.
            pooled.detach()
            with self._keeping:
                self._kept.append((threading.current_thread(), driver))
            known = self._own.connection = Bare(self.engine.dialect, driver)
        return known

    def _close_those_of_ended_threads(self) -> None:
        with self._keeping:
            ended = [kept for kept in self._kept if not kept[0].is_alive()]
            for kept in ended:
                self._kept.remove(kept)
        for _, driver in ended:
            driver.close()

    def dispose(self) -> None:
        """Close every connection."""
        while self._kept:
            self._kept.pop()[1].close()
        self._own = threading.local()
        self.engine.dispose()


class Occupied(Exception):
    """Somebody else writes at this moment, and whoever asked does not wait."""


class Writer:
    """Write transactions one after the other, for those who write all the time.

    On SQLite its connection stays open between them. An ``impatient`` one (SQLite only) waits for
    nobody, and leaves it to other connections to move the write-ahead log into the database.
    """

    def __init__(self, database: Database, *, impatient: bool = False) -> None:
        self._database = database
        self._impatient = impatient
        self._connection: Connection | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As ``Database.write``.

        Raises:
            Occupied: somebody else writes, and this one is impatient; nothing was done.
        """
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                yield connection
            return
        with _explained():
            connection = self._connection or self._connected()
            driver: Any = connection.connection.driver_connection
            self._begin(driver)
            try:
                yield connection
                if connection.in_transaction():
                    connection.commit()
                else:
                    driver.commit()
            except BaseException:
                connection.rollback()
                driver.rollback()
                raise

    def _connected(self) -> Connection:
        self._connection = self._database.engine.connect()
        if self._impatient:
            self._connection.exec_driver_sql("PRAGMA busy_timeout=0")
            self._connection.exec_driver_sql("PRAGMA wal_autocheckpoint=0")
            self._connection.commit()
        return self._connection

    def _begin(self, driver: Any) -> None:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as cause:
            if self._impatient and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise Occupied from cause
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            if self._impatient:
                # It is set up unlike the others of the pool, which must not get it back.
                self._connection.invalidate()
            self._connection.close()
            self._connection = None


@contextmanager
def _explained() -> Iterator[None]:
    """Say in a sentence what the database could not do for reasons outside of it.

    Raises:
        Unavailable: the disk is full, or somebody else wrote for too long.
        InvalidInput: a value is none that a database keeps.
    """
    try:
        yield
    except Exception as cause:
        told = explained(cause)
        if told is cause:
            raise
        raise told from cause


def explained(cause: Exception) -> Exception:
    """What a failure of the database means to whoever asked; another error is left as it is."""
    # Plain statements raise the driver's own errors of these names.
    if type(cause).__name__ == DataError.__name__ or _beyond_sqlite(cause):
        return InvalidInput(
            "database.value",
            "A value cannot be kept: text with the character NUL or half of one, or a number of "
            "more than 64 bits.",
            hint="Leave it out of names, values and what is searched for.",
        )
    return _explain(cause) if type(cause).__name__ == OperationalError.__name__ else cause


def _beyond_sqlite(cause: Exception) -> bool:
    if isinstance(cause, OverflowError):
        return "SQLite" in str(cause)
    return isinstance(cause, UnicodeEncodeError) and "surrogates" in cause.reason


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
