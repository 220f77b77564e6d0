"""Files on this machine as sources, and files as tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet
from blake3 import blake3

from millwright.data.canonical_form import refuse_duplicates
from millwright.data.connectors.interface import Content, FilesContent, TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.data.csv_reading import NULLS, explained, header_of
from millwright.data.duckdb_engine import arrow_batches, engine_error, open_duckdb
from millwright.data.json_reading import array_as_lines, not_json_lines
from millwright.data.parquet import pieces_of
from millwright.data.reading import TABLE_ENDINGS, read_table
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.objects import digest_of_file

_STREAMED: Final = 64 << 20
"""Larger CSV and JSON is read in pieces, its types found by a first pass over the whole file."""
_STREAMED_PACKED: Final = 8 << 20
"""The same, for what is packed with gzip."""
_MEMORY: Final = "200MB"
_LARGEST_ROW: Final = 16 << 20
_ROWS: Final = 1 << 14
_CSV: Final = (".csv", ".tsv")
_JSON: Final = (".json", ".jsonl", ".ndjson")
_ARROW: Final = (".arrow", ".feather", ".ipc")


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
            from millwright.data.connectors.joined_files import joined_pieces

            return TableContent(joined_pieces(table_files(self._path), scratch))
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
        elif name.endswith(_ARROW) and path.stat().st_size:
            yield from _arrow_pieces(path)
        elif _is_large(path, _CSV):
            yield from csv_pieces(path)
        elif _is_large(path, _JSON):
            yield from json_pieces(path)
        else:
            yield read_table(path)


def csv_pieces(path: Path) -> Iterator[pa.Table]:
    """A CSV file in pieces, for files larger than memory; types hold for the whole file.

    Raises:
        InvalidInput: it is broken; the message names the line.
    """
    names, delimiter = header_of(path)
    refuse_duplicates(names, path.name)

    def relation(engine: Any) -> Any:
        return engine.read_csv(
            str(path),
            header=True,
            delimiter=delimiter,
            quotechar='"',
            sample_size=-1,
            na_values=list(NULLS),
            store_rejects=False,
        )

    yield from _pieces(relation, lambda cause: explained(path, delimiter, cause))


def json_pieces(path: Path) -> Iterator[pa.Table]:
    """A JSON file (an object per line, or an array of them) in pieces, as ``csv_pieces``."""
    with tempfile.TemporaryDirectory(prefix="mw-json-") as folder:
        lines = Path(folder) / "rows.jsonl"
        source = lines if array_as_lines(path, lines) else path
        options = {"sample_size": -1, "maximum_object_size": _LARGEST_ROW}
        yield from _pieces(
            lambda engine: engine.read_json(str(source), **options),
            lambda cause: not_json_lines(path, cause),
        )


def _pieces(
    relation: Callable[[Any], Any], refused: Callable[[str], InvalidInput]
) -> Iterator[pa.Table]:
    with (
        tempfile.TemporaryDirectory(prefix="mw-import-") as spill,
        open_duckdb(files=True, threads=2, memory_limit=_MEMORY, spill_to=Path(spill)) as engine,
    ):
        try:
            for batch in arrow_batches(relation(engine), rows=_ROWS):
                yield pa.Table.from_batches([batch])
        except (engine_error(), pa.ArrowException, OSError) as cause:
            text = " ".join(str(cause).split("Possible ")[0].split())
            raise refused(text[:300]) from cause


def _arrow_pieces(path: Path) -> Iterator[pa.Table]:
    """An Arrow file batch by batch, from pages that the system may drop again."""
    try:
        with pa.memory_map(str(path)) as mapped:
            file = pa.ipc.open_file(mapped)
            for number in range(file.num_record_batches):
                yield pa.Table.from_batches([file.get_batch(number)])
    except pa.ArrowInvalid:
        # A stream, or the first Feather format.
        yield read_table(path)


def _is_large(path: Path, endings: tuple[str, ...]) -> bool:
    name, size = path.name.lower(), path.stat().st_size
    packed = name.endswith(".gz")
    most = _STREAMED_PACKED if packed else _STREAMED
    return name.removesuffix(".gz").endswith(endings) and size > most


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
