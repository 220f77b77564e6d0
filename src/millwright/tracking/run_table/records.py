"""What the table of runs is asked, and what it answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from millwright.kernel.record import Record
from millwright.tracking.records import RunStatus

MAX_ROWS = 500
MAX_COLUMNS = 500
MAX_OPEN = 500

ColumnId = Annotated[str, Field(min_length=1, max_length=270)]
"""``created``, ``name``, ``status``, ``duration``, ``experiment``, ``user``, ``metrics.KEY``,
``params.KEY`` or ``tags.KEY``."""


class TableView(Record):
    """Which runs, in which order, under what."""

    filter: Annotated[str, Field(max_length=20_000)] = ""
    """In the search grammar, such as ``metrics.auc > 0.8 AND params.family = 'linear'``."""
    text: Annotated[str, Field(max_length=200)] = ""
    """Part of the name, or an id."""
    experiments: Annotated[tuple[str, ...], Field(max_length=500)] = ()
    """Names; none for all."""
    status: RunStatus | None = None
    sort: ColumnId = "created"
    descending: bool = True
    group: ColumnId | None = "parent"
    """``parent`` nests trials under the run that started them; a column groups by its values; None
    lists every run by itself."""
    open: Annotated[tuple[str, ...], Field(max_length=MAX_OPEN)] = ()
    """Ids of runs, or values of groups, whose runs are shown below them."""


class TableQuestion(TableView):
    """Some rows of a view, with some columns."""

    start: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 60
    columns: Annotated[tuple[ColumnId, ...], Field(max_length=MAX_COLUMNS)] | None = None
    """Metrics, parameters and tags; None for those that most of the newest runs have."""
    snapshot: str | None = None
    """From an earlier answer: the rows of that moment, so that none moves while one scrolls."""


class TableExport(TableView):
    """A view as a file: every row, with these columns."""

    columns: Annotated[tuple[ColumnId, ...], Field(max_length=5_000)] = ()


class TableRow(Record):
    """One line: a run, or a group (then ``id`` is None and ``name`` is the group's value)."""

    id: str | None
    name: str
    depth: int
    children: int
    """How many runs come below it, whether or not they are shown."""
    open: bool
    status: RunStatus | None = None
    experiment: str | None = None
    user: str | None = None
    created_at: str | None = None
    duration_ms: int | None = None
    parent: str | None = None


class TableRows(Record):
    """Some lines of the table, and how many there are."""

    snapshot: str
    total: int
    """Lines, with those of open runs and groups."""
    runs: int
    """Runs that match."""
    start: int
    rows: tuple[TableRow, ...]
    columns: tuple[str, ...]
    values: dict[str, tuple[Any, ...]]
    """By column, one value for each row: a number, text, true or false, or null where there is
    none; NaN and infinities are words. Of a group's metrics, the mean."""


class TableColumns(Record):
    """What may be a column: names of metrics, parameters and tags; and the experiments there are."""

    metrics: tuple[str, ...]
    params: tuple[str, ...]
    tags: tuple[str, ...]
    experiments: tuple[str, ...]
