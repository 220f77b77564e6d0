"""Some rows of a table, read without the rest of it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from millwright.data.comparison.cells import cell
from millwright.data.comparison.records import Preview
from millwright.data.comparison.table_file import TableFile
from millwright.kernel.errors import InvalidInput, nearest


def preview_rows(
    file: TableFile, offset: int, limit: int, columns: Sequence[str] | None = None
) -> Preview:
    """Rows of a table from ``offset`` on; only the row groups and columns that hold them are read.

    Raises:
        InvalidInput: the table has no such column.
    """
    names = known_columns(file.schema, columns)
    found = rows_between(file, names, offset, offset + limit)
    values = [[cell(value) for value in found[i].to_pylist()] for i in range(len(names))]
    return Preview(
        columns=tuple(names),
        types=tuple(str(file.schema.field(name).type) for name in names),
        offset=offset,
        total=file.rows,
        rows=tuple(zip(*values, strict=True)) if values else (),
    )


def known_columns(schema: pa.Schema, columns: Sequence[str] | None) -> list[str]:
    """The named columns, all where none are named.

    Raises:
        InvalidInput: there is no such column; the nearest is suggested.
    """
    for name in columns or ():
        if name not in schema.names:
            guess = nearest(name, schema.names)
            raise InvalidInput(
                "data.unknown_column",
                f"The table has no column '{name}'.",
                hint=f"Did you mean '{guess}'?" if guess else None,
                value=name,
            )
    return list(schema.names if columns is None else columns)


def rows_between(
    file: TableFile, columns: Sequence[str], start: int, stop: int
) -> list[pa.ChunkedArray]:
    """The named columns of the rows from ``start`` to ``stop`` (not in it)."""
    start, stop = max(start, 0), min(stop, file.rows)
    parts: dict[str, list[pa.Array]] = {name: [] for name in columns}
    for group in range(file.groups):
        inside = file.rows_of(group)
        first, last = max(start, inside.start), min(stop, inside.stop)
        if first >= last:
            continue
        for name in columns:
            column = file.column(group, name).slice(first - inside.start, last - first)
            kind = file.schema.field(name).type
            parts[name] += (column if column.type == kind else column.cast(kind)).chunks
    return [pa.chunked_array(parts[name], file.schema.field(name).type) for name in columns]
