"""Tables in JSON: one object per line, or one array of objects."""

from __future__ import annotations

import gzip
import io
import json
import re
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
_BLOCK: Final = 1 << 20
_FILLING: Final = re.compile(r"[\s,]*")


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
        raise not_json_lines(path, str(cause).splitlines()[0]) from cause
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
        raise _no_array(path, str(cause).splitlines()[0]) from cause


def array_as_lines(path: Path, target: Path) -> bool:
    """Write the objects of a JSON array one per line, in memory for a few of them; false if it is none.

    Raises:
        InvalidInput: what follows the bracket is no array of objects.
    """
    with _opened(path) as packed, io.TextIOWrapper(packed, "utf-8-sig") as file:
        text = file.read(_BLOCK).lstrip()
        if not text.startswith("["):
            return False
        place, decoder = 1, json.JSONDecoder()
        with target.open("w", encoding="utf-8") as lines:
            while True:
                place = _FILLING.match(text, place).end()  # type: ignore[union-attr]
                if text[place : place + 1] == "]":
                    return True
                try:
                    row, place = decoder.raw_decode(text, place)
                except ValueError as cause:
                    more = file.read(_BLOCK)
                    if not more or len(text) - place > _LONGEST_LINE:
                        raise _no_array(path, str(cause)) from cause
                    text, place = text[place:] + more, 0
                    continue
                if not isinstance(row, dict):
                    raise _no_array(path, "a row is no object")
                json.dump(row, lines)
                lines.write("\n")


def not_json_lines(path: Path, why: str) -> InvalidInput:
    """The error for a file that is no table in JSON lines."""
    return InvalidInput(
        "data.json",
        f"{path.name} is not a table in JSON lines: {why}.",
        hint="Write one object per line, each field with one type; or one array of objects.",
    )


def _no_array(path: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "data.json",
        f"{path.name} is not a table in JSON: {why}.",
        hint="Write an array of objects, each field with one type.",
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    packed = path.name.lower().endswith(".gz")
    stream = cast(IO[bytes], gzip.open(path) if packed else path.open("rb"))  # noqa: SIM115 - below
    with stream:
        yield stream
