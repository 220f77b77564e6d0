"""Tables and queries of DuckDB database files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from millwright.data.connectors.files import missing
from millwright.data.connectors.interface import TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.data.connectors.table_choice import check_choice
from millwright.data.duckdb_engine import arrow_batches, open_duckdb
from millwright.kernel.errors import InvalidInput
from millwright.kernel.objects import digest_of_file


class DuckdbSource:
    """A table or query of a database file, opened without the right to write."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path.resolve(), options
        check_choice(options, self._tables)

    @property
    def url(self) -> str:
        """``duckdb:///…``."""
        return f"duckdb://{self._path.as_posix()}"

    def state(self) -> SourceState:
        """The digest of the file."""
        if not self._path.is_file():
            raise missing(self._path)
        return SourceState(kind="digest", value=digest_of_file(self._path))

    def content(self, scratch: Path) -> TableContent:
        """The rows."""
        if not self._path.is_file():
            raise missing(self._path)
        return TableContent(self._pieces(scratch))

    def _tables(self) -> list[str]:
        if not self._path.is_file():
            raise missing(self._path)
        with open_duckdb(str(self._path), read_only=True) as engine:
            query = "SELECT DISTINCT table_name FROM information_schema.tables ORDER BY 1"
            return [name for (name,) in engine.sql(query).fetchall()]

    def _pieces(self, scratch: Path) -> Iterator[pa.Table]:
        import duckdb

        query = self._options.query or f"FROM {_quoted(str(self._options.table))}"
        try:
            with open_duckdb(str(self._path), read_only=True, spill_to=scratch) as engine:
                found = engine.sql(_named(query), params=self._options.parameters or None)
                if found is None:
                    return
                for batch in arrow_batches(found):
                    yield pa.Table.from_batches([batch])
        except duckdb.Error as cause:
            raise InvalidInput(
                "data.query",
                f"DuckDB refuses: {str(cause).splitlines()[0]}",
                hint="Check the table, the query and its parameters.",
            ) from cause


def _quoted(table: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def _named(query: str) -> str:
    """Parameters written ``:name``, as everywhere, in DuckDB's ``$name``."""
    import re

    return re.sub(r"(?<![:\w]):([A-Za-z_]\w*)", r"$\1", query)
