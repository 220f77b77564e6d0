"""One column as sketches: quantiles (KLL), frequent items, distinct values (HyperLogLog).

Sketches of two windows, days or segments merge into that of both, so history costs kilobytes and
any period can be a reference. The sketches are those of Apache DataSketches, in its own format.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from millwright.kernel.cells import Column
from millwright.kernel.errors import Unavailable
from millwright.monitoring.comparison.samples import (
    Levels,
    Numbers,
    is_numeric,
    levels_of,
    numbers_of,
)

QUANTILE_K = 310
"""KLL's parameter: quantiles to about 0.8 % of rank at 99 % confidence, in 7.5 kB."""
FREQUENT_LG = 11
"""At most 0.75 · 2¹¹ levels are held, merged ones included."""
MOST_LEVELS = 512
"""Of one table only the most frequent are, with exact counts; the sketch's own error would otherwise
be taken for drift. The others count together."""
DISTINCT_LG = 11
"""2¹¹ registers: distinct values to about 2.3 %."""
_POINTS = 2000

OTHERS = "\x00 all others"


class ColumnSketch(msgspec.Struct, frozen=True, tag_field="kind"):
    """What is kept of a column, whatever it holds."""

    rows: int
    missing: int
    distinct: bytes
    """HyperLogLog of whole numbers and levels; empty for other numbers."""


class NumbersSketch(ColumnSketch, frozen=True, tag="numbers"):
    """A column of numbers."""

    quantiles: bytes
    finite: int
    mean: float
    squares: float
    """Sum of squared distances from the mean."""
    low: int = 0
    """Rows that are −∞."""
    high: int = 0
    """Rows that are ∞."""

    def sample(self) -> Numbers:
        """Two thousand quantiles, standing for all rows."""
        sketch = library().kll_doubles_sketch.deserialize(self.quantiles)
        held = self.rows - self.missing
        ordered = np.empty(0)
        if self.finite:
            ranks = (np.arange(min(_POINTS, self.finite)) + 0.5) / min(_POINTS, self.finite)
            ordered = np.asarray(sketch.get_quantiles(ranks), dtype=np.float64)
        if held > self.finite:
            ends = [round(n / held * _POINTS) or int(n > 0) for n in (self.low, self.high)]
            ordered = np.concatenate([np.full(ends[0], -np.inf), ordered, np.full(ends[1], np.inf)])
        deviation = math.sqrt(self.squares / self.finite) if self.finite else 0.0
        return Numbers(ordered, self.rows, self.missing, known_deviation=deviation)


class LevelsSketch(ColumnSketch, frozen=True, tag="levels"):
    """A column of categories."""

    frequent: bytes
    text: bool = False

    def sample(self) -> Levels:
        """The levels held and their counts; what they leave out is the level ``OTHERS``."""
        counts = _counts(self.frequent)
        names = sorted(counts, key=lambda name: (-counts[name], name))
        numbers = [counts[name] for name in names]
        rest = self.rows - self.missing - sum(numbers)
        if rest > 0:
            names, numbers = [*names, OTHERS], [*numbers, rest]
        values = np.array(numbers, dtype=np.int64)
        return Levels(pa.array(names, pa.string()), values, self.rows, self.missing, self.text)

    def within(self, window: Levels) -> Levels:
        """A window's levels, those that this sketch may merely have dropped counted as others."""
        known = _counts(self.frequent)
        if sum(known.values()) >= self.rows - self.missing:
            return window
        held = np.array([str(name) in known for name in window.values.to_pylist()], dtype=bool)
        names = pa.concat_arrays(
            [window.values.filter(pa.array(held)).cast(pa.string()), pa.array([OTHERS])]
        )
        counts = np.append(window.counts[held], window.counts[~held].sum())
        return Levels(names, counts, window.rows, window.missing, window.text)


def sketch_column(column: Column) -> NumbersSketch | LevelsSketch:
    """One pass over a column."""
    if is_numeric(column.type):
        return _sketch_numbers(numbers_of(column), pa.types.is_integer(column.type))
    levels = levels_of(column)
    names = [str(name) for name in levels.values.to_pylist()]
    frequent = library().frequent_strings_sketch(FREQUENT_LG)
    for name, count in zip(names[:MOST_LEVELS], levels.counts.tolist(), strict=False):
        frequent.update(name, count)
    return LevelsSketch(
        rows=levels.rows,
        missing=levels.missing,
        distinct=_distinct(names),
        frequent=frequent.serialize(),
        text=levels.text,
    )


