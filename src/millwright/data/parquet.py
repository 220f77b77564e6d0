"""A table as Parquet bytes that depend on nothing but the table, and cost little when it changes.

Row groups are cut by content (``row_groups``) and pages are cut by content (Gearhash, in Arrow), so
that rows inserted anywhere leave most bytes of the file as they were and the object store keeps
them once. Pages are small, and dictionaries too: a dictionary lists values in the order in which
they come, so a long one changes with every insertion, and all pages that point into it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet

from millwright.data.canonical_form import canonical
from millwright.data.row_groups import RowGroupCutter
from millwright.kernel.errors import InvalidInput

PAGES: Final = {"min_chunk_size": 32 << 10, "max_chunk_size": 128 << 10, "norm_level": 0}
"""Sizes of pages in bytes before encoding; half a chunk of the object store to two of them."""
DICTIONARY_BYTES: Final = 64 << 10
"""A column whose dictionary would be longer is written plain."""
_COMPRESSION_LEVEL: Final = 1
_SAMPLED_ROWS: Final = 1 << 16
_WORTH: Final = 0.85
"""Of its size that a column of numbers may keep when compressed; else it is not."""


class ParquetSink:
    """Writes a table that comes in pieces; memory holds one row group, whatever the table's size.

    Example:
        >>> target = io.BytesIO()
        >>> with ParquetSink(target) as sink:
        ...     sink.write(pa.table({"x": [1, 2]}))
        ...     sink.write(pa.table({"x": [3]}))
        >>> sink.rows, from_parquet(target.getvalue())["x"].to_pylist()
        (3, [1, 2, 3])
    """

    def __init__(self, target: Path | BinaryIO | IO[bytes], *, name: str = "the table") -> None:
        self._target = target
        self._name = name
        self._writer: pa.parquet.ParquetWriter | None = None
        self._file: _Forgiving | None = None
        self._cutter: RowGroupCutter | None = None
        self._pending: list[pa.Table] = []
        self.schema: pa.Schema | None = None
        """The canonical schema, known after the first piece."""
        self.rows = 0
        """Rows taken so far."""

    def write(self, piece: pa.Table) -> None:
        """Take more rows, brought into canonical types.

        Raises:
            InvalidInput: a value does not fit, or the piece has other columns than the first one.
        """
        piece = self._conform(canonical(piece, self._name))
        assert self._cutter is not None
        self.rows += piece.num_rows
        start = 0
        for end in self._cutter.ends(piece):
            self._pending.append(piece.slice(start, end - start))
            self._flush()
            start = end
        if start < piece.num_rows:
            self._pending.append(piece.slice(start))

    def close(self) -> None:
        """Write what is left, and the footer."""
        if self._file is None:
            return
        assert self.schema is not None
        try:
            self._flush()
            self._writer = self._writer or self._opened(self.schema.empty_table())
        finally:
            if self._writer is not None:
                self._writer.close()
            self._file.close()
        self._file.check()

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _conform(self, piece: pa.Table) -> pa.Table:
        if self.schema is None:
            self.schema = piece.schema
            self._cutter = RowGroupCutter(piece.schema)
            self._file = _Forgiving(self._target)
            return piece
        if piece.schema == self.schema:
            return piece
        if set(piece.column_names) != set(self.schema.names):
            odd = sorted(set(piece.column_names) ^ set(self.schema.names))[0]
            raise InvalidInput(
                "data.different_columns",
                f"The parts of {self._name} do not have the same columns: '{odd}' is in some only.",
                hint="Keep tables with different columns in different datasets.",
                value=odd,
            )
        try:
            return piece.select(self.schema.names).cast(self.schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as cause:
            raise InvalidInput(
                "data.different_types",
                f"A column of {self._name} has different types in its parts: {cause}.",
                hint="Mend it so that the column means the same in all of them.",
            ) from cause

    def _flush(self) -> None:
        if not self._pending:
            return
        # Pages depend on where Arrow's chunks end, so there is just one.
        group = pa.concat_tables(self._pending).combine_chunks()
        self._pending = []
        self._writer = self._writer or self._opened(group)
        self._writer.write_table(group, row_group_size=max(group.num_rows, 1))
        assert self._file is not None
        self._file.check()

    def _opened(self, first: pa.Table) -> pa.parquet.ParquetWriter:
        """The writer, with settings that depend on the first row group."""
        sink = pa.PythonFile(self._file, mode="w")
        return pa.parquet.ParquetWriter(sink, first.schema, **_settings(first))


class _Forgiving:
    """A file that keeps the first error to itself until it is asked: Arrow ends the process where a
    write fails in the middle of a page."""

    closed = False

    def __init__(self, target: Path | BinaryIO | IO[bytes]) -> None:
        self._is_ours = isinstance(target, Path)
        self._target = target.open("wb") if isinstance(target, Path) else target
        self._error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write, or drop what comes after an error."""
        if self._error is None:
            try:
                self._target.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Close what was opened here."""
        try:
            if self._is_ours:
                self._target.close()
        except OSError as error:
            self._error = self._error or error

    def check(self) -> None:
        """Raise the first error, if there was one."""
        if self._error is not None:
            raise self._error


def to_parquet(table: pa.Table) -> bytes:
    """The table as Parquet; the same table gives the same bytes, whatever its chunks.

    Columns are canonical, metadata of other libraries is left out, compression is zstd where it saves.
    """
    target = io.BytesIO()
    write_parquet([table], target)
    return target.getvalue()


def write_parquet(
    pieces: Iterable[pa.Table], target: Path | BinaryIO, *, name: str = "the table"
) -> int:
    """Write a table that comes in pieces and return its rows; the same bytes as ``to_parquet``."""
    with ParquetSink(target, name=name) as sink:
        for piece in pieces:
            sink.write(piece)
    return sink.rows


def from_parquet(source: bytes | BinaryIO | Path) -> pa.Table:
    """The table in Parquet bytes.

    Raises:
        InvalidInput: they are not a whole Parquet file.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return pa.parquet.read_table(stream)
    except (pa.ArrowInvalid, OSError) as cause:
        raise not_parquet() from cause


