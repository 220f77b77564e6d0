"""Dividing rows into named segments by the values of one column."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.encoding import from_arrow
from millwright.kernel.errors import InvalidInput, nearest

MAX_VALUES = 24
"""Numbers with at most this many distinct values are segments of their own; hours of a day are."""
MAX_LEVELS = 30
QUANTILES = 4
MISSING = "(missing)"
OTHER = "(other)"


@dataclass(frozen=True)
class Segments:
    """For each row the position of its segment in ``names``."""

    column: str
    positions: npt.NDArray[np.int64]
    names: tuple[str, ...]

    def masks(self) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """Each segment's name and rows."""
        return [(name, self.positions == i) for i, name in enumerate(self.names)]


def segments(table: pa.Table, column: str) -> Segments:
    """Divide the rows of a table by a column.

    Text: one segment per value, the rarest beyond thirty together. Numbers: one per value where
    there are few, else quarters by quantile. Nulls are a segment of their own.

    Raises:
        InvalidInput: there is no such column.
    """
    if column not in table.column_names:
        names = [name for name in table.column_names if not name.startswith("__")]
        guess = nearest(column, names)
        raise InvalidInput(
            "evaluation.unknown_column",
            f"There is no column '{column}' to divide the rows by.",
            hint=f"Did you mean '{guess}'?" if guess else f"Columns: {', '.join(names[:20])}.",
            value=column,
        )
    values = table[column]
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _by_number(column, from_arrow(values))
    return _by_text(column, pc.cast(values, pa.string()))


def _by_text(column: str, values: pa.ChunkedArray) -> Segments:
    counts = pc.value_counts(pc.drop_null(values)).to_pylist()
    ranked = sorted(counts, key=lambda entry: (-entry["counts"], entry["values"]))
    names = [str(entry["values"]) for entry in ranked[:MAX_LEVELS]]
    found = pc.index_in(values, value_set=pa.array(names, pa.string()))
    positions = pc.fill_null(found, len(names)).to_numpy().astype(np.int64)
    positions[pc.is_null(values).to_numpy()] = len(names) + 1
    return _occurring(column, positions, [*names, OTHER, MISSING])


def _by_number(column: str, values: npt.NDArray[np.float64]) -> Segments:
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    if len(distinct) <= MAX_VALUES:
        positions = np.searchsorted(distinct, values)
        names = _told_apart([f"{value:g}" for value in distinct], distinct)
    else:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, QUANTILES + 1)))
        positions = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
        shown = _told_apart([f"{edge:.4g}" for edge in edges], edges)
        names = [f"{low} to {high}" for low, high in itertools.pairwise(shown)]
    positions = np.where(np.isnan(values), len(names), positions).astype(np.int64)
    return _occurring(column, positions, [*names, MISSING])


def _told_apart(short: list[str], values: npt.NDArray[np.float64]) -> list[str]:
    """Numbers as short as they may be while no two read alike."""
    return short if len(set(short)) == len(short) else [repr(float(value)) for value in values]


def _occurring(column: str, positions: npt.NDArray[np.int64], names: list[str]) -> Segments:
    present, renumbered = np.unique(positions, return_inverse=True)
    return Segments(column, renumbered.astype(np.int64), tuple(names[i] for i in present))
