"""Tables and queries of SQL databases, through SQLAlchemy, or ADBC where the address says so.

Names of tables are quoted, parameters are bound, and the reading transaction is read-only where the
database can. Errors never repeat the address: it may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from millwright.data.connectors.interface import TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.data.connectors.rows import Spool, plain_storage
from millwright.data.connectors.table_choice import check_choice
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable

_ROWS: Final = 1 << 15
ADBC: Final = "adbc+"
_ADBC_DRIVERS: Final = {
    "postgresql": "adbc_driver_postgresql",
    "postgres": "adbc_driver_postgresql",
    "sqlite": "adbc_driver_sqlite",
    "snowflake": "adbc_driver_snowflake",
    "flightsql": "adbc_driver_flightsql",
}


class SqlSource:
    """A table or query.

    Args:
        address: a SQLAlchemy URL, or ``adbc+`` before the URI of an ADBC driver.
        shown: the address as it is recorded, free of secrets.
        options: ``table`` or ``query``, its ``parameters``, and the column to ``watch``.
    """

    def __init__(self, address: str, shown: str, options: SourceOptions) -> None:
        self._address, self._shown, self._options = address, shown, options
        check_choice(options, self._tables)

    @property
    def url(self) -> str:
        """The address as it is recorded."""
        return self._shown

    def state(self) -> SourceState | None:
        """The greatest value of the watched column; None where none is watched."""
        if self._options.watch is None:
            return None
        from sqlalchemy import column, func, select

        source = self._statement([column(self._options.watch)]).subquery("source")
        statement = select(func.max(source.c[self._options.watch]))
        with self._connected() as connection:
            found = connection.execute(statement, self._options.parameters).scalar()
        return SourceState(kind="maximum", value=str(found)[:500])

    def content(self, scratch: Path) -> TableContent:
        """The rows, in the order in which the database gives them."""
        if self._address.startswith(ADBC):
            return TableContent(self._by_adbc())
        return TableContent(self._by_sqlalchemy(scratch))

    def _tables(self) -> list[str]:
        from sqlalchemy import inspect

        with self._connected() as connection:
            return sorted(inspect(connection).get_table_names())

    def _statement(self, columns: list[Any]) -> Any:
        from sqlalchemy import literal_column, select, table, text

        if self._options.query is not None:
            written = text(self._options.query.rstrip().rstrip(";"))
            return written.columns(*columns) if columns else written
        schema, _, name = str(self._options.table).rpartition(".")
        source = table(name, *columns, schema=schema or None)
        return select(*(columns or [literal_column("*")])).select_from(source)

    def _by_sqlalchemy(self, scratch: Path) -> Iterator[pa.Table]:
        spool = Spool(scratch)
        with self._connected() as connection:
            result = connection.execution_options(
                stream_results=True, max_row_buffer=_ROWS
            ).execute(self._statement([]), self._options.parameters)
            names = list(result.keys())
            for rows in result.partitions(_ROWS):
                spool.add(names, rows)
        yield from spool.pieces()

    def _by_adbc(self) -> Iterator[pa.Table]:
        uri = self._address[len(ADBC) :]
        scheme = uri.partition(":")[0]
        if self._options.parameters:
            raise InvalidInput(
                "data.parameters",
                "Parameters are bound through SQLAlchemy only.",
                hint=f"Leave '{ADBC}' out of the address.",
            )
        module = _driver(_ADBC_DRIVERS.get(scheme, scheme))
        statement = str(self._statement([]).compile(dialect=_dialect(scheme)))
        path = uri.removeprefix("sqlite:///") if scheme == "sqlite" else uri
        _must_exist(uri)
        try:
            with module.connect(path) as connection, connection.cursor() as cursor:
                cursor.execute(statement)
                for batch in cursor.fetch_record_batch():
                    yield plain_storage(pa.Table.from_batches([batch]))
        except module.Error as cause:
            raise _failed(cause) from None

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

        address = self._address.removeprefix(ADBC)
        _must_exist(address)
        try:
            engine = create_engine(_with_driver(address))
        except (ArgumentError, NoSuchModuleError, ImportError) as cause:
            scheme = address.partition(":")[0]
            raise Unavailable(
                "data.no_driver",
                f"There is no driver for '{scheme}' databases here.",
                hint="Install one, for example: pip install 'millwright[postgres]'",
            ) from cause
        try:
            with engine.connect() as opened:
                if engine.dialect.name == "postgresql":
                    yield opened.execution_options(postgresql_readonly=True)
                else:
                    yield opened
        except SQLAlchemyError as cause:
            raise _failed(cause) from None
        finally:
            engine.dispose()


def _with_driver(address: str) -> str:
    """The address with the driver that Millwright brings, where it names none."""
    for scheme in ("postgresql://", "postgres://"):
        if address.startswith(scheme):
            return "postgresql+psycopg://" + address[len(scheme) :]
    return address


def _must_exist(address: str) -> None:
    """A file of SQLite that is not there would be made, empty, by reading it.

    Raises:
        NotFound: there is no such file.
    """
    path = Path(address.removeprefix("sqlite:///").partition("?")[0])
    if address.startswith("sqlite:///") and not path.is_file():
        raise NotFound(
            "data.missing_file",
            f"There is no database at {path}.",
            hint="Check the path; an absolute one is written sqlite:////path.",
            value=str(path),
        )


def _driver(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"{name}.dbapi")
    except ImportError as cause:
        raise Unavailable(
            "data.no_driver",
            f"The ADBC driver {name} is not installed.",
            hint="Install it with: pip install 'millwright[adbc]'",
        ) from cause


def _dialect(scheme: str) -> Any:
    from sqlalchemy.dialects import postgresql, sqlite

    dialects: dict[str, Any] = {"sqlite": sqlite.dialect}
    return dialects.get(scheme, postgresql.dialect)()


def _failed(cause: Exception) -> Exception:
    origin = getattr(cause, "orig", None) or cause
    kind = type(origin).__name__
    if "OperationalError" in kind and "connect" in str(origin).lower():
        return Unavailable(
            "data.source_unreachable",
            "The database cannot be reached.",
            hint="Check its address, and that it runs and lets you in.",
        )
    sentence = str(origin).strip().splitlines()[0] if str(origin).strip() else kind
    return InvalidInput(
        "data.query",
        f"The database refuses: {sentence[:300]}",
        hint="Check the table, the query and its parameters.",
    )
