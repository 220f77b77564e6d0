"""A table without some of its rows, written as it streams by, and texts that tell of those rows.

Memory holds a batch and a row group, however large the table is. It is read up to three times: for the
key alone, which mostly says that nothing is to be done; whole, to write the rest; and its texts
once more, since a text tells of erased rows only where no other row has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from millwright.data.parquet import ParquetSink
from millwright.data.schema import is_text

_BATCH_ROWS: Final = 1 << 15
_SHORTEST: Final = 6
"""Characters of a text below which it is found elsewhere by chance."""
_MOST_TEXTS: Final = 5_000
"""Texts of a column that are looked for afterwards, the first ones: records of chunks tell of all."""


@dataclass(frozen=True, slots=True)
class RowsLeft:
    """What an erasure leaves of a table."""

    rows: int
    """Rows that stay."""
    gone: int
    texts: frozenset[str]
    """Texts of erased rows that no other row has."""


def rows_left(source: Path, keys: Mapping[str, str] | None, target: Path) -> RowsLeft | None:
    """Write a table without the rows that have all of these values in these columns.

    Args:
        source: a Parquet file.
        keys: values as text, by column; None where all rows go.
        target: where the rest is written.

    Returns:
        What was left; None, and nothing is written, where no row is meant.
    """
    with pq.ParquetFile(source) as file:
        if keys is not None and not _meant(file, keys):
            return None
        texts = [field.name for field in file.schema_arrow if is_text(field.type)]
        with ParquetSink(target) as sink:
            gone, told = _written(file, keys, texts, sink)
            if sink.rows == 0:
                sink.write(file.schema_arrow.empty_table())
            rows = sink.rows
        return RowsLeft(rows, gone, frozenset(_not_kept(file, keys, told)))


def _meant(file: pq.ParquetFile, keys: Mapping[str, str]) -> bool:
    if not keys or not set(keys) <= set(file.schema_arrow.names):
        return False
    return any(mask.true_count for _, mask in _batches(file, keys, list(keys)))


def _written(
    file: pq.ParquetFile, keys: Mapping[str, str] | None, texts: list[str], sink: ParquetSink
) -> tuple[int, dict[str, dict[str, None]]]:
    gone = 0
    told: dict[str, dict[str, None]] = {name: {} for name in texts}
    for batch, mask in _batches(file, keys, None):
        gone += mask.true_count
        if mask.true_count < len(mask):
            sink.write(pa.Table.from_batches([batch.filter(pc.invert(mask))]))
        if mask.true_count:
            for name, known in told.items():
                _take(pc.filter(batch.column(name), mask), known)
    return gone, told


def _take(values: pa.Array, known: dict[str, None]) -> None:
    if len(known) >= _MOST_TEXTS:
        return
    for value in pc.cast(values.drop_null().unique(), pa.string()).to_pylist():
        if len(value) >= _SHORTEST and len(known) < _MOST_TEXTS:
            known[value] = None


def _not_kept(
    file: pq.ParquetFile, keys: Mapping[str, str] | None, told: dict[str, dict[str, None]]
) -> Iterator[str]:
    """The texts that no row that stays has in the same column."""
    names = [name for name, known in told.items() if known]
    if keys is not None and names:
        for batch, mask in _batches(file, keys, list(dict.fromkeys([*keys, *names]))):
            for name in names:
                column = pc.cast(pc.filter(batch.column(name), pc.invert(mask)), pa.string())
                held = pc.is_in(column, value_set=pa.array(list(told[name]), pa.string()))
                for value in column.filter(held).unique().to_pylist():
                    told[name].pop(value, None)
    for name in names:
        yield from told[name]


def _batches(
    file: pq.ParquetFile, keys: Mapping[str, str] | None, columns: Sequence[str] | None
) -> Iterator[tuple[pa.RecordBatch, pa.BooleanArray]]:
    """The rows in order, and which of them go."""
    for batch in file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False):
        if keys is None:
            yield batch, pa.array([True] * batch.num_rows, pa.bool_())
            continue
        mask: pa.BooleanArray | None = None
        for name, value in keys.items():
            equal = pc.fill_null(pc.equal(pc.cast(batch.column(name), pa.string()), value), False)
            mask = equal if mask is None else pc.and_(mask, equal)
        yield batch, mask
