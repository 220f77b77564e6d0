"""What the table of runs answers: rows, the names of columns, and all of it as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from millwright.kernel.store import Store
from millwright.tracking.run_table.cells import rows_of, values_of
from millwright.tracking.run_table.column_names import columns_of, usual_columns
from millwright.tracking.run_table.layout import Layout
from millwright.tracking.run_table.ordering import split
from millwright.tracking.run_table.records import (
    TableColumns,
    TableExport,
    TableQuestion,
    TableView,
)
from millwright.tracking.run_table.snapshots import snapshots_of

_BLOCK = 500
_FACTS = ("id", "name", "status", "experiment", "user", "created_at", "duration_ms", "parent")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table_rows(store: Store, project: str, asked: TableQuestion) -> dict[str, Any]:
    """Some rows of a view, as the fields of ``TableRows``.

    Raises:
        InvalidInput: the filter or a column is not understood.
    """
    with store.read() as connection:
        view = _view(asked)
        found = snapshots_of(store).find(connection, project, view, asked.snapshot)
        layout = found.layout
        stop = min(len(layout.lines), asked.start + asked.count)
        columns = asked.columns
        if columns is None:
            columns = usual_columns(connection, _some_runs(layout))
        return {
            "snapshot": found.name,
            "total": len(layout.lines),
            "runs": found.runs,
            "start": asked.start,
            "rows": rows_of(connection, layout, asked.start, stop),
            "columns": columns,
            "values": values_of(connection, layout, asked.start, stop, columns),
        }


def table_columns(store: Store, project: str) -> TableColumns:
    """The names that may be columns of the project's table."""
    with store.read() as connection:
        return columns_of(connection, project)


def table_csv(store: Store, project: str, asked: TableExport) -> Iterator[bytes]:
    """Every row of a view as CSV, a block at a time; runs only, without groups.

    Text that a spreadsheet would take for a formula is given with a leading apostrophe.

    Raises:
        InvalidInput: the filter or a column is not understood.
    """
    view = _view(asked).model_copy(update={"group": None, "open": ()})
    for column in asked.columns:
        split(column)
    with store.read() as connection:
        layout = snapshots_of(store).find(connection, project, view, None).layout

    def blocks() -> Iterator[bytes]:
        yield _lines([[*_FACTS, *asked.columns]])
        for start in range(0, len(layout.lines), _BLOCK):
            stop = min(len(layout.lines), start + _BLOCK)
            with store.read() as connection:
                rows = rows_of(connection, layout, start, stop)
                values = values_of(connection, layout, start, stop, asked.columns)
            yield _lines(
                [row.get(fact) for fact in _FACTS]
                + [values[column][position] for column in asked.columns]
                for position, row in enumerate(rows)
            )

    return blocks()


def _some_runs(layout: Layout) -> list[int]:
    """The first runs, those of the first groups where all are closed."""
    found: list[int] = []
    for line in layout.lines[:_BLOCK]:
        found.extend([line] if line > 0 else layout.children[line][:_BLOCK])
        if len(found) >= _BLOCK:
            break
    return found


def _view(asked: TableQuestion | TableExport) -> TableView:
    return TableView.model_construct(
        **{name: getattr(asked, name) for name in TableView.model_fields}
    )


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_safe(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
