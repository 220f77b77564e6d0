"""One streaming pass over a table that feeds every reducer, and takes broken rows along.

DuckDB reads the columns that are wanted, computes their SQL, and hands over batches in the order
of the rows; nothing but the reducers' own memory grows. Broken rows travel in the same stream as a
list that is empty for the others, so that good rows cost nothing. Columns that are judged as they lie
in the file (``direct_reading``) are read after it, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from millwright.data.duckdb_engine import open_duckdb
from millwright.data.quality.direct_reading import Shaped, TextColumns, read_directly
from millwright.data.quality.expressions import identifier, literal
from millwright.data.quality.reducers import Flags, Hashes, Neighbours, Numbers, Reducer, Rows
from millwright.data.quality.row_sql import Family
from millwright.data.schema import is_text
from millwright.kernel.errors import Corrupt, InvalidInput

BATCH_ROWS: Final = 1 << 17
MEMORY_LIMIT: Final = "600MB"
THREADS: Final = 1
"""One, so that rows come in their order: a streamed result of several threads is in none."""
_ROW: Final = "file_row_number"
_BAD: Final = "__mw_bad"
_NUMBER: Final = "__mw_number"


class Source(Protocol):
    """A table that can be scanned: in a Parquet file or in memory."""

    schema: pa.Schema
    rows: int
    connection: Any
    texts: TextColumns | None
    """Its columns of texts, where they can be read from a file."""

    @property
    def relation(self) -> str:
        """What stands after FROM."""

    @property
    def numbered(self) -> str:
        """The same with the numbers of the rows, counted from 0, as ``__mw_number``."""

    def take(self, rows: Rows, columns: Sequence[str]) -> pa.Table:
        """These rows (ascending numbers, counted from 0) and columns, in that order."""


class ParquetSource:
    """A Parquet file; only what is asked for is read."""

    def __init__(self, path: Path, connection: Any) -> None:
        with pq.ParquetFile(path) as file:
            self.schema = file.schema_arrow
            self.rows = file.metadata.num_rows
            self.texts: TextColumns | None = TextColumns(path, self.schema, file.metadata)
        self.connection = connection
        self._path = literal(str(path))

    @property
    def relation(self) -> str:
        """See ``Source``."""
        return f"read_parquet({self._path})"

    @property
    def numbered(self) -> str:
        """See ``Source``."""
        if any(name.lower() == _ROW for name in self.schema.names):
            # A column of the table has the name of the engine's own.
            return _counted(self.relation)
        read = f"read_parquet({self._path}, {_ROW}=true)"
        return f"(SELECT *, {_ROW} AS {_NUMBER} FROM {read})"  # noqa: S608

    def take(self, rows: Rows, columns: Sequence[str]) -> pa.Table:
        """See ``Source``."""
        # Named so that it cannot be one of the table's own columns.
        wanted = pa.table({"__mw_row": pa.array(rows, pa.int64())})
        self.connection.register("__mw_wanted", wanted)
        chosen = ", ".join(f"t.{identifier(column)}" for column in columns)
        bounds = f"t.{_NUMBER} BETWEEN {rows.min()} AND {rows.max()}" if len(rows) else "false"
        found = self.connection.sql(
            f"SELECT t.{_NUMBER} AS __mw_row, {chosen or '1'} FROM {self.numbered} t "  # noqa: S608
            f"WHERE {bounds} AND t.{_NUMBER} IN (SELECT __mw_row FROM __mw_wanted) "
            f"ORDER BY t.{_NUMBER}"
        )
        table = table_of(found)
        self.connection.unregister("__mw_wanted")
        return table.drop_columns(["__mw_row"]).select(list(columns))


class TableSource:
    """A table in memory, in canonical form."""

    def __init__(self, table: pa.Table, connection: Any) -> None:
        self.schema = table.schema
        self.rows = table.num_rows
        self.texts: TextColumns | None = None
        self.connection = connection
        self._table = table
        connection.register("__mw_table", _without_zone(table))

    @property
    def relation(self) -> str:
        """See ``Source``."""
        return "__mw_table"

    @property
    def numbered(self) -> str:
        """See ``Source``."""
        return _counted(self.relation)

    def take(self, rows: Rows, columns: Sequence[str]) -> pa.Table:
        """See ``Source``."""
        return self._table.select(list(columns)).take(pa.array(rows))


def _counted(relation: str) -> str:
    return f"(SELECT *, row_number() OVER () - 1 AS {_NUMBER} FROM {relation})"  # noqa: S608


@contextmanager
def open_source(data: Path | pa.Table) -> Iterator[Source]:
    """A table ready to be scanned.

    Raises:
        InvalidInput: the file is no Parquet file.
    """
    connection = open_duckdb(threads=THREADS, memory_limit=MEMORY_LIMIT, files=True)
    try:
        yield (
            TableSource(data, connection)
            if isinstance(data, pa.Table)
            else ParquetSource(data, connection)
        )
    except (pa.ArrowInvalid, OSError) as cause:
        raise InvalidInput(
            "data.not_parquet",
            "The object is not a Parquet file.",
            hint="Checks and profiles are for tables; add one with mw data add NAME FILE.",
        ) from cause
    finally:
        connection.close()


def families_of(schema: pa.Schema) -> dict[str, Family]:
    """What each column can be compared with."""
    return {field.name: _family(field.type) for field in schema}


def _family(kind: pa.DataType) -> Family:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "time"
    return "text" if is_text(kind) else "other"


def scan(
    source: Source,
    reducers: Sequence[Reducer],
    keep: Sequence[str] | None = None,
    limit: int = 0,
) -> tuple[int, pa.Table | None, Rows]:
    """Feed every reducer in one pass.

    Args:
        source: the table.
        reducers: what is remembered.
        keep: columns of broken rows to take along (broken by a ``Flags``); None for no rows.
        limit: the most rows to take along.

    Returns:
        rows read, the rows taken along, and their numbers.

    Raises:
        Corrupt: fewer or more rows came than the file says it has.
    """
    shaped = [reducer for reducer in reducers if isinstance(reducer, Shaped)]
    direct = {one.column for one in shaped}
    fed = [reducer for reducer in reducers if not isinstance(reducer, Shaped)]
    along = None if keep is None else [name for name in keep if name not in direct]
    if _loses_order(source, fed):
        # Whoever needs rows in their order reads them without the joins of the others.
        strict = [reducer for reducer in fed if isinstance(reducer, _IN_ORDER)]
        if strict and len(strict) < len(fed):
            fed = [reducer for reducer in fed if reducer not in strict]
            _through_the_engine(source, strict)
    taken, where = _through_the_engine(source, fed, along, limit)
    if not shaped:
        return source.rows, taken, where
    assert source.texts is not None
    read, columns = read_directly(source.texts, shaped, where)
    _all_read(read, source)
    if taken is not None and keep is not None:
        values = {name: columns[name] if name in direct else taken[name] for name in keep}
        taken = pa.table(values)
    return read, taken, where


_IN_ORDER: Final = (Hashes, Neighbours, Numbers)
"""Those that remember values by their place."""


def _loses_order(source: Source, reducers: Sequence[Reducer]) -> bool:
    """Whether the engine hands over rows in another order than the table's.

    Sets of many values, and keys of other tables, become joins, which hold the last rows of a row
    group back until there are more of them.
    """
    wants = _wanted(reducers)
    found = source.connection.execute(f"EXPLAIN {statement(source, wants, [], None)}").fetchall()
    plan = str(found[0][-1]).lower()
    return "join" in plan or "product" in plan


def _wanted(reducers: Sequence[Reducer]) -> list[str]:
    return list(dict.fromkeys(sql for one in reducers for sql in one.wants)) or ["true"]


def _all_read(read: int, source: Source) -> None:
    if read != source.rows:
        raise Corrupt(
            "data.rows_missing",
            f"{read:,} rows were read, and there should be {source.rows:,}.",
            hint="Run mw data fsck; the object may be damaged.",
        )


def _through_the_engine(
    source: Source,
    reducers: Sequence[Reducer],
    keep: Sequence[str] | None = None,
    limit: int = 0,
) -> tuple[pa.Table | None, Rows]:
    """One statement; the rows taken along, rising by their numbers."""
    wants = _wanted(reducers)
    place = {sql: number for number, sql in enumerate(wants)}
    flags = [place[r.wants[0]] for r in reducers if isinstance(r, Flags)]
    numbered = _loses_order(source, reducers)
    in_order = numbered and any(isinstance(one, _IN_ORDER) for one in reducers)
    sql = statement(source, wants, flags, keep, numbered=numbered)
    taken: list[pa.Array] = []
    numbers: list[Rows] = []
    read = kept = 0
    for batch in _batches(source, f"{sql} ORDER BY {_NUMBER}" if in_order else sql):
        for first, part in _runs(batch, read):
            for reducer in reducers:
                reducer.feed([part.column(place[sql]) for sql in reducer.wants], first)
            if keep is not None and flags and kept < limit:
                rows = part.column(len(wants)).flatten()[: limit - kept]
                if len(rows):
                    broken = pc.indices_nonzero(pc.is_valid(part.column(len(wants))))
                    numbers.append(broken.to_numpy().astype(np.int64)[: len(rows)] + first)
                    taken.append(rows)
                    kept += len(rows)
        read += batch.num_rows
    _all_read(read, source)
    where = np.concatenate(numbers) if numbers else np.empty(0, np.int64)
    table = _table_of_rows(taken, source, keep)
    if table is not None and len(where) and not (where[1:] > where[:-1]).all():
        rising = np.argsort(where)
        table, where = table.take(pa.array(rising)), where[rising]
    return table, where


def _runs(batch: pa.RecordBatch, read: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The parts of a batch whose rows follow one another, each with the number of its first."""
    at = batch.schema.get_field_index(_NUMBER)
    if at < 0:
        yield read, batch
        return
    numbers = batch.column(at).to_numpy()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(numbers) != 1) + 1))
    for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        yield int(numbers[start]), batch.slice(start, end - start)


