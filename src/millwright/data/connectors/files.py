"""Files on this machine as sources, and files as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet
from blake3 import blake3

from millwright.data.connectors.interface import Content, FilesContent, TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.data.duckdb_engine import arrow_batches, open_duckdb
from millwright.data.parquet import pieces_of
from millwright.data.reading import TABLE_ENDINGS, read_table
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.objects import digest_of_file

_STREAMED_CSV: Final = 1 << 30
"""Larger CSV is read in pieces, its types found by a first pass over the whole file."""


class LocalSource:
    """A file or folder of this machine."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path.resolve(), options

    @property
    def url(self) -> str:
        """``file:///…``."""
        return self._path.as_uri()

    def state(self) -> SourceState:
        """The digest of a file; of a folder's names, sizes and times."""
        if self._path.is_file():
            return SourceState(kind="digest", value=digest_of_file(self._path))
        if not self._path.is_dir():
            raise missing(self._path)
        lines = []
        for path in sorted(self._path.rglob("*")):
            if path.is_file():
                found = path.stat()
                name = path.relative_to(self._path).as_posix()
                lines.append(f"{name}\0{found.st_size}\0{found.st_mtime_ns}")
        return listing_state(lines)

    def content(self, scratch: Path) -> Content:
        """A table where it is one by its ending or by the options; files otherwise."""
        if self._path.is_file():
            return file_content(self._path, self._options, scratch)
        if not self._path.is_dir():
            raise missing(self._path)
        if self._options.kind == "table":
            return TableContent(table_pieces(table_files(self._path)))
        return FilesContent(self._path)


def file_content(path: Path, options: SourceOptions, scratch: Path) -> Content:
    """One file: a table where its ending or the options say so."""
    if options.kind == "table" or (options.kind == "auto" and is_table(path.name)):
        return TableContent(table_pieces([path]), original=path)
    folder = scratch / "files"
    folder.mkdir()
    (folder / path.name).symlink_to(path)
    return FilesContent(folder)


def is_table(name: str) -> bool:
    """Whether a file is a table by its name's ending."""
    return name.lower().endswith(TABLE_ENDINGS) and not name.lower().endswith(".txt")


def table_files(folder: Path) -> list[Path]:
    """The tables in a folder and below, by path.

    Raises:
        InvalidInput: there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file() and is_table(path.name))
    if not found:
        raise InvalidInput(
            "data.empty_folder",
            f"The folder {folder} holds no table.",
            hint=f"Tables end with one of {', '.join(TABLE_ENDINGS)}.",
        )
    return found


def table_pieces(paths: Sequence[Path]) -> Iterator[pa.Table]:
    """The rows of files, one after the other; in pieces where the format has them."""
    for path in paths:
        name = path.name.lower()
        if name.endswith((".parquet", ".pq")) and path.stat().st_size:
            yield from _parquet_pieces(path)
        elif name.endswith((".csv", ".tsv")) and path.stat().st_size > _STREAMED_CSV:
            yield from csv_pieces(path)
        else:
            yield read_table(path)


def csv_pieces(path: Path) -> Iterator[pa.Table]:
    """A CSV file in pieces, for files larger than memory; types hold for the whole file."""
    with open_duckdb(files=True, threads=2) as engine:
        relation = engine.read_csv(
            str(path),
            sample_size=-1,
            na_values=["", "NA", "NaN", "null", "N/A"],
            store_rejects=False,
        )
        for batch in arrow_batches(relation):
            yield pa.Table.from_batches([batch])


def listing_state(lines: Sequence[str]) -> SourceState:
    """The state of many files, one line each."""
    return SourceState(kind="listing", value=blake3("\n".join(lines).encode()).hexdigest())


def missing(path: Path) -> NotFound:
    """The error for a file that is not there."""
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    return NotFound(
        "data.missing_file",
        f"There is nothing at {path}.",
        hint=f"Did you mean {path.parent / guess}?" if guess else f"Look into {path.parent}.",
        value=str(path),
    )


def _parquet_pieces(path: Path) -> Iterator[pa.Table]:
    try:
        with pa.parquet.ParquetFile(path) as file:
            yield from pieces_of(file)
    except (pa.ArrowInvalid, OSError) as cause:
        raise InvalidInput(
            "data.unreadable",
            f"{path.name} is not a whole Parquet file.",
            hint="Copy or export it again.",
        ) from cause
