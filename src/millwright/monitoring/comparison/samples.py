"""One column of a table, prepared once for every statistic: sorted numbers, or counted levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import Column, level_values, numeric_values
from millwright.monitoring.statistics.binning import edges_of
from millwright.monitoring.statistics.merged import finite_part, sorted_values
from millwright.monitoring.statistics.special import Floats

Ints = npt.NDArray[np.int64]
Kind = Literal["numeric", "categorical", "text", "embedding", "unsupported"]
TEXT_DISTINCT_SHARE = 0.5
"""Strings are text where more than this share of the values is distinct."""
_TEXT_LENGTH = 30
"""… and they are long on average; short distinct strings are identifiers."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Attributes:
        ordered: the values without NaN, ascending, infinities at the ends.
        rows: rows of the column, missing ones included.
        missing: rows without a value.
        whole: whether its type is an integer.
        known_deviation: where ``ordered`` stands for more rows than it holds: theirs.
    """

    ordered: Floats
    rows: int
    missing: int
    whole: bool = False
    known_deviation: float | None = None

    @property
    def held(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @cached_property
    def finite(self) -> Floats:
        """The finite values, ascending."""
        return finite_part(self.ordered)

    @cached_property
    def mean(self) -> float:
        """Their mean; 0 where there is none."""
        return float(self.finite.mean()) if self.finite.size else 0.0

    @cached_property
    def deviation(self) -> float:
        """Their standard deviation (of a population); 0 where there is none."""
        if self.known_deviation is not None:
            return self.known_deviation
        if self.finite.size == 0 or self.finite[0] == self.finite[-1]:
            return 0.0
        off = self.finite - self.mean
        return float(np.sqrt(np.einsum("i,i->", off, off) / off.size))

    @cached_property
    def deciles(self) -> Floats:
        """Observed values at the tenths, ties merged."""
        return edges_of(self.finite, "quantile")

    @cached_property
    def distinct(self) -> int:
        """How many different values there are."""
        return count_distinct(self.ordered)


@dataclass(frozen=True)
class Levels:
    """A column of categories, text or truth values: its distinct values and how often they occur.

    Attributes:
        values: distinct values as text, most frequent first.
        counts: rows of each.
        rows: rows of the column, missing ones included.
        missing: rows without a value.
        text: whether most values are distinct and long.
    """

    values: pa.Array
    counts: Ints
    rows: int
    missing: int
    text: bool = False

    @property
    def held(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing


Sample: TypeAlias = Numbers | Levels


def count_distinct(ordered: Floats) -> int:
    """How many different values a sorted array has."""
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if ordered.size else 0


def is_numeric(kind: pa.DataType) -> bool:
    """Whether values of this type are compared as numbers; times are numbers of their unit."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_temporal(kind)
    )


def sample_of(column: Column) -> Sample:
    """Prepare a column: sorted once, or counted once."""
    kind = column.type
    if is_numeric(kind):
        return numbers_of(column)
    return levels_of(column)


def numbers_of(column: Column) -> Numbers:
    """A column as sorted numbers; text that is no number counts as missing."""
    kind = column.type
    if pa.types.is_temporal(kind):
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64(), safe=False)
    ordered = sorted_values(numeric_values(column))
    rows = len(column)
    whole = bool(pa.types.is_integer(kind)) and column.null_count == 0
    return Numbers(ordered, rows, rows - ordered.size, whole)


def levels_of(column: Column) -> Levels:
    """A column as counted levels, most frequent first."""
    values = level_values(column)
    counted = pc.value_counts(values.drop_null())
    names, counts = counted.field("values"), counted.field("counts").to_numpy()
    order = np.argsort(-counts, kind="stable")
    names, counts = names.take(pa.array(order)), counts[order].astype(np.int64)
    held = int(counts.sum())
    text = (
        held > 0 and len(names) > TEXT_DISTINCT_SHARE * held and _mean_length(names) > _TEXT_LENGTH
    )
    return Levels(names, counts, len(column), len(column) - held, text)


def aligned(left: Levels, right: Levels) -> tuple[pa.Array, Ints, Ints]:
    """The union of both sides' levels, the left's first, with the counts of each side."""
    if len(left.values) and len(right.values):
        found = pc.index_in(right.values, value_set=left.values)
        known = found.is_valid().to_numpy(zero_copy_only=False)
        places = found.fill_null(0).to_numpy()
    else:
        known = np.zeros(len(right.values), dtype=bool)
        places = np.zeros(len(right.values), dtype=np.int64)
    new = np.flatnonzero(~known)
    names = pa.concat_arrays([left.values, right.values.take(pa.array(new))])
    then = np.concatenate([left.counts, np.zeros(new.size, dtype=np.int64)])
    now = np.zeros(len(names), dtype=np.int64)
    now[places[known]] = right.counts[known]
    now[len(left.values) :] = right.counts[new]
    return names, then, now


def _mean_length(names: pa.Array) -> float:
    return float(pc.mean(pc.utf8_length(names.slice(0, 1000))).as_py() or 0.0)
