"""CSV: read once and fast; when it is broken, find the row and say what is wrong with it."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.csv

from millwright.data.canonical_form import canonical, refuse_duplicates
from millwright.data.mixed_types import settle_types
from millwright.data.schema import is_binary
from millwright.kernel.errors import InvalidInput

NULLS: Final = ("", "NA", "NaN", "nan", "null", "NULL", "N/A", "n/a")
"""What stands for a missing value in a CSV file."""
_DELIMITERS: Final = ",;\t|"
_HEADER_BYTES: Final = 1 << 20
_BLOCK_BYTES: Final = 4 << 20


def read_csv(path: Path) -> pa.Table:
    """A CSV file (plain, ``.gz``, or ``.zip`` with one file inside) as a canonical table.

    The first line names the columns. The delimiter is a comma, semicolon, tab or bar, whichever
    the first line has most of. The file is read in blocks: besides the table itself, memory is
    bounded whatever its size.

    Raises:
        InvalidInput: the file is empty, names a column twice, has a row with too few or too many
            values, mixes types in a column, or is no UTF-8 text. The message names the row, where
            the header is row 1.
    """
    names, delimiter = header_of(path)
    refuse_duplicates(names, path.name)
    try:
        with _opened(path) as stream:
            table = pa.csv.read_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
                parse_options=_parsing(delimiter),
                convert_options=_converting(),
            )
    except pa.ArrowInvalid as cause:
        raise explained(path, delimiter, str(cause)) from cause
    for name in table.column_names:
        if is_binary(table[name].type):
            raise _not_utf8(path, name, table[name])
    if table.num_rows == 0:
        raise InvalidInput(
            "data.empty",
            f"{path.name} names {table.num_columns} columns but has no rows.",
            hint="Check that the export finished.",
        )
    _refuse_open_quote(table, path.name)
    return canonical(settle_types(table, path.name, first_row=2), path.name)


def header_of(path: Path) -> tuple[list[str], str]:
    """The column names and the delimiter."""
    with _opened(path) as stream:
        start = stream.read(_HEADER_BYTES)
    first = next((line for line in start.splitlines() if line.strip()), b"")
    try:
        header = first.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise InvalidInput(
            "data.encoding",
            f"The header of {path.name} is not UTF-8 text.",
            hint="Save the file with the encoding UTF-8.",
        ) from cause
    if not header:
        raise InvalidInput(
            "data.empty", f"{path.name} is empty.", hint="Check that the export finished."
        )
    delimiter = max(_DELIMITERS, key=header.count)
    return [name.strip() for name in next(csv.reader([header], delimiter=delimiter))], delimiter


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The uncompressed bytes of a file."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive, path)) as member:
                yield member  # type: ignore[misc]
        else:
            compression = "gzip" if path.suffix.lower() == ".gz" else None
            with pa.input_stream(str(path), compression=compression) as stream:
                yield stream
    except (zipfile.BadZipFile, EOFError) as cause:
        raise _damaged(path) from cause
    except OSError as cause:
        # Arrow reports a damaged gzip stream as an OSError without a number.
        if cause.errno is not None:
            raise
        raise _damaged(path) from cause


def _member(archive: zipfile.ZipFile, path: Path) -> str:
    files = [
        name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name
    ]
    if len(files) != 1:
        raise InvalidInput(
            "data.archive",
            f"{path.name} holds {len(files)} files; one is expected.",
            hint="Unpack it and name the file, or the folder with files of the same columns.",
        )
    return files[0]


def _parsing(
    delimiter: str, on_broken_row: Callable[[Any], str] | None = None
) -> pa.csv.ParseOptions:
    return pa.csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=on_broken_row
    )


def _converting() -> pa.csv.ConvertOptions:
    return pa.csv.ConvertOptions(null_values=list(NULLS), strings_can_be_null=True)


def explained(path: Path, delimiter: str, cause: str) -> InvalidInput:
    """The error for a file that a reader refused: the row that is broken, if one is found."""
    broken = _first_broken_row(path, delimiter)
    if broken is not None:
        return InvalidInput(
            "data.broken_row",
            f"Row {broken.number:,} of {path.name} has {broken.actual_columns} values where "
            f"{broken.expected_columns} are expected (the header is row 1).",
            hint=f"Mend or remove that row. It begins: {broken.text[:80]!r}.",
            value=broken.number,
        )
    return InvalidInput(
        "data.unreadable",
        f"{path.name} cannot be read as CSV: {cause}.",
        hint="Look for a quotation mark that is opened and never closed.",
    )


def _first_broken_row(path: Path, delimiter: str) -> Any:
    """The first row with the wrong number of values, found by a second pass with row numbers.

    Rows are counted only by the single-threaded reader, so the fast first pass cannot know.
    """
    found: list[Any] = []

    def note(row: Any) -> str:
        found.append(row)
        return "error"

    try:
        with (
            _opened(path) as stream,
            pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
                parse_options=_parsing(delimiter, note),
                convert_options=pa.csv.ConvertOptions(check_utf8=False, include_columns=[]),
            ) as batches,
        ):
            for _ in batches:
                pass
    except pa.ArrowInvalid:
        pass
    return found[0] if found and found[0].number is not None else None


def _refuse_open_quote(table: pa.Table, name: str) -> None:
    """A quotation mark that is never closed makes the rest of the file one value of the last row."""
    row = table.num_rows - 1
    for column in table.column_names:
        last = table[column][row].as_py()
        if isinstance(last, str) and last.endswith("\n"):
            raise InvalidInput(
                "data.open_quote",
                f"Row {row + 2:,} of {name} opens a quotation mark in column '{column}' that is "
                "never closed.",
                hint="Close it, or double it if it is part of the text.",
                value=row + 2,
            )


def _not_utf8(path: Path, name: str, values: pa.ChunkedArray) -> InvalidInput:
    row = next(i for i, value in enumerate(values) if value.is_valid and not _is_utf8(value))
    return InvalidInput(
        "data.encoding",
        f"Row {row + 2:,} of {path.name} is not UTF-8 text (column '{name}').",
        hint="Save the file with the encoding UTF-8.",
        value=row + 2,
    )


def _is_utf8(value: pa.Scalar) -> bool:
    try:
        value.as_py().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _damaged(path: Path) -> InvalidInput:
    return InvalidInput(
        "data.archive",
        f"{path.name} is damaged or incomplete: it cannot be unpacked.",
        hint="Copy or download it again.",
    )
