"""Whether rows are like those that something was learnt from, input by input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from millwright.kernel.cells import numeric_values
from millwright.kernel.effect_sizes import total_variation
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.comparison.samples import (
    Levels,
    Numbers,
    Sample,
    aligned,
    is_numeric,
    levels_of,
    numbers_of,
    sample_of,
)
from millwright.monitoring.statistics.merged import distances
from millwright.monitoring.statistics.special import Floats

MOST_MOVED = 0.6
"""From here on an input has moved too far for an estimate to be believed."""
_CHECKED_ROWS = 20_000


class KnownInputs:
    """The inputs of labelled rows, and how far those of a window have moved from them."""

    def __init__(self, reference: pa.Table, names: Sequence[str]) -> None:
        """``names``: of the inputs; nested columns and times are left out."""
        self._known = {
            name: sample_of(reference[name])
            for name in names
            if not pa.types.is_nested(reference[name].type)
            and not pa.types.is_temporal(reference[name].type)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs that are compared."""
        return tuple(self._known)

    def most_moved(self, window: pa.Table) -> tuple[str, float]:
        """The input that moved most, and how far, in 0..1: Kolmogorov–Smirnov or total variation."""
        if window.num_rows > _CHECKED_ROWS:
            window = window.take(
                pa.array(np.linspace(0, window.num_rows - 1, _CHECKED_ROWS).astype(np.int64))
            )
        most = ("", 0.0)
        for name, known in self._known.items():
            if name in window.column_names:
                gap = _distance(known, window[name])
                most = (name, gap) if gap > most[1] else most
        return most


def why_not(rows: int, moved: tuple[str, float]) -> str:
    """A sentence where nothing can be estimated of a window; empty where it can."""
    if not rows:
        return "No row has a prediction."
    if moved[1] < MOST_MOVED:
        return ""
    return (
        f"Not estimable: '{moved[0]}' has moved by {moved[1]:.2f} (0 is equal, 1 is nothing"
        f" in common), so most rows lie where the labelled reference has few."
    )


def numbers(table: pa.Table, name: str) -> Floats:
    """A column's values, NaN where missing.

    Raises:
        InvalidInput: there is no such column.
    """
    if name not in table.column_names:
        raise InvalidInput(
            "monitoring.unknown_column",
            f"There is no column '{name}'.",
            hint=f"The table has: {', '.join(table.column_names[:20])}.",
            value=name,
        )
    return numeric_values(table[name])


def _distance(known: Sample, column: pa.ChunkedArray) -> float:
    if isinstance(known, Numbers):
        if not is_numeric(column.type):
            return 0.0
        return distances(known.ordered, numbers_of(column).ordered).largest
    levels: Levels = levels_of(column)
    if known.text or len(known.values) > 0.5 * known.held:
        return 0.0
    _, then, now = aligned(known, levels)
    return total_variation(then, now)