def statement(
    source: Source,
    wants: list[str],
    flags: list[int],
    keep: Sequence[str] | None,
    *,
    numbered: bool = False,
) -> str:
    """The SQL of one pass: what reducers want, broken rows where columns are kept, row numbers."""
    columns = ", ".join(f"{sql} AS __mw_{number}" for number, sql in enumerate(wants))
    inner = source.numbered if numbered else source.relation
    if replaced := _replaced(source.schema):
        inner = f"(SELECT * REPLACE ({replaced}) FROM {inner})"  # noqa: S608
    row_number = f", {_NUMBER}" if numbered else ""
    if keep is None or not flags:
        return f"SELECT {columns}{row_number} FROM {inner}"  # noqa: S608
    names = ", ".join(f"__mw_{number}" for number in range(len(wants)))
    broken = " OR ".join(f"__mw_{number}" for number in flags)
    # A row of nothing, where all that is kept of it is read elsewhere, has to be seen all the same.
    row = ", ".join(f"{literal(column)}: {identifier(column)}" for column in keep) or "'': 1"
    taken = f"CASE WHEN {broken} THEN [{{{row}}}] END AS {_BAD}"
    return f"SELECT {names}, {taken}{row_number} FROM (SELECT *, {columns} FROM {inner})"  # noqa: S608


