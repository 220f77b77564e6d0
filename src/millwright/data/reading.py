"""Tables from anywhere: files, folders, addresses, and objects of other libraries."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet

from millwright.data.arrow_reading import read_arrow
from millwright.data.canonical_form import canonical
from millwright.data.csv_reading import read_csv
from millwright.data.json_reading import read_json
from millwright.kernel import egress
from millwright.kernel.errors import InvalidInput, NotFound, nearest

_CSV: Final = (".csv", ".csv.gz", ".csv.zip", ".tsv", ".tsv.gz", ".tsv.zip", ".txt")
_PARQUET: Final = (".parquet", ".pq")
_JSON: Final = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_ARROW: Final = (".arrow", ".feather", ".ipc")
TABLE_ENDINGS: Final = (*_CSV, *_PARQUET, *_JSON, *_ARROW)
"""What the name of a file with a table ends with."""
_GLOB: Final = "*?["


def read_table(source: object, base: Path | None = None) -> pa.Table:
    """A table in canonical types (see ``canonical``) from whatever holds one.

    Args:
        source: a path or ``file`` pattern (``flights-*.csv``), a folder of files with the same
            columns, an ``http(s)`` address, or an object of Arrow, pandas or polars. Files are
            CSV (also ``.gz`` and ``.zip``), Parquet, JSON (an object per line, or an array of
            them) or Arrow, by their ending.
        base: the folder that a relative path starts from; the working folder when not given.

    Raises:
        NotFound: there is no such file; the nearest existing name is suggested.
        InvalidInput: the content cannot be used as a table; the message says where and why.
        Unavailable: the address does not answer.
    """
    if not isinstance(source, str | Path):
        return _from_object(source)
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        return _from_address(source)
    path = (base or Path()) / Path(source).expanduser()
    return _joined([(file, _from_file(file)) for file in files_of(path)])


def files_of(path: Path) -> list[Path]:
    """The files that a path, pattern or folder stands for, by name.

    Raises:
        NotFound: there is none; the nearest existing name is suggested.
        InvalidInput: the folder holds no table.
    """
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.is_file() and _ending(f.name) is not None)
        if not files:
            raise InvalidInput(
                "data.empty_folder",
                f"The folder {path} holds no CSV, Parquet, JSON or Arrow file.",
                hint=f"Files should end with one of {', '.join(TABLE_ENDINGS)}.",
            )
        return files
    if path.exists():
        return [path]
    if any(sign in path.name for sign in _GLOB):
        files = sorted(f for f in path.parent.glob(path.name) if f.is_file())
        if files:
            return files
        raise NotFound(
            "data.missing_file",
            f"No file matches {path}.",
            hint=f"Look into {path.parent}.",
        )
    raise _missing(path)


def _missing(path: Path) -> NotFound:
    folder = path.parent
    siblings = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    guess = nearest(path.name, siblings)
    if not folder.is_dir():
        hint = f"There is no folder {folder} either."
    elif guess is not None:
        hint = f"Did you mean {folder / guess}?"
    else:
        hint = f"Look into {folder.resolve()}."
    return NotFound("data.missing_file", f"There is no file {path}.", hint=hint, value=str(path))


def _ending(name: str) -> str | None:
    lower = name.lower()
    return next((ending for ending in TABLE_ENDINGS if lower.endswith(ending)), None)


def _from_file(path: Path) -> pa.Table:
    ending = _ending(path.name)
    if ending is None:
        raise InvalidInput(
            "data.unknown_format",
            f"{path.name} is neither CSV, Parquet, JSON nor Arrow by its ending.",
            hint=f"Files should end with one of {', '.join(TABLE_ENDINGS)}.",
            value=path.suffix,
        )
    if path.stat().st_size == 0:
        raise InvalidInput(
            "data.empty", f"{path.name} is empty.", hint="Check that the export finished."
        )
    try:
        table = _reader(ending)(path)
    except PermissionError as cause:
        raise InvalidInput(
            "data.unreadable", f"{path} may not be read.", hint="Change its permissions."
        ) from cause
    return table


def _reader(ending: str) -> Callable[[Path], pa.Table]:
    if ending in _CSV:
        return read_csv
    if ending in _PARQUET:
        return _from_parquet
    return read_json if ending in _JSON else read_arrow


def _from_parquet(path: Path) -> pa.Table:
    try:
        table = pa.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as cause:
        if isinstance(cause, PermissionError):
            raise
        raise InvalidInput(
            "data.unreadable",
            f"{path.name} is not a whole Parquet file.",
            hint="Copy or export it again.",
        ) from cause
    if table.num_rows == 0:
        raise InvalidInput("data.empty", f"{path.name} has no rows.")
    return canonical(table, path.name)


def _joined(parts: list[tuple[Path, pa.Table]]) -> pa.Table:
    schema = common_schema([(path, part.schema) for path, part in parts])
    return canonical(pa.concat_tables([conformed(part, schema) for _, part in parts]))


def common_schema(files: Sequence[tuple[Path, pa.Schema]]) -> pa.Schema:
    """The types that hold for several files with the same columns, in the order of the first.

    Raises:
        InvalidInput: the columns are others, or a column has types that no type holds.
    """
    first_path, first = files[0]
    for path, schema in files[1:]:
        if set(schema.names) != set(first.names):
            odd = sorted(set(schema.names) ^ set(first.names))[0]
            raise InvalidInput(
                "data.different_columns",
                f"{path.name} and {first_path.name} do not have the same columns: '{odd}' is in "
                "one of them only.",
                hint="Keep files with different columns in different folders.",
                value=odd,
            )
    try:
        return pa.unify_schemas([schema for _, schema in files], promote_options="permissive")
    except pa.ArrowTypeError as cause:
        raise _different_types(cause) from cause


def conformed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows of one file with the types of all.

    Raises:
        InvalidInput: a value does not fit.
    """
    try:
        return part.select(schema.names).cast(schema)
    except pa.ArrowInvalid as cause:
        raise _different_types(cause) from cause


