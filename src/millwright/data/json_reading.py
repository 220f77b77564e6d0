"""Tables in JSON: one object per line, or one array of objects."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.json

from millwright.data.canonical_form import canonical
from millwright.kernel.errors import InvalidInput

_LONGEST_LINE: Final = 64 << 20
_MOST_IN_ARRAY: Final = 1 << 30


def read_json(path: Path) -> pa.Table:
    """The table in a JSON file, in canonical types.

    Text that is a time in ISO 8601 in all rows becomes a time.

    Raises:
        InvalidInput: it is not JSON of objects, or a field has different types.
    """
    with _opened(path) as file:
        head = file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head == b"[":
        return canonical(_from_array(path), path.name)
    try:
        with _opened(path) as file:
            options = pa.json.ReadOptions(block_size=_LONGEST_LINE)
            table = pa.json.read_json(file, read_options=options)
    except (pa.ArrowInvalid, gzip.BadGzipFile, EOFError) as cause:
        raise InvalidInput(
            "data.json",
            f"{path.name} is not a table in JSON lines: {str(cause).splitlines()[0]}.",
            hint="Write one object per line, each field with one type; or one array of objects.",
        ) from cause
    return canonical(table, path.name)


def _from_array(path: Path) -> pa.Table:
    if path.stat().st_size > _MOST_IN_ARRAY:
        raise InvalidInput(
            "data.json",
            f"{path.name} is one JSON array of more than a gigabyte.",
            hint="Write it as JSON lines: jq -c '.[]' in.json > out.jsonl",
        )
    try:
        with _opened(path) as file:
            rows: Any = json.load(file)
        if not rows or not all(isinstance(row, dict) for row in rows):
            raise InvalidInput(
                "data.json", f"{path.name} is not an array of objects.", hint="Each row is one."
            )
        lines = "\n".join(json.dumps(row) for row in rows).encode()
        options = pa.json.ReadOptions(block_size=max(len(lines) + 1, 1 << 20))
        return pa.json.read_json(pa.BufferReader(lines), read_options=options)
    except (pa.ArrowInvalid, ValueError) as cause:
        raise InvalidInput(
            "data.json",
            f"{path.name} is not a table in JSON: {str(cause).splitlines()[0]}.",
            hint="Write an array of objects, each field with one type.",
        ) from cause


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    packed = path.name.lower().endswith(".gz")
    stream = cast(IO[bytes], gzip.open(path) if packed else path.open("rb"))  # noqa: SIM115 - below
    with stream:
        yield stream
