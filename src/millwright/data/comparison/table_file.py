"""A Parquet file as a comparison needs it: single column chunks, decoded or as raw bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from millwright.data.comparison.words import Words, words_of
from millwright.data.parquet import not_parquet
from millwright.data.parquet_pages import Unexpected, chunk_bytes, decode, is_plain

Numbers = np.ndarray[Any, Any]

_ROWS_AT_ONCE: Final = 1 << 14
"""Rows decoded at a time where only some are wanted."""


class TableFile:
    """Reads one column of one row group at a time; never the whole table.

    Raises:
        InvalidInput: the source is not a whole Parquet file.
    """

    def __init__(self, source: Path | BinaryIO) -> None:
        try:
            self._source = (
                pa.OSFile(str(source)) if isinstance(source, Path) else pa.PythonFile(source, "r")
            )
            self._file = pa.parquet.ParquetFile(self._source, pre_buffer=False)
        except (pa.ArrowInvalid, OSError) as cause:
            raise not_parquet() from cause
        self.metadata = self._file.metadata
        self.schema: pa.Schema = self._file.schema_arrow
        self.rows: int = self.metadata.num_rows
        groups = [self.metadata.row_group(i) for i in range(self.metadata.num_row_groups)]
        self.starts = np.cumsum([0, *(group.num_rows for group in groups)])
        """The first row of each group, and the number of rows at the end."""
        self._leaves: dict[str, list[int]] = {}
        for leaf in range(self.metadata.num_columns):
            path = self.metadata.schema.column(leaf).path
            name = next((n for n in (path, path.partition(".")[0]) if n in self.schema.names), path)
            self._leaves.setdefault(name, []).append(leaf)
        texts = [f.name for f in self.schema if pa.types.is_string(f.type)]
        self._with_dictionaries = pa.parquet.ParquetFile(
            self._source, metadata=self.metadata, read_dictionary=texts, pre_buffer=False
        )

    @property
    def groups(self) -> int:
        """How many row groups there are."""
        return len(self.starts) - 1

    def rows_of(self, group: int) -> slice:
        """Which rows of the table a group holds."""
        return slice(int(self.starts[group]), int(self.starts[group + 1]))

    def column(self, group: int, name: str) -> pa.ChunkedArray:
        """A column of a row group; text as a dictionary where the file has it so."""
        file = self._with_dictionaries if self._is_dictionary(group, name) else self._file
        return file.read_row_group(group, columns=[name], use_threads=False).column(0)

    def words(self, group: int, name: str) -> Words:
        """A column of a row group, each value as one machine word."""
        return words_of(self.column(group, name))

    def fill(self, group: int, name: str, values: Numbers, missing: Numbers) -> bool:
        """Write a column of a row group as words into arrays of its length.

        Args:
            group, name: which.
            values: the words; of the type that ``kind_of_words`` says.
            missing: is set where a value is missing, and else left alone.

        Returns:
            Whether any value is missing.
        """
        if self._decoded(group, name, values):
            return False
        words = self.words(group, name)
        values[:] = words.values
        if words.nulls is None:
            return False
        missing[:] = words.nulls
        return True

    def same_bytes(self, group: int, other: TableFile, other_group: int, name: str) -> bool:
        """Whether a column chunk is, byte for byte, that of another file (so: the same values)."""
        mine, theirs = self._leaves[name], other._leaves[name]
        if self.schema.field(name).type != other.schema.field(name).type:
            return False
        return len(mine) == len(theirs) and all(
            self._same_leaf(group, other, other_group, a, b)
            for a, b in zip(mine, theirs, strict=True)
        )

    def take(self, rows: Numbers, columns: Iterable[str]) -> dict[str, list[object]]:
        """Values of the named columns in some rows, in any order, as Python objects."""
        return {name: self.at(rows, name).to_pylist() for name in columns}

    def words_at(self, rows: Numbers, name: str) -> Words:
        """Values of a column in some rows, in any order, as words."""
        return words_of(self.at(rows, name))

    def at(self, rows: Numbers, name: str) -> pa.ChunkedArray:
        """Values of a column in some rows, in any order."""
        groups = np.searchsorted(self.starts, rows, side="right") - 1
        parts, places = [], []
        for group in np.unique(groups):
            here = np.flatnonzero(groups == group)
            inside = rows[here] - self.starts[group]
            column = self._beginning(int(group), name, int(inside.max()) + 1)
            parts += column.take(pa.array(inside)).chunks
            places.append(here)
        if not parts:
            return pa.chunked_array([], self.schema.field(name).type)
        order = np.argsort(np.concatenate(places), kind="stable")
        return pa.chunked_array(parts).take(pa.array(order))

    def _beginning(self, group: int, name: str, rows: int) -> pa.ChunkedArray:
        """So many values of a column of a row group; pages behind them are not decoded."""
        parts: list[pa.Array] = []
        batches = self._file.iter_batches(
            _ROWS_AT_ONCE, row_groups=[group], columns=[name], use_threads=False
        )
        while rows > sum(len(part) for part in parts):
            column = next(batches).column(0)
            is_dictionary = pa.types.is_dictionary(column.type)
            parts.append(column.cast(column.type.value_type) if is_dictionary else column)
        return pa.chunked_array(parts)

    def _decoded(self, group: int, name: str, values: Numbers) -> bool:
        leaves, kind = self._leaves[name], self.schema.field(name).type
        if len(leaves) != 1:
            return False
        chunk = self.metadata.row_group(group).column(leaves[0])
        if not is_plain(chunk, kind):
            return False
        unsigned = pa.types.is_unsigned_integer(kind)
        nullable = self.metadata.schema.column(leaves[0]).max_definition_level > 0
        try:
            decode(chunk_bytes(self._source, chunk), chunk, unsigned, nullable, values)
        except Unexpected:
            return False
        return True

    def _is_dictionary(self, group: int, name: str) -> bool:
        leaves = self._leaves[name]
        if len(leaves) != 1 or not pa.types.is_string(self.schema.field(name).type):
            return False
        chunk = self.metadata.row_group(group).column(leaves[0])
        # Indices into a short dictionary take at most two bytes; more means plain pages.
        return bool(
            chunk.has_dictionary_page and chunk.total_uncompressed_size <= 2.5 * chunk.num_values
        )

    def _same_leaf(self, group: int, other: TableFile, other_group: int, a: int, b: int) -> bool:
        mine = self.metadata.row_group(group).column(a)
        theirs = other.metadata.row_group(other_group).column(b)
        if (mine.num_values, mine.total_compressed_size, mine.compression) != (
            theirs.num_values,
            theirs.total_compressed_size,
            theirs.compression,
        ):
            return False
        return chunk_bytes(self._source, mine) == chunk_bytes(other._source, theirs)
