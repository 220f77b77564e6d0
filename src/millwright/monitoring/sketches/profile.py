"""A table as sketches of its columns, stored as one small file."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pyarrow as pa

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.monitoring.comparison import sound
from millwright.monitoring.comparison.records import ColumnComparison, TableComparison
from millwright.monitoring.comparison.samples import levels_of, numbers_of
from millwright.monitoring.sketches.columns import (
    LevelsSketch,
    NumbersSketch,
    merge_columns,
    sketch_column,
)

MAGIC = b"MWPROF1\n"
SUFFIX = ".mwprofile"


class TableSketch(msgspec.Struct, frozen=True):
    """The columns of a table, in kilobytes; two merge into that of all their rows."""

    rows: int
    columns: Mapping[str, NumbersSketch | LevelsSketch]

    def merge(self, other: TableSketch) -> TableSketch:
        """The sketch of both tables' rows.

        Raises:
            InvalidInput: their columns differ.
        """
        try:
            if self.columns.keys() != other.columns.keys():
                raise TypeError("their columns differ")
            columns = {
                name: merge_columns(sketch, other.columns[name])
                for name, sketch in self.columns.items()
            }
        except TypeError as cause:
            raise InvalidInput(
                "monitoring.profiles_differ",
                f"These profiles cannot be merged: {cause}.",
                hint="Merge profiles of tables with the same columns.",
                value=", ".join(sorted(self.columns.keys() ^ other.columns.keys())[:5]),
            ) from cause
        return TableSketch(self.rows + other.rows, columns)

    def to_bytes(self) -> bytes:
        """The file: a magic line and MessagePack; see the formats' documentation."""
        return MAGIC + msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> TableSketch:
        """The inverse of ``to_bytes``.

        Raises:
            Corrupt: that is not what the bytes hold.
        """
        try:
            if not content.startswith(MAGIC):
                raise ValueError("it does not begin as one")
            return msgspec.msgpack.decode(content[len(MAGIC) :], type=cls)
        except (ValueError, msgspec.MsgspecError) as cause:
            raise Corrupt(
                "monitoring.no_profile",
                f"This is no profile of a table: {cause}.",
                hint="Make one with: mw monitor profile TABLE",
            ) from cause

    def compare(self, current: pa.Table) -> TableComparison:
        """A table against this profile, by the default rules.

        Raises:
            InvalidInput: they have no column in common.
        """
        names = [name for name in self.columns if name in set(current.column_names)]
        if not names:
            raise InvalidInput(
                "monitoring.no_common_columns",
                "The table has no column of the profile.",
                hint="Give it the same column names; the order does not matter.",
                value=", ".join(current.column_names[:5]),
            )
        columns = tuple(self._compare(name, current, len(names)) for name in names)
        share = sum(column.drifted for column in columns) / len(columns)
        lost = [name for name in self.columns if name not in names]
        return TableComparison(
            preset="millwright",
            rows=(self.rows, current.num_rows),
            columns=columns,
            drifted_share=share,
            drifted=share > 0.0,
            findings=(f"Missing from the current table: {', '.join(lost)}.",) if lost else (),
        )

    def _compare(self, name: str, current: pa.Table, columns: int) -> ColumnComparison:
        sketch = self.columns[name]
        if isinstance(sketch, NumbersSketch):
            sample = numbers_of(current[name])
            return sound.compare_numbers(name, sketch.sample(), sample, columns)
        levels = sketch.within(levels_of(current[name]))
        return sound.compare_levels(name, sketch.sample(), levels, columns)


def sketch_of(table: pa.Table) -> TableSketch:
    """The sketch of a table; nested columns are left out.

    Raises:
        Unavailable: Apache DataSketches is not installed.
    """
    columns = {
        name: sketch_column(table[name])
        for name in table.column_names
        if not pa.types.is_nested(table[name].type)
    }
    return TableSketch(table.num_rows, columns)
