"""Rows to matrix: the one implementation that training, registry and serving share.

Training fits an ``Encoding`` (plain data); everything afterwards only applies it, so the numbers a
model sees in production are computed by the code that computed them in training.
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


def encode(table: pa.Table, encoding: Encoding) -> Matrix:
    """The float32 matrix ``(rows, columns)`` of a table that has every field of the encoding."""
    fields = {column.field for column in encoding.columns}
    return encode_columns({name: from_arrow(table[name]) for name in fields}, encoding)


def encode_columns(columns: Mapping[str, Values], encoding: Encoding) -> Matrix:
    """As ``encode``, from decoded columns: float64 with NaN for null, or object with None."""
    rows = len(next(iter(columns.values()))) if columns else 0
    matrix = np.empty((rows, len(encoding.columns)), dtype=np.float32)
    for position, column in enumerate(encoding.columns):
        matrix[:, position] = _encode_one(columns[column.field], column)
    return matrix


def from_arrow(column: pa.ChunkedArray) -> Values:
    """An Arrow column as float64 (null is NaN) or, for text, object (null is None)."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        column, kind = pc.cast(column, pa.float64(), safe=False), pa.float64()
    if pa.types.is_floating(kind):
        values: Values = column.to_numpy(zero_copy_only=False)
        return values.astype(np.float64, copy=False)
    text: Values = np.asarray(pc.cast(column, pa.string()).to_pylist(), dtype=object)
    return text


def from_python(values: Sequence[object], field: Field) -> Values:
    """A list of Python values of one field as the array ``encode_columns`` takes."""
    if field.kind == "categorical":
        return np.asarray([None if v is None else str(v) for v in values], dtype=object)
    return np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)


def _encode_one(values: Values, column: EncodedColumn) -> Values:
    if column.how == "number":
        numbers = values.astype(np.float64, copy=False)
        if column.fill is not None:
            numbers = np.where(np.isnan(numbers), column.fill, numbers)
        return (numbers - column.shift) / column.scale
    if column.how == "missing":
        if values.dtype == object:
            return np.asarray([value is None for value in values], dtype=np.float64)
        return np.isnan(values).astype(np.float64)
    if column.how == "indicator":
        return (values == column.levels[0]).astype(np.float64)
    codes: dict[object, float] = {level: float(i) for i, level in enumerate(column.levels)}
    codes[None] = np.nan
    return np.asarray([codes.get(value, -1.0) for value in values], dtype=np.float64)