def merge_columns(
    left: NumbersSketch | LevelsSketch, right: NumbersSketch | LevelsSketch
) -> NumbersSketch | LevelsSketch:
    """The sketch of both columns' rows; raises ``TypeError`` where one holds numbers only."""
    made = library()
    rows, missing = left.rows + right.rows, left.missing + right.missing
    union = made.hll_union(DISTINCT_LG)
    for part in (left.distinct, right.distinct):
        if part:
            union.update(made.hll_sketch.deserialize(part))
    distinct = union.get_result().serialize_compact() if left.distinct or right.distinct else b""
    if isinstance(left, NumbersSketch) and isinstance(right, NumbersSketch):
        quantiles = made.kll_doubles_sketch.deserialize(left.quantiles)
        quantiles.merge(made.kll_doubles_sketch.deserialize(right.quantiles))
        finite = left.finite + right.finite
        gap, weight = right.mean - left.mean, right.finite / max(finite, 1)
        return NumbersSketch(
            rows=rows,
            missing=missing,
            distinct=distinct,
            quantiles=quantiles.serialize(),
            finite=finite,
            mean=left.mean + gap * weight,
            squares=left.squares + right.squares + gap * gap * left.finite * weight,
            low=left.low + right.low,
            high=left.high + right.high,
        )
    if isinstance(left, LevelsSketch) and isinstance(right, LevelsSketch):
        frequent = made.frequent_strings_sketch.deserialize(left.frequent)
        frequent.merge(made.frequent_strings_sketch.deserialize(right.frequent))
        return LevelsSketch(
            rows=rows,
            missing=missing,
            distinct=distinct,
            frequent=frequent.serialize(),
            text=left.text and right.text,
        )
    raise TypeError("numbers and categories do not merge")


def distinct_values(sketch: ColumnSketch) -> float | None:
    """About how many distinct values there are; None where they were not counted."""
    if not sketch.distinct:
        return None
    return float(library().hll_sketch.deserialize(sketch.distinct).get_estimate())


def library() -> Any:
    """Apache DataSketches.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import datasketches as found
    except ImportError as cause:
        raise Unavailable(
            "monitoring.no_datasketches",
            "Profiles of tables need Apache DataSketches, which is not installed.",
            hint='Install it with: pip install "millwright[sketches]"',
        ) from cause
    return found


def _sketch_numbers(numbers: Numbers, whole: bool) -> NumbersSketch:
    values, ordered = numbers.finite, numbers.ordered
    sketch = library().kll_doubles_sketch(QUANTILE_K)
    if values.size:
        sketch.update(values)
    low = int(np.searchsorted(ordered, -np.inf, side="right"))
    return NumbersSketch(
        rows=numbers.rows,
        missing=numbers.missing,
        distinct=_distinct(_unique(values)) if whole else b"",
        quantiles=sketch.serialize(),
        finite=values.size,
        mean=numbers.mean,
        squares=numbers.deviation**2 * values.size,
        low=low,
        high=ordered.size - values.size - low,
    )


def _unique(ordered: np.ndarray[Any, np.dtype[np.float64]]) -> list[int]:
    if ordered.size == 0:
        return []
    fresh = np.append(True, ordered[1:] != ordered[:-1])
    found: list[int] = ordered[fresh].astype(np.int64).tolist()
    return found


def _distinct(values: list[Any]) -> bytes:
    sketch = library().hll_sketch(DISTINCT_LG)
    for value in values:
        sketch.update(value)
    content: bytes = sketch.serialize_compact()
    return content


def _counts(content: bytes) -> dict[str, int]:
    made = library()
    kind = made.frequent_items_error_type.NO_FALSE_NEGATIVES
    items = made.frequent_strings_sketch.deserialize(content).get_frequent_items(kind)
    return {str(item[0]): int(item[2]) for item in items}
