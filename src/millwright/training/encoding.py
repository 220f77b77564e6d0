"""Fitting an encoding: what of each field becomes which column of the matrix.

The result is plain data that ``millwright.kernel.encoding.encode`` applies, in training as in
serving. Three styles, by what the model family can take:

- ``tree``: numbers as they are, NaN for null; categories as codes. For gradient boosting, which
  learns a direction for missing values.
- ``forest``: the same without NaN (medians, and columns that tell what was missing), because
  missing values in scikit-learn's forests do not survive the conversion to ONNX.
- ``linear``: numbers imputed and standardised, categories as indicators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.encoding import from_arrow
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import EncodedColumn, Encoding, Field

Style = Literal["tree", "forest", "linear"]
MAX_LEVELS = 255
MAX_INDICATORS = 30
FREQUENT_NULLS = 0.01
_NULL_CODE = -2.0


def fit_encoding(table: pa.Table, fields: tuple[Field, ...], style: Style) -> Encoding:
    """The encoding of ``fields`` learned from the rows of ``table``.

    Raises:
        InvalidInput: a field is not a column of the table, or no field has any value.
    """
    columns: list[EncodedColumn] = []
    for field in fields:
        if field.name not in table.column_names:
            guess = nearest(field.name, table.column_names)
            raise InvalidInput(
                "training.unknown_field",
                f"The field '{field.name}' is not a column of the training table.",
                hint=f"Did you mean '{guess}'?" if guess else None,
                value=field.name,
            )
        column = table[field.name]
        # A field that is null everywhere says nothing, and would be a column of NaN.
        if column.null_count < len(column):
            columns.extend(_fit_field(column, field, style))
    if not columns:
        raise InvalidInput(
            "training.no_fields",
            "There is no column to learn from.",
            hint="Every feature is empty or was left out; see data.ignore and the leakage report.",
        )
    return Encoding(columns=tuple(columns))


def _fit_field(column: pa.ChunkedArray, field: Field, style: Style) -> Iterator[EncodedColumn]:
    nulls = column.null_count / max(len(column), 1)
    if field.kind == "categorical":
        yield from _fit_category(column, field.name, style)
    elif style == "tree":
        yield EncodedColumn(field=field.name, how="number")
        return
    else:
        yield from _fit_number(column, field.name, style)
    if nulls >= FREQUENT_NULLS and (style == "linear" or field.kind != "categorical"):
        yield EncodedColumn(field=field.name, how="missing")


def _fit_number(column: pa.ChunkedArray, name: str, style: Style) -> Iterator[EncodedColumn]:
    values = from_arrow(column).astype(np.float64, copy=False)
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return
    median = float(np.median(known))
    if style == "forest":
        yield EncodedColumn(field=name, how="number", fill=median)
        return
    filled = np.where(np.isnan(values), median, values)
    filled = filled[np.isfinite(filled)]
    spread = float(filled.std())
    # The spread of a constant is not exactly zero in floating point; dividing by it makes noise.
    if spread > 1e-9 * max(1.0, abs(median)):
        yield EncodedColumn(
            field=name, how="number", fill=median, shift=float(filled.mean()), scale=spread
        )


def _fit_category(column: pa.ChunkedArray, name: str, style: Style) -> Iterator[EncodedColumn]:
    levels = frequent_levels(column, MAX_INDICATORS if style == "linear" else MAX_LEVELS)
    if style == "linear":
        for level in levels:
            yield EncodedColumn(field=name, how="indicator", levels=(level,))
        return
    fill = _NULL_CODE if style == "forest" else None
    yield EncodedColumn(field=name, how="code", levels=levels, fill=fill)


def frequent_levels(column: pa.ChunkedArray, most: int) -> tuple[str, ...]:
    """The values of a text column, the most frequent first, ties in order of the text."""
    counts = pc.value_counts(pc.drop_null(pc.cast(column, pa.string())))
    pairs = [(-int(entry["counts"]), str(entry["values"])) for entry in counts.to_pylist()]
    return tuple(level for _, level in sorted(pairs)[:most])