def _replaced(schema: pa.Schema) -> str:
    # Moments as plain timestamps in UTC: comparisons then need no time zones.
    times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
    return ", ".join(
        f"make_timestamp(epoch_us({identifier(name)})) AS {identifier(name)}" for name in times
    )


def _batches(source: Source, sql: str) -> Iterator[pa.RecordBatch]:
    yield from arrow_reader(source.connection.sql(sql))


def arrow_reader(relation: Any, rows: int = BATCH_ROWS) -> Any:
    """A DuckDB relation as a stream of Arrow batches, in every version of DuckDB we run on."""
    if hasattr(relation, "to_arrow_reader"):
        return relation.to_arrow_reader(rows)
    return relation.fetch_arrow_reader(rows)


def table_of(relation: Any) -> pa.Table:
    """A DuckDB relation as a whole table."""
    found = arrow_reader(relation).read_all()
    assert isinstance(found, pa.Table)
    return found


def _table_of_rows(
    taken: list[pa.Array], source: Source, keep: Sequence[str] | None
) -> pa.Table | None:
    if keep is None:
        return None
    if not taken:
        return pa.table({name: pa.array([], source.schema.field(name).type) for name in keep})
    rows = pa.concat_arrays(taken)
    columns = {}
    for name in keep:
        kind = source.schema.field(name).type
        columns[name] = _as_before(rows.field(name), kind)
    return pa.table(columns)


def _as_before(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if values.type == kind:
        return values
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(values.type):
        return pc.cast(pc.cast(values, pa.int64()), kind)
    return pc.cast(values, kind, safe=False)


def _without_zone(table: pa.Table) -> pa.Table:
    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            moments = pc.cast(table.column(number), pa.timestamp("us", tz="UTC"))
            plain = pc.cast(pc.cast(moments, pa.int64()), pa.timestamp("us"))
            table = table.set_column(number, field.name, plain)
    return table
