"""What merging is asked, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.data.comparison.records import Cell
from millwright.data.merging.conflicts import RowConflict, Side
from millwright.data.records import DatasetVersion
from millwright.kernel.config import Name
from millwright.kernel.record import Record


class Resolution(Record):
    """Somebody's word on one conflict."""

    key: dict[str, Cell]
    column: str | None = None
    take: Side


class MergeRequest(Record):
    """A request to merge a version into a branch."""

    into: Name = "main"
    key: tuple[str, ...] = ()
    """Columns that name a row; the declared key, or a unique column of ids, when none are given."""
    prefer: Side | None = None
    """Which side wins where no resolution says; None to stop at conflicts."""
    resolutions: tuple[Resolution, ...] = ()
    message: Annotated[str, Field(max_length=10_000)] = ""
    dry_run: bool = False


class MergeOutcome(Record):
    """What came of it: a version, or the conflicts that are in its way."""

    version: DatasetVersion | None = None
    """The merged version; None after a dry run or with conflicts left."""
    how: Literal["merged", "fast-forward", "already-merged", "conflicts", "dry-run"]
    base: str | None = None
    """The version that both sides came of."""
    rows_changed: int = 0
    """Rows of ours with at least one value of theirs."""
    rows_added: int = 0
    rows_removed: int = 0
    """Rows that theirs added to and removed from ours."""
    conflicts: int = 0
    """Conflicts that nothing resolved; the list below holds the first thousand."""
    unresolved: tuple[RowConflict, ...] = ()
    resolved: int = 0