def pieces_of(file: pa.parquet.ParquetFile, rows: int = 1 << 16) -> Iterator[pa.Table]:
    """The rows of a Parquet file in pieces, for inputs that do not fit into memory."""
    for batch in file.iter_batches(batch_size=rows):
        yield pa.Table.from_batches([batch], file.schema_arrow)


def not_parquet() -> InvalidInput:
    """The error for bytes that are no Parquet file."""
    return InvalidInput(
        "data.not_parquet",
        "The uploaded object is not a Parquet file.",
        hint="Upload the dataset with mw data add, or as Parquet.",
    )


def _settings(first: pa.Table) -> dict[str, Any]:
    packed = {name: _is_packed(first[name]) for name in first.column_names}
    return {
        "compression": {name: "zstd" if worth else "none" for name, worth in packed.items()},
        "compression_level": {name: _COMPRESSION_LEVEL for name, worth in packed.items() if worth},
        "use_content_defined_chunking": PAGES,
        "dictionary_pagesize_limit": DICTIONARY_BYTES,
        "store_schema": True,
        "write_statistics": True,
    }


def _is_packed(column: pa.ChunkedArray) -> bool:
    """Whether a column is worth compressing: numbers without a pattern are read far faster as they lie."""
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind)):
        return True
    values = column.slice(0, _SAMPLED_ROWS).drop_null().combine_chunks()
    raw = values.buffers()[1] if len(values) else None
    if raw is None:
        return True
    width = kind.bit_width // 8
    content = raw.slice(values.offset * width, len(values) * width)
    codec = pa.Codec("zstd", _COMPRESSION_LEVEL)
    return bool(codec.compress(content).size < _WORTH * content.size)
