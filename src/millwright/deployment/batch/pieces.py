"""Tables on disk as pieces that can be scored one by one, always the same pieces for the same files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.model_package import Field

ROWS = 65_536
"""Rows that are scored at once; a piece of Parquet may hold more of them, one batch after another."""
_PIECE_ROWS = 4 * ROWS
_READERS = (".parquet", ".csv", ".arrow", ".feather")
_TYPES = {"numeric": pa.float64(), "categorical": pa.string(), "boolean": pa.bool_()}


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows of one file.

    Attributes:
        number: its place among all pieces, from 0.
        rows: how many, where that is known without reading them.
        read: its rows as tables of at most ``ROWS``, with the columns that are wanted.
    """

    number: int
    rows: int | None
    read: Callable[[], Iterator[pa.Table]]


def files_of(place: Path) -> list[Path]:
    """The file itself, or the tables in a folder and below, in the order of their names.

    Raises:
        NotFound: there is nothing, or no table.
        InvalidInput: a file of another kind.
    """
    if place.is_dir():
        files = sorted(path for path in place.rglob("*") if path.suffix in _READERS)
        if not files:
            raise NotFound(
                "batch.no_tables",
                f"The folder {place} holds no table.",
                hint=f"Tables end in {', '.join(_READERS)}.",
            )
        return files
    if not place.is_file():
        raise NotFound("batch.no_data", f"There is nothing at {place}.")
    if place.suffix not in _READERS:
        raise InvalidInput(
            "batch.kind",
            f"{place.name} is of a kind that cannot be read in pieces.",
            hint=f"Give a file that ends in {', '.join(_READERS)}, or a folder of them.",
        )
    return [place]


def rows_of(files: Sequence[Path]) -> int | None:
    """How many rows all files hold; None where only reading them would tell."""
    if any(path.suffix != ".parquet" for path in files):
        return None
    return sum(int(pq.read_metadata(path).num_rows) for path in files)


def pieces_of(
    files: Sequence[Path], fields: Sequence[Field], columns: Collection[str] | None = None
) -> Iterator[Piece]:
    """All pieces in order.

    Args:
        files: tables.
        fields: how columns of a CSV are read.
        columns: those that are wanted, where they are there; None wants all.

    Raises:
        InvalidInput: a file is damaged, or a CSV has values that its column does not take.
    """
    number = 0
    for path in files:
        try:
            for rows, read in _of_file(path, fields, columns):
                yield Piece(number, rows, read)
                number += 1
        except (pa.ArrowInvalid, OSError) as cause:
            raise InvalidInput("batch.unreadable", f"{path} cannot be read: {cause}.") from cause


_Readable = tuple[int | None, Callable[[], Iterator[pa.Table]]]


def _of_file(
    path: Path, fields: Sequence[Field], columns: Collection[str] | None
) -> Iterator[_Readable]:
    if path.suffix == ".parquet":
        return _of_parquet(path, columns)
    return _of_csv(path, fields) if path.suffix == ".csv" else _of_arrow(path)


def _of_parquet(path: Path, columns: Collection[str] | None) -> Iterator[_Readable]:
    metadata = pq.read_metadata(path)
    there = metadata.schema.to_arrow_schema().names
    wanted = None if columns is None else [name for name in there if name in columns]
    groups: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= _PIECE_ROWS or group == metadata.num_row_groups - 1:
            yield rows, functools.partial(_read_groups, path, tuple(groups), wanted)
            groups, rows = [], 0


def _read_groups(
    path: Path, groups: Sequence[int], columns: list[str] | None
) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        # A part at a time uses the memory of the one before again: fresh memory costs more than
        # reading. Pieces are read beside each other, so a thread each is enough.
        for batch in file.iter_batches(
            ROWS, row_groups=list(groups), columns=columns, use_threads=False
        ):
            yield pa.Table.from_batches([batch])


def _of_csv(path: Path, fields: Sequence[Field]) -> Iterator[_Readable]:
    with pa.csv.open_csv(path) as probe:
        names = probe.schema.names
    known = {field.name: _TYPES[field.kind] for field in fields}
    # What the model does not read is handed on as it stands: no later row can contradict its type.
    convert = pa.csv.ConvertOptions(
        column_types={name: known.get(name, pa.string()) for name in names},
        strings_can_be_null=True,
    )
    waiting: list[pa.RecordBatch] = []
    rows = 0
    with pa.csv.open_csv(path, convert_options=convert) as reader:
        for batch in reader:
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= ROWS:
                yield rows, _held(pa.Table.from_batches(waiting))
                waiting, rows = [], 0
    if waiting:
        yield rows, _held(pa.Table.from_batches(waiting))


def _of_arrow(path: Path) -> Iterator[_Readable]:
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        for index in range(file.num_record_batches):
            batch = file.get_batch(index)
            yield batch.num_rows, _held(pa.Table.from_batches([batch]))


def _held(table: pa.Table) -> Callable[[], Iterator[pa.Table]]:
    def read() -> Iterator[pa.Table]:
        for start in range(0, table.num_rows, ROWS):
            yield table.slice(start, ROWS)

    return read
