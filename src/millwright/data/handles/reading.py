"""Columns, rows and conditions of tables that lie behind a seekable stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from millwright.data.comparison.preview import known_columns
from millwright.data.duckdb_engine import open_duckdb
from millwright.data.handles.arrow_filesystem import as_filesystem
from millwright.data.handles.remote_object import RemoteObject
from millwright.kernel.errors import InvalidInput, Unavailable

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".jsonl": "json",
    ".json": "json",
}


class TableReader:
    """Reads parts of one table, or of several files with the same columns, one after the other."""

    def __init__(self, objects: Mapping[str, RemoteObject]) -> None:
        self._objects = dict(objects)

    def read(self, columns: Sequence[str] | None, rows: slice | None, condition: Any) -> pa.Table:
        """The named columns of the chosen rows that meet the condition."""
        dataset = self._dataset()
        names = known_columns(dataset.schema, columns)
        if rows is None:
            return self._filtered(dataset, names, condition)
        every = names if condition is None else dataset.schema.names
        table = self._rows(dataset, rows, every)
        if condition is None:
            return table
        return self._filtered(pa.dataset.dataset(table), names, condition)

    def scan(self, engine: Literal["arrow", "duckdb", "polars"]) -> Any:
        """The tables for an engine that reads lazily."""
        dataset = self._dataset()
        if engine == "arrow":
            return dataset
        if engine == "duckdb":
            return _scanning().from_arrow(dataset)
        try:
            import polars
        except ImportError as cause:
            raise Unavailable(
                "data.no_library",
                "polars is not installed.",
                hint="Install it with: pip install polars",
            ) from cause
        return polars.scan_pyarrow_dataset(dataset)

    def _dataset(self) -> Any:
        fragments = []
        formats = set()
        filesystem = as_filesystem(self._objects)
        for path in self._objects:
            kind = next((f for end, f in _FORMATS.items() if path.lower().endswith(end)), None)
            if kind is None:
                raise InvalidInput(
                    "data.unknown_format",
                    f"'{path}' is no table by its ending.",
                    hint=f"Tables end with one of {', '.join(_FORMATS)}.",
                    value=path,
                )
            formats.add(kind)
            fragments.append(_format(kind, path).make_fragment(path, filesystem))
        if len(formats) > 1:
            raise InvalidInput(
                "data.unknown_format",
                "The pattern matches tables of different formats.",
                hint="Read them one by one.",
            )
        schema = fragments[0].physical_schema
        return pa.dataset.FileSystemDataset(fragments, schema, fragments[0].format, filesystem)

    def _rows(self, dataset: Any, rows: slice, columns: list[str]) -> pa.Table:
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise InvalidInput(
                "data.rows",
                "Rows are a slice without a step.",
                hint="Write it as rows=slice(10, 20).",
                value=repr(rows)[:100],
            )
        start, stop, _ = rows.indices(dataset.count_rows())
        parts, place = [], 0
        for fragment in dataset.get_fragments():
            pieces = (
                fragment.split_by_row_group()
                if hasattr(fragment, "split_by_row_group")
                else [fragment]
            )
            for piece in pieces:
                count = piece.count_rows()
                first, last = max(start - place, 0), min(stop - place, count)
                place += count
                if first < last:
                    parts.append(piece.to_table(columns=columns).slice(first, last - first))
        empty = dataset.schema.empty_table().select(columns)
        return pa.concat_tables(parts) if parts else empty

    def _filtered(self, dataset: Any, columns: list[str], condition: Any) -> pa.Table:
        if isinstance(condition, str):
            return _by_sql(dataset, columns, condition)
        if condition is not None and not isinstance(condition, pa.compute.Expression):
            condition = pa.parquet.filters_to_expression(condition)
        try:
            return dataset.to_table(columns=columns, filter=condition)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
            raise InvalidInput(
                "data.filter", f"The rows cannot be filtered so: {str(cause).splitlines()[0]}."
            ) from cause


def _format(kind: str, path: str) -> Any:
    if kind == "parquet":
        return pa.dataset.ParquetFileFormat()
    if kind == "ipc":
        return pa.dataset.IpcFileFormat()
    if kind == "json":
        return pa.dataset.JsonFileFormat()
    delimiter = "\t" if path.lower().endswith(".tsv") else ","
    return pa.dataset.CsvFileFormat(pa.csv.ParseOptions(delimiter=delimiter))


def _by_sql(dataset: Any, columns: list[str], condition: str) -> pa.Table:
    import duckdb

    with open_duckdb() as engine:
        relation = engine.from_arrow(dataset)
        try:
            chosen = relation.filter(condition).select(*map(duckdb.ColumnExpression, columns))
            # Large texts of DuckDB's come back as the types the table has.
            return chosen.to_arrow_table().cast(
                pa.schema([dataset.schema.field(name) for name in columns])
            )
        except duckdb.Error as cause:
            raise InvalidInput(
                "data.filter",
                f"The condition cannot be used: {str(cause).splitlines()[0]}",
                hint="Write it as SQL, for example: x > 1 AND kind = 'a'.",
                value=condition,
            ) from cause


@cache
def _scanning() -> Any:
    """The connection of lazy scans: before DuckDB 2 a relation does not keep its own open."""
    return open_duckdb()
