"""A table as batches of Arrow, from a Parquet file or from memory, and a sample of its rows.

Texts that a Parquet file keeps as numbers into a dictionary stay so, which saves most of the work
on them. Memory holds one batch and the sample, however large the table is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from millwright.data.parquet_pages import Unexpected, chunk_bytes, decode, is_plain
from millwright.data.schema import is_text

BATCH_ROWS: Final = 1 << 15
_SHORT: Final = 3
"""Bytes per value, before compression, below which a column is kept as numbers."""
_MOST_AT_ONCE: Final = 1 << 23
"""Values of a row group up to which its numbers are held at once: 64 MiB at most."""
_LONGEST: Final = 400
"""Characters of a text that the sample keeps, where texts are long on average."""


class TableStream:
    """The rows of a table, in order."""

    def __init__(self, data: Path | pa.Table) -> None:
        self._data = data
        if isinstance(data, pa.Table):
            self.schema, self.rows = data.schema, data.num_rows
            self._metadata: Any = None
        else:
            with pq.ParquetFile(data) as file:
                self.schema, self._metadata = file.schema_arrow, file.metadata
            self.rows = self._metadata.num_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self._data, pa.Table):
            yield from self._data.to_batches(max_chunksize=BATCH_ROWS)
            return
        with (
            pa.OSFile(str(self._data)) as source,
            pq.ParquetFile(source, read_dictionary=self._numbered()) as file,
        ):
            for group in range(self._metadata.num_row_groups):
                yield from self._of_group(file, source, group)

    def bounds(self, column: int) -> tuple[int, int] | None:
        """The least and the greatest of a column of whole numbers, if that is known beforehand."""
        field = self.schema.field(column)
        if isinstance(self._data, pa.Table):
            found = pc.min_max(pc.cast(self._data.column(column), pa.int64(), safe=False)).as_py()
            return None if found["min"] is None else (found["min"], found["max"])
        if not pa.types.is_integer(field.type) or self._metadata.num_columns != len(self.schema):
            return None
        lows, highs = [], []
        for group in range(self._metadata.num_row_groups):
            chunk = self._metadata.row_group(group).column(column)
            statistics = chunk.statistics
            if statistics is None or not statistics.has_min_max:
                return None
            lows.append(statistics.min)
            highs.append(statistics.max)
        return (int(min(lows)), int(max(highs))) if lows else None

    def _of_group(
        self, file: pq.ParquetFile, source: pa.NativeFile, group: int
    ) -> Iterator[pa.RecordBatch]:
        direct = self._direct(source, group)
        others = [name for name in self.schema.names if name not in direct]
        rows = self._metadata.row_group(group).num_rows
        if not others:
            for at in range(0, rows, BATCH_ROWS):
                parts = [direct[name].slice(at, BATCH_ROWS) for name in self.schema.names]
                yield pa.record_batch(parts, self.schema.names)
            return
        at = 0
        for batch in file.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=others, use_threads=False
        ):
            read = dict(zip(others, batch.columns, strict=True))
            columns = [
                direct[name].slice(at, len(batch)) if name in direct else read[name]
                for name in self.schema.names
            ]
            at += len(batch)
            yield pa.record_batch(columns, self.schema.names)

    def _direct(self, source: pa.NativeFile, group: int) -> dict[str, pa.Array]:
        """The columns of a row group that are read without Arrow, as far as memory allows."""
        metadata = self._metadata
        held = metadata.row_group(group)
        flat = metadata.num_columns == len(set(self.schema.names)) == len(self.schema)
        if not flat or held.num_rows * len(self.schema) > _MOST_AT_ONCE:
            return {}
        found = {}
        for place, field in enumerate(self.schema):
            chunk = held.column(place)
            if not is_plain(chunk, field.type):
                continue
            kind = np.int64 if pa.types.is_timestamp(field.type) else field.type.to_pandas_dtype()
            into = np.empty(held.num_rows, kind)
            nullable = metadata.schema.column(place).max_definition_level > 0
            unsigned = pa.types.is_unsigned_integer(field.type)
            try:
                raw = chunk_bytes(source, chunk)
                decode(raw, chunk, unsigned, nullable, into)
            except Unexpected:
                continue
            values = pa.array(into)
            found[field.name] = values if values.type == field.type else values.view(field.type)
        return found

    def _numbered(self) -> list[str]:
        metadata = self._metadata
        if metadata.num_row_groups == 0 or metadata.num_columns != len(self.schema):
            return []
        chunks = [metadata.row_group(0).column(place) for place in range(metadata.num_columns)]
        return [
            field.name
            for field, chunk in zip(self.schema, chunks, strict=True)
            if is_text(field.type)
            and chunk.has_dictionary_page
            and chunk.total_uncompressed_size < _SHORT * chunk.num_values + (1 << 16)
        ]


class RowSample:
    """Rows drawn evenly from a stream: one, at a place drawn by chance, of each so many.

    The draw is the same for the same number of rows, so that the same table has the same profile.
    """

    def __init__(self, rows: int, most: int) -> None:
        every = max(-(-rows // most), 1)
        self.whole = every == 1
        """Whether all rows are in it."""
        starts = np.arange(0, rows, every)
        if not self.whole:
            drawn = starts + np.random.default_rng(every).integers(0, every, len(starts))
            starts = np.minimum(drawn, rows - 1)
        self._places = starts
        self._seen = 0
        self._taken: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take what is drawn of the next rows."""
        first, self._seen = self._seen, self._seen + batch.num_rows
        low, high = np.searchsorted(self._places, [first, self._seen])
        places = self._places[low:high] - first
        if not self.whole:
            batch = batch.take(pa.array(places))
        self._taken.append(pa.record_batch([_brief(c) for c in batch.columns], batch.schema.names))

    def table(self, schema: pa.Schema) -> pa.Table:
        """The rows, in order."""
        fields = [pa.field(f.name, _plain(f.type)) for f in schema]
        return pa.Table.from_batches(self._taken, pa.schema(fields))


def _brief(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not is_text(values.type):
        return values
    values = pc.cast(values, pa.string())
    if values.nbytes <= 4 * _LONGEST * max(len(values), 1):
        return values
    return pc.utf8_slice_codeunits(values, 0, _LONGEST)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.string() if is_text(kind) else kind
