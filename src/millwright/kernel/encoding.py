"""Rows to matrix: the one implementation that training, registry and serving share.

Training fits an ``Encoding`` (plain data); everything afterwards only applies it, so the numbers a
model sees in production are computed by the code that computed them in training. Who encodes more
than once keeps an ``Encoder``, which lays the encoding out for speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.model_package import EncodedColumn, Encoding, Field

Matrix = npt.NDArray[np.float32]
Values = npt.NDArray[Any]
_UNKNOWN_CODE = -1.0
_BLOCK_ROWS = 2048


def encode(table: pa.Table, encoding: Encoding) -> Matrix:
    """The float32 matrix ``(rows, columns)`` of a table that has every field of the encoding."""
    return Encoder(encoding).encode_table(table)


def encode_columns(columns: Mapping[str, Values], encoding: Encoding) -> Matrix:
    """As ``encode``, from decoded columns: float64 with NaN for null, or object with None."""
    return Encoder(encoding)(columns)


def from_arrow(column: pa.ChunkedArray) -> Values:
    """An Arrow column as float64 (null is NaN) or, for text, object (null is None)."""
    numbers = _numbers(column)
    if numbers is not None:
        return numbers
    text: Values = pc.cast(column, pa.string()).to_numpy(zero_copy_only=False)
    return text


def from_python(values: Sequence[object], field: Field) -> Values:
    """A list of Python values of one field as the array ``encode_columns`` takes."""
    if field.kind == "categorical":
        return np.asarray([None if v is None else str(v) for v in values], dtype=object)
    return np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)


class Encoder:
    """An encoding made ready to be applied many times.

    Number columns are computed together. Of a text column only the distinct values are looked at:
    each gives one small row (codes, indicators, missing), which is then copied to where it occurs.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._width = len(encoding.columns)
        self._numbers = [(i, c) for i, c in enumerate(encoding.columns) if c.how == "number"]
        self._positions = np.asarray([i for i, _ in self._numbers], dtype=np.intp)
        columns = [column for _, column in self._numbers]
        # A fill of NaN leaves NaN as it is.
        fills = [np.nan if column.fill is None else column.fill for column in columns]
        self._fills = np.asarray(fills, dtype=np.float64)
        self._shifts = np.asarray([column.shift for column in columns], dtype=np.float64)
        self._scales = np.asarray([column.scale for column in columns], dtype=np.float64)
        self._fills_nulls = not np.isnan(self._fills).all()
        self._rescales = bool(self._shifts.any() or (self._scales != 1.0).any())
        self._only_numbers = len(columns) == self._width
        self._others: dict[str, _FieldColumns] = {}
        for position, column in enumerate(encoding.columns):
            if column.how != "number":
                self._others.setdefault(column.field, _FieldColumns()).add(position, column)
        self._fields = {column.field for column in encoding.columns}

    def __call__(self, columns: Mapping[str, Values]) -> Matrix:
        """The matrix of decoded columns: float64 with NaN for null, or object with None."""
        rows = len(next(iter(columns.values()))) if columns else 0
        matrix = np.empty((rows, self._width), dtype=np.float32)
        self._encode_numbers(columns, matrix)
        for name, group in self._others.items():
            group.write(columns[name], matrix)
        return matrix

    def encode_table(self, table: pa.Table) -> Matrix:
        """The matrix of a table that has every field of the encoding."""
        matrix = np.empty((table.num_rows, self._width), dtype=np.float32)
        numeric = {c.field: from_arrow(table[c.field]) for _, c in self._numbers}
        self._encode_numbers(numeric, matrix)
        for name, group in self._others.items():
            if name in numeric or _numbers(table[name]) is not None:
                group.write(from_arrow(table[name]), matrix)
            else:
                group.write_text(pc.cast(table[name], pa.string()), matrix)
        return matrix

    def _encode_numbers(self, columns: Mapping[str, Values], matrix: Matrix) -> None:
        if not self._numbers:
            return
        given = [columns[column.field] for _, column in self._numbers]
        # Block by block, so that what is gathered is still in the processor's cache when it is used.
        block = np.empty((min(_BLOCK_ROWS, len(matrix)), len(given)), dtype=np.float64)
        for start in range(0, len(matrix), _BLOCK_ROWS):
            end = min(start + _BLOCK_ROWS, len(matrix))
            values = block[: end - start]
            for position, column in enumerate(given):
                values[:, position] = column[start:end]
            if self._fills_nulls:
                values = np.where(np.isnan(values), self._fills, values)
            if self._rescales:
                values = (values - self._shifts) / self._scales
            if self._only_numbers:
                matrix[start:end] = values
            else:
                matrix[start:end, self._positions] = values


class _FieldColumns:
    """The code, indicator and missing columns of one field."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._columns: list[EncodedColumn] = []
        self._codes: list[dict[object, float]] = []
        self._indicators: dict[object, list[int]] = {}

    def add(self, position: int, column: EncodedColumn) -> None:
        """Take in one more column of the matrix."""
        place = len(self._positions)
        self._positions.append(position)
        self._columns.append(column)
        codes: dict[object, float] = {level: float(i) for i, level in enumerate(column.levels)}
        codes[None] = np.nan if column.fill is None else column.fill
        self._codes.append(codes if column.how == "code" else {})
        if column.how == "indicator":
            self._indicators.setdefault(column.levels[0], []).append(place)

    def write(self, values: Values, matrix: Matrix) -> None:
        """Fill the field's columns from decoded values."""
        if values.dtype != object:
            for position, column in zip(self._positions, self._columns, strict=True):
                missing = column.how == "missing"
                matrix[:, position] = np.isnan(values) if missing else _of_numbers(values, column)
            return
        rows: dict[object, int] = {}
        which = [rows.setdefault(value, len(rows)) for value in values]
        matrix[:, self._positions] = self._rows(list(rows))[which]

    def write_text(self, column: pa.ChunkedArray, matrix: Matrix) -> None:
        """Fill the field's columns from an Arrow text column."""
        found = column.combine_chunks().dictionary_encode(null_encoding="encode")
        which = found.indices.to_numpy(zero_copy_only=False)
        matrix[:, self._positions] = self._rows(found.dictionary.to_pylist())[which]

    def _rows(self, values: list[Any]) -> npt.NDArray[np.float64]:
        rows = np.zeros((len(values), len(self._positions)), dtype=np.float64)
        for place, column in enumerate(self._columns):
            if column.how == "missing":
                rows[:, place] = [value is None for value in values]
            elif column.how == "code":
                codes = self._codes[place]
                rows[:, place] = [codes.get(value, _UNKNOWN_CODE) for value in values]
        for row, value in enumerate(values):
            for place in self._indicators.get(value, ()):
                rows[row, place] = 1.0
        return rows


def _of_numbers(values: Values, column: EncodedColumn) -> Values:
    """Code and indicator columns of a field whose values came as numbers: none is a level."""
    if column.how == "indicator":
        return np.zeros(len(values))
    null = np.nan if column.fill is None else column.fill
    return np.where(np.isnan(values), null, _UNKNOWN_CODE)


def _numbers(column: pa.ChunkedArray) -> Values | None:
    """A column of numbers or booleans as float64; None for any other."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        column, kind = pc.cast(column, pa.float64(), safe=False), pa.float64()
    if not pa.types.is_floating(kind):
        return None
    values: Values = column.to_numpy(zero_copy_only=False)
    return values.astype(np.float64, copy=False)
