"""Several files with the same columns as one table, part by part: memory does not grow with them.

A type holds for all files, and is known when the last of them was read: a column may be whole
numbers in the first and broken ones in the last. Formats that do not tell their types are therefore
put aside, typed, and read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from millwright.data.canonical_form import canonical
from millwright.data.connectors.files import table_pieces
from millwright.data.reading import common_schema, conformed


def joined_pieces(paths: Sequence[Path], scratch: Path) -> Iterator[pa.Table]:
    """The rows of files, one after the other, in types that hold for all of them.

    Args:
        paths: the files, of any of the formats that tables have.
        scratch: a folder for what is put aside, about as large as the files unpacked.

    Raises:
        InvalidInput: a file is no table, or its columns or their types do not fit the others'.
    """
    if len(paths) == 1:
        yield from table_pieces(paths)
        return
    aside = [_aside(path, scratch / f"part-{number}") for number, path in enumerate(paths)]
    kinds = [(path, _schema(place)) for path, place in zip(paths, aside, strict=True)]
    schema = common_schema(kinds)
    for path, place in zip(paths, aside, strict=True):
        for piece in table_pieces([path]) if place == path else _pieces(place):
            yield conformed(canonical(piece, path.name), schema)
        if place != path:
            place.unlink()


def _aside(path: Path, place: Path) -> Path:
    """The file itself where it tells its types; else its rows, typed."""
    pieces = table_pieces([path])
    if path.suffix.lower() in (".parquet", ".pq") and path.stat().st_size:
        return path
    writer = None
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    try:
        for piece in pieces:
            typed = canonical(piece, path.name)
            if writer is None:
                writer = pa.ipc.new_file(str(place), typed.schema, options=options)
            writer.write_table(typed, max_chunksize=1 << 16)
    finally:
        if writer is not None:
            writer.close()
    return place


def _schema(place: Path) -> pa.Schema:
    if place.suffix.lower() not in (".parquet", ".pq"):
        with pa.OSFile(str(place)) as file:
            return pa.ipc.open_file(file).schema
    for piece in table_pieces([place]):
        return canonical(piece, place.name).schema
    return canonical(pa.parquet.read_schema(place).empty_table(), place.name).schema


def _pieces(place: Path) -> Iterator[pa.Table]:
    with pa.OSFile(str(place)) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])
