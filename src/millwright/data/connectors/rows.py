"""Rows of Python values as Arrow, when types show only in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from millwright.kernel.errors import InvalidInput

_UNKNOWN: Final = pa.string()


class Spool:
    """Takes rows part by part, and gives them back with the types that hold for all of them.

    A column may hold nothing in its first million rows, whole numbers in the next and fractions in
    the last: so parts wait in files until all types are known. Memory holds one part.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: list[Path] = []
        self._schema: pa.Schema | None = None

    def add(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Take some rows.

        Raises:
            InvalidInput: a column mixes values that have no common type.
        """
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        arrays = [_array(name, list(values)) for name, values in zip(names, columns, strict=True)]
        table = pa.table(arrays, names=list(names))
        path = self._folder / f"part-{len(self._paths)}.arrow"
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
        self._paths.append(path)
        self._schema = self._joined(table.schema)

    def pieces(self) -> Iterator[pa.Table]:
        """All rows, in their order."""
        if self._schema is None:
            return
        kinds = [_UNKNOWN if pa.types.is_null(f.type) else f.type for f in self._schema]
        schema = pa.schema(list(zip(self._schema.names, kinds, strict=True)))
        for path in self._paths:
            with pa.ipc.open_file(path) as file:
                yield file.read_all().cast(schema)
            path.unlink()

    def _joined(self, schema: pa.Schema) -> pa.Schema:
        if self._schema is None:
            return schema
        try:
            return pa.unify_schemas([self._schema, schema], promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as cause:
            raise InvalidInput(
                "data.mixed_types",
                f"A column mixes types: {str(cause).splitlines()[0]}.",
                hint="Cast it in the query.",
            ) from cause


def plain_storage(table: pa.Table) -> pa.Table:
    """Extension types (as drivers use for NUMERIC) as the values under them."""
    for index, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            column = table.column(index).cast(field.type.storage_type)
            if getattr(field.type, "type_name", "") == "numeric":
                column = column.cast(pa.float64())
            table = table.set_column(index, field.name, column)
    return table


def _array(name: str, values: list[Any]) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    convert = _conversion(first)
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as cause:
        raise InvalidInput(
            "data.mixed_types",
            f"Column '{name}' mixes types: {str(cause).splitlines()[0]}.",
            hint="Cast it in the query.",
            value=name,
        ) from cause


def _conversion(first: Any) -> Any:
    if isinstance(first, Decimal):
        return float
    if isinstance(first, UUID | time):
        return str
    if isinstance(first, timedelta):
        return timedelta.total_seconds
    if isinstance(first, memoryview | bytearray):
        return bytes
    if isinstance(first, dict | list | tuple):
        return lambda value: json.dumps(value, default=str)
    known = (bool, int, float, str, bytes)
    is_moment = hasattr(first, "isoformat")
    return None if first is None or isinstance(first, known) or is_moment else str
