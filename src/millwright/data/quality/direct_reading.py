"""Checks that read a column's texts as they lie in the file, without an engine in between.

The columns are read once, after those that the engine reads; rows that it found broken are taken
along from them on the way, so that a quarantine needs no second look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from millwright.data.quality.reducers import BrokenRows, Rows
from millwright.data.quality.text_shapes import Shape
from millwright.data.schema import is_text

_BATCH_ROWS: Final = 1 << 16
_LENGTH_BYTES: Final = 4
"""What a text takes beside its bytes where it is not a number into a dictionary."""
_LONGEST: Final = 60
"""Bytes of a text, on average, up to which a batch of them stays small."""


class Shaped:
    """Whether each text is of a shape; unless ``must_be``, whether it is of another."""

    wants: tuple[str, ...] = ()

    def __init__(self, column: str, shape: Shape, must_be: bool, broken: BrokenRows) -> None:
        self.column = column
        self.broken = broken
        self.counted = 0
        self._shape = shape
        self._must_be = must_be

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        texts = columns[0]
        self.counted += len(texts) - texts.null_count
        places = self._shape.unlike(texts)
        if not self._must_be:
            alike = texts.is_valid().to_numpy(zero_copy_only=False).copy()
            alike[places] = False
            places = np.flatnonzero(alike)
        if len(places):
            self.broken.add(places + first)


class TextColumns:
    """The texts of a Parquet file."""

    def __init__(self, path: Path, schema: pa.Schema, metadata: Any) -> None:
        self._path = path
        self._schema = schema
        self._metadata = metadata

    def are_short(self, column: str) -> bool:
        """Whether a column is of texts that are short and not in a dictionary, by its footer.

        Texts in a dictionary are judged once each by the engine, which is better still.
        """
        metadata = self._metadata
        # Arrow takes a dot in a name for a way into nested columns.
        if not is_text(self._schema.field(column).type) or "." in column:
            return False
        if metadata.num_columns != len(self._schema):
            return False
        place = self._schema.get_field_index(column)
        groups = [metadata.row_group(i).column(place) for i in range(metadata.num_row_groups)]
        rows = sum(chunk.num_values for chunk in groups)
        size = sum(chunk.total_uncompressed_size for chunk in groups) / max(rows, 1)
        return bool(_LENGTH_BYTES <= size <= _LENGTH_BYTES + _LONGEST)

    def kind(self, column: str) -> pa.DataType:
        """The column's type."""
        return self._schema.field(column).type

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """These columns, in the order of the rows."""
        with pq.ParquetFile(self._path) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)


def read_directly(
    texts: TextColumns, shaped: Sequence[Shaped], taken_along: Rows
) -> tuple[int, dict[str, pa.ChunkedArray]]:
    """Feed each from its column; the rows read, and the values of some rows (rising numbers)."""
    names = list(dict.fromkeys(one.column for one in shaped))
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    read = 0
    for batch in texts.batches(names):
        for one in shaped:
            one.feed([batch.column(one.column)], read)
        low, high = np.searchsorted(taken_along, [read, read + batch.num_rows])
        if high > low:
            rows = pa.array(taken_along[low:high] - read)
            for name in names:
                parts[name].append(batch.column(name).take(rows))
        read += batch.num_rows
    return read, {name: pa.chunked_array(parts[name], texts.kind(name)) for name in names}
