"""The answer to be learned, in one of two forms: a class label or a number."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import InvalidInput

MAX_INTEGER_CLASSES: Final = 10
"""Whole numbers with at most this many distinct values, 0 or 1 upwards, are class numbers."""


def target_values(column: pa.ChunkedArray, name: str = "target") -> pa.ChunkedArray:
    """The target as class labels (string) or as numbers (float64); nulls stay null.

    Booleans become ``"false"`` and ``"true"``. Whole numbers that count up from 0 or 1 without a
    gap, to at most ten values (0/1, 1..5), become ``"0"``, ``"1"``, …; so do floats that hold
    only such numbers. Other numbers are measured quantities. Text stays as it is.

    Raises:
        InvalidInput: the column holds times, bytes or nested values.

    >>> target_values(pa.chunked_array([[True, None, False]])).to_pylist()
    ['true', None, 'false']
    >>> target_values(pa.chunked_array([[0, 1, 1]])).to_pylist()
    ['0', '1', '1']
    >>> target_values(pa.chunked_array([[10, 250]])).to_pylist()
    [10.0, 250.0]
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return pc.cast(column, pa.string())
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise InvalidInput(
            "features.target_type",
            f"Target '{name}' holds {kind}, which is neither a class nor a number.",
            hint="Name a column of text, booleans or numbers as data.target.",
            value=name,
        )
    numbers = pc.cast(column, pa.float64(), safe=False)
    if _are_classes(numbers):
        return pc.cast(pc.cast(numbers, pa.int64()), pa.string())
    return numbers


def _are_classes(numbers: pa.ChunkedArray) -> bool:
    distinct = sorted(value for value in numbers.unique().to_pylist() if value is not None)
    if not 2 <= len(distinct) <= MAX_INTEGER_CLASSES or distinct[0] not in (0.0, 1.0):
        return False
    return distinct == [distinct[0] + step for step in range(len(distinct))]