def _different_types(cause: Exception) -> InvalidInput:
    return InvalidInput(
        "data.different_types",
        f"A column has different types in the files: {cause}.",
        hint="Mend the files so that the column means the same in all of them.",
    )


def _from_object(source: Any) -> pa.Table:
    kind = type(source).__name__
    try:
        if isinstance(source, pa.Table):
            table = source
        elif isinstance(source, pa.RecordBatch):
            table = pa.Table.from_batches([source])
        elif hasattr(source, "__arrow_c_stream__"):
            table = pa.table(source)
        elif hasattr(source, "__dataframe__"):
            table = pa.interchange.from_dataframe(source)
        else:
            raise InvalidInput(
                "data.unknown_object",
                f"A {kind} is not a table.",
                hint="Give a path, an address, or a pandas, polars or Arrow table.",
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as cause:
        raise InvalidInput(
            "data.mixed_types",
            f"The {kind} mixes types in a column: {'; '.join(str(a) for a in cause.args)}.",
            hint="Give each column one type first.",
        ) from cause
    # pandas hands a nameless row index over as a column of its own.
    index = [name for name in table.column_names if name.startswith("__index_level_")]
    table = table.drop_columns(index) if index else table
    if table.num_rows == 0:
        raise InvalidInput("data.empty", f"The {kind} has no rows.")
    return canonical(table, f"the {kind}")


def _from_address(url: str) -> pa.Table:
    with tempfile.TemporaryDirectory(prefix="millwright-") as folder:
        return _from_file(downloaded(url, Path(folder)))


def downloaded(url: str, folder: Path) -> Path:
    """What an address answers, as a file in that folder; CSV where its name has no known ending."""
    name = PurePosixPath(urlsplit(url).path).name or "table.csv"
    path = folder / (name if _ending(name) else f"{name}.csv")
    with path.open("wb") as file:
        egress.fetch(url, file, allow=egress.allowed_from_environment())
    return path
