"""Rows to matrix without building arrays per column: the fast path for requests of few rows.

It computes exactly what ``kernel.encoding.Encoder`` computes (a property test holds the two
together) and hands larger requests to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from millwright.kernel.encoding import Encoder, Matrix, from_python
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import EncodedColumn, Encoding, Field
from millwright.serving.signature import Rows

FEW_ROWS = 16
"""Up to so many rows this way is the faster one."""
_NUMBER, _CODE, _INDICATOR, _MISSING = range(4)
_NAN = float("nan")


class RowEncoder:
    """An encoding compiled against the field order of one endpoint."""

    def __init__(self, encoding: Encoding, fields: Sequence[Field]) -> None:
        """Compile ``encoding``, whose fields are found by name among ``fields``."""
        positions = {field.name: index for index, field in enumerate(fields)}
        self._encoding = encoding
        self._many_encoder = Encoder(encoding)
        self._fields = [
            (positions[name], fields[positions[name]])
            for name in dict.fromkeys(column.field for column in encoding.columns)
        ]
        self._plan = [_step(column, positions[column.field]) for column in encoding.columns]
        self._straight = [step[:2] for step in self._plan] == [
            (_NUMBER, position) for position in range(len(fields))
        ]
        numbers = [column.how == "number" for column in encoding.columns]
        # Only "number" columns are scaled; the others pass through (x - 0) / 1 unchanged.
        self._shift = np.asarray(
            [c.shift if n else 0.0 for c, n in zip(encoding.columns, numbers, strict=True)]
        )
        self._scale = np.asarray(
            [c.scale if n else 1.0 for c, n in zip(encoding.columns, numbers, strict=True)]
        )

        self._scales = bool(self._shift.any() or (self._scale != 1.0).any())

    def encode(self, rows: Rows) -> Matrix:
        """The float32 matrix of these rows.

        Raises:
            InvalidInput: a number is too large for the model's 32-bit arithmetic.
        """
        if rows.count <= FEW_ROWS:
            return self.scaled(self.plain(rows))
        with np.errstate(over="ignore"):
            return self._finite(self._many(rows))

    def plain(self, rows: Rows) -> list[list[float]]:
        """Each row as numbers that are not scaled yet: what ``scaled`` takes."""
        listed = [rows.values] if rows.count == 1 else [rows.row(i) for i in range(rows.count)]
        if self._straight and None not in rows.values:
            return listed
        return [self._row(values) for values in listed]

    def scaled(self, plain: list[list[float]]) -> Matrix:
        """The float32 matrix of such rows; raises as ``encode`` does."""
        matrix = np.asarray(plain, dtype=np.float64).reshape(len(plain), len(self._plan))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            if self._scales:
                matrix = (matrix - self._shift) / self._scale
            return self._finite(matrix.astype(np.float32))

    def _finite(self, matrix: Matrix) -> Matrix:
        if np.isinf(matrix).any():
            raise self._too_large(matrix)
        return matrix

    def _row(self, values: Sequence[Any]) -> list[float]:
        row = []
        for how, position, null, levels in self._plan:
            value = values[position]
            if how == _NUMBER:
                row.append(null if value is None else value)
            elif how == _CODE:
                row.append(null if value is None else levels.get(value, -1.0))
            elif how == _INDICATOR:
                row.append(1.0 if value in levels else 0.0)
            else:
                row.append(1.0 if value is None else 0.0)
        return row

    def _many(self, rows: Rows) -> Matrix:
        columns = {
            field.name: from_python(rows.column(position), field)
            for position, field in self._fields
        }
        return self._many_encoder(columns)

    def _too_large(self, matrix: Matrix) -> InvalidInput:
        row, column = (int(part) for part in np.argwhere(np.isinf(matrix))[0])
        name = self._encoding.columns[column].field
        return InvalidInput(
            "serving.too_large",
            f"Tensor '{name}', row {row}: expected a number within the range of FP32, "
            "got a larger one.",
        )


def _step(column: EncodedColumn, position: int) -> tuple[int, int, float, dict[str, float]]:
    if column.how == "number":
        return _NUMBER, position, _NAN if column.fill is None else column.fill, {}
    if column.how == "code":
        null = _NAN if column.fill is None else column.fill
        return _CODE, position, null, {level: float(i) for i, level in enumerate(column.levels)}
    if column.how == "indicator":
        return _INDICATOR, position, 0.0, {column.levels[0]: 1.0}
    return _MISSING, position, 1.0, {}
