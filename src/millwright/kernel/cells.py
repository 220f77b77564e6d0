"""Cells for the values of a column, chosen on the reference, and counts over them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.model_package import Kind
from millwright.kernel.record import Record

QUANTILE_BINS = 10
LEVEL_SHARE = 0.01
"""A level has a cell of its own from this share of the reference; rarer ones share one, because
the sample cannot tell a rare level from a new one."""
MAX_LEVELS = 30

Column: TypeAlias = "pa.Array | pa.ChunkedArray"


class Bins(Record):
    """The cells that values of one column fall into.

    Numeric: ``below | [low, e0] | (e0, e1] … (…, ek] | above | missing`` where the edges are
    quantiles of the reference, the last its largest value. Categorical and boolean: one cell per
    level in ``levels``, then ``other | missing``; ``other`` takes the rare levels of the reference
    and every new one.
    """

    kind: Kind
    low: float = 0.0
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.edges) + 3 if self.kind == "numeric" else len(self.levels) + 2

    @property
    def labels(self) -> tuple[str, ...]:
        """A readable name of each cell, in order."""
        if self.kind != "numeric":
            return (*self.levels, "other", "missing")
        names, start = [f"< {self.low:.6g}"], self.low
        for edge in self.edges:
            names.append(f"{start:.6g} to {edge:.6g}")
            start = edge
        return (*names, f"> {start:.6g}", "missing")


def numeric_bins(values: npt.NDArray[np.float64]) -> Bins:
    """Quantile bins of the finite values; tied quantiles merge, a constant keeps one cell."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return Bins(kind="numeric")
    steps = np.arange(1, QUANTILE_BINS) / QUANTILE_BINS
    # Observed values as edges, so that ties fall on one side of an edge for sure.
    inner = np.quantile(finite, steps, method="inverted_cdf")
    margin = _rounding_margin(finite)
    edges = np.unique(np.append(inner, finite.max())) + margin
    return Bins(kind="numeric", low=float(finite.min() - margin), edges=tuple(edges.tolist()))


def _rounding_margin(finite: npt.NDArray[np.float64]) -> float:
    # A score computed in float32 may differ in its last digits from the one in the reference; ties
    # at an edge must not change sides for that.
    largest = float(np.abs(finite).max())
    return 2e-7 * largest if largest < 1e300 else 0.0


def level_bins(column: Column, kind: Kind) -> Bins:
    """A cell for each level with at least ``LEVEL_SHARE`` of the rows, most frequent first."""
    values = level_values(column)
    levels = ordered_levels(values)
    least = max(LEVEL_SHARE * len(values), 1.0)
    kept = tuple(level for level, count in levels[:MAX_LEVELS] if count >= least)
    return Bins(kind=kind, levels=kept)


def ordered_levels(values: Column) -> list[tuple[str, int]]:
    """Levels and their counts, most frequent first, ties in the order of the text."""
    counted = pc.value_counts(values.drop_null())
    pairs = zip(
        counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True
    )
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def count_cells(column: Column, bins: Bins) -> npt.NDArray[np.int64]:
    """How many values fall into each cell of ``bins``, in its order."""
    return np.bincount(cells_of(column, bins), minlength=bins.cells).astype(np.int64)


def cells_of(column: Column, bins: Bins) -> npt.NDArray[np.int64]:
    """The cell that each row falls into, as its place in ``bins.labels``."""
    if bins.kind == "numeric":
        return _cells_of_numbers(numeric_values(column), bins)
    return _cells_of_levels(level_values(column), bins)


def _cells_of_numbers(values: npt.NDArray[np.float64], bins: Bins) -> npt.NDArray[np.int64]:
    edges = np.asarray(bins.edges, dtype=np.float64)
    cell = np.searchsorted(edges, values, side="left") + 1
    cell[values < bins.low] = 0
    cell[np.isnan(values)] = bins.cells - 1
    return cell


def _cells_of_levels(values: Column, bins: Bins) -> npt.NDArray[np.int64]:
    found = pc.index_in(values, value_set=pa.array(bins.levels, pa.string()))
    codes: npt.NDArray[np.int64]
    codes = pc.fill_null(found, len(bins.levels)).to_numpy().astype(np.int64)
    codes[values.is_null().to_numpy(zero_copy_only=False)] = bins.cells - 1
    return codes


def numeric_values(column: Column) -> npt.NDArray[np.float64]:
    """The column as floats with NaN where missing; text that is no number counts as missing."""
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array([_number(text) for text in column.to_pylist()], dtype=np.float64)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    column = column.cast(pa.float64(), safe=False)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return values


def level_values(column: Column) -> Column:
    """The column as text; booleans, also those logged as 0 and 1, become ``true``/``false``."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    return column.cast(pa.string())


def boolean_values(column: Column) -> Column:
    """The column as ``true``, ``false`` or null, whatever spelling it was logged in."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers = numeric_values(column)
        return pa.array(numbers != 0.0, mask=np.isnan(numbers)).cast(pa.string())
    text = pc.utf8_lower(level_values(column))
    truths = pa.array(["true", "1", "1.0"])
    falsehoods = pa.array(["false", "0", "0.0"])
    return pc.if_else(
        pc.is_in(text, value_set=truths),
        "true",
        pc.if_else(pc.is_in(text, value_set=falsehoods), "false", text),
    )


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else float("nan")
    except ValueError:
        return float("nan")
