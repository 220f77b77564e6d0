"""What a comparison says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.kernel.record import Record

Cell = str | int | float | bool | None
"""A value as JSON has it; times are RFC 3339, bytes and nested values are text."""

KeyOrigin = Literal["given", "declared", "found", "rows"]


class Retyped(Record):
    """A column whose type differs."""

    name: str
    before: str
    after: str


class Renamed(Record):
    """A column that is gone and one that came, with the same values: a suggestion, not a fact."""

    before: str
    after: str
    equal: float
    """Share of the compared rows in which both hold the same value."""


class SchemaChanges(Record):
    """How the columns differ."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    renames_suggested: tuple[Renamed, ...] = ()


class KeyFacts(Record):
    """Whether the key names rows of one version uniquely."""

    repeated_keys: int = 0
    """Keys that occur more than once."""
    repeated_rows: int = 0
    """All rows with such a key."""
    surplus_rows: int = 0
    """Those rows but the first of each key: what would have to go for the key to be unique."""
    rows_with_null: int = 0
    """Rows in which some part of the key is missing."""


class ColumnChanges(Record):
    """How many of the rows found in both versions have another value in a column."""

    name: str
    changed: int


class RowExample(Record):
    """A row that is in one version only."""

    row: int
    """Counted from one, in its version."""
    values: dict[str, Cell]


class ChangedRow(Record):
    """A row that is in both versions with different values."""

    row_before: int
    row_after: int
    key: dict[str, Cell]
    cells: dict[str, tuple[Cell, Cell]]
    """The changed columns, each with the value before and after."""


class TableDiff(Record):
    """How one version of a table became another.

    Rows are paired by their key. Rows that share a key are paired in the order in which they stand:
    the first with the first, the second with the second; what is left over was added or removed. A
    missing value is equal to a missing value, in keys too; NaN is equal to NaN, and 0 to -0. A
    whole number is equal to a float of the same value; other values of different types are not
    equal. Columns that are in one version only change no row.
    """

    before: str = ""
    after: str = ""
    key: tuple[str, ...]
    key_origin: KeyOrigin = "given"
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    unchanged: int
    columns: tuple[ColumnChanges, ...]
    """Columns of both versions that are not in the key, in the order of the later version."""
    schema_changes: SchemaChanges
    key_before: KeyFacts
    key_after: KeyFacts
    added_rows: tuple[RowExample, ...] = ()
    removed_rows: tuple[RowExample, ...] = ()
    changed_rows: tuple[ChangedRow, ...] = ()
    """The first ones each, in the order of their version, up to the limit asked for."""

    @property
    def same(self) -> bool:
        """Whether nothing differs, neither rows nor columns."""
        return (
            self.added == self.removed == self.changed == 0
            and self.schema_changes == SchemaChanges()
        )


class Preview(Record):
    """Some rows of a version."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    offset: Annotated[int, Field(ge=0)]
    total: int
    """Rows of the whole version."""
    rows: tuple[tuple[Cell, ...], ...]
