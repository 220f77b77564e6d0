"""Places where two sides of a merge went different ways."""

from __future__ import annotations

from typing import Literal

from millwright.data.comparison.records import Cell
from millwright.kernel.record import Record

Side = Literal["ours", "theirs"]


class RowConflict(Record):
    """A place where both sides went different ways.

    ``changed``: both changed the value of ``column``; ``removed-by-ours``, ``removed-by-theirs``:
    one side removed the row, the other changed it. For files, ``path`` stands for the key.
    """

    kind: Literal["changed", "removed-by-ours", "removed-by-theirs", "path"]
    key: dict[str, Cell]
    column: str | None = None
    base: Cell = None
    ours: Cell = None
    theirs: Cell = None
