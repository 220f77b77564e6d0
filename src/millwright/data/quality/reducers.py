"""What is remembered of a scan: reducers take the columns of each batch and keep little.

A reducer names the SQL of the columns that it wants (``wants``) and is fed their values, batch
after batch, with the number of the batch's first row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.spool import SIGN, Spool, floats, sortable

Rows = npt.NDArray[np.int64]
MOST_DISTINCT: Final = 1_000_000
"""Distinct values that are counted one by one; more are an error, not a guess."""


class Reducer(Protocol):
    """Something that is fed with batches."""

    wants: tuple[str, ...]

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """Take the wanted columns of the next batch, whose first row has that number."""


class BrokenRows:
    """Rows that break a check: all counted and marked, the first ``limit`` kept by number."""

    def __init__(self, limit: int) -> None:
        self.count = 0
        self.limit = limit
        self._kept: list[Rows] = []
        self._size = 0
        self._highest = -1
        self.marks: npt.NDArray[np.uint8] | None = None
        """One bit per row of the table, shared by all checks of a scan."""

    def add(self, rows: Rows) -> None:
        """Take the numbers of more rows, counted from 0 and rising; later ones may be lower."""
        self.count += len(rows)
        if self.marks is not None and len(rows):
            bits = np.left_shift(np.uint8(1), (rows & 7).astype(np.uint8))
            np.bitwise_or.at(self.marks, rows >> 3, bits)
        if len(rows) and (self._size < self.limit or rows[0] < self._highest):
            kept = rows[: self.limit]
            self._kept.append(kept)
            self._size += len(kept)
            self._highest = max(self._highest, int(rows[-1]))

    @property
    def rows(self) -> Rows:
        """The numbers that were kept, rising."""
        if not self._kept:
            return np.empty(0, np.int64)
        rows = np.concatenate(self._kept)
        if not (rows[1:] > rows[:-1]).all():
            rows.sort()
        return rows[: self.limit]


class Flags:
    """A boolean: true where a row breaks a check, null where it does not count."""

    def __init__(self, sql: str, broken: BrokenRows) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.broken = broken
        self.counted = 0

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        flags = columns[0]
        self.counted += len(flags) - flags.null_count
        if flags.true_count:
            self.broken.add(pc.indices_nonzero(flags).to_numpy().astype(np.int64) + first)


class Judged:
    """A judgement in Python, on each distinct value of a batch once."""

    def __init__(self, sql: str, holds: Callable[[Any], bool], broken: BrokenRows) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.broken = broken
        self.counted = 0
        self._holds = holds

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        self.counted += len(values) - values.null_count
        encoded = values.dictionary_encode()
        broken = [not self._holds(value) for value in encoded.dictionary.to_pylist()]
        if any(broken):
            flags = pa.array(broken).take(encoded.indices)
            self.broken.add(pc.indices_nonzero(flags).to_numpy().astype(np.int64) + first)


class Neighbours:
    """Whether each value is on the right side of the one before it; missing ones are skipped."""

    def __init__(self, sql: str, rising: bool, strictly: bool, broken: BrokenRows) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.broken = broken
        self.counted = 0
        self._wrong = {
            (True, True): pc.less_equal,
            (True, False): pc.less,
            (False, True): pc.greater_equal,
            (False, False): pc.greater,
        }[rising, strictly]
        self._last: pa.Array | None = None

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        places = pc.indices_nonzero(pc.is_valid(values)).to_numpy().astype(np.int64) + first
        known = values.drop_null()
        self.counted += len(known)
        if len(known) == 0:
            return
        if self._last is None:
            chain, places = known, places[1:]
        else:
            chain = pa.concat_arrays([self._last, known])
        self._last = known.slice(len(known) - 1)
        wrong = self._wrong(chain.slice(1), chain.slice(0, len(chain) - 1))
        self.broken.add(places[wrong.to_numpy(zero_copy_only=False)])


class Range:
    """How many values there are, the least and the greatest."""

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.count = 0
        self.least: Any = None
        self.greatest: Any = None

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        known = len(values) - values.null_count
        if known == 0:
            return
        self.count += known
        bounds = pc.min_max(values).as_py()
        least, greatest = bounds["min"], bounds["max"]
        self.least = least if self.least is None else min(self.least, least)
        self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)


class Total:
    """How many numbers there are, and their sum: exact where they are whole."""

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.count = 0
        self.total: Any = 0

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        known = len(values) - values.null_count
        if known == 0:
            return
        self.count += known
        if pa.types.is_integer(values.type):
            whole = values.drop_null().to_numpy()
            # In two halves, as 64 bits do not hold the sum of many large numbers.
            self.total += int((whole >> 32).sum()) * 2**32 + int((whole & 0xFFFFFFFF).sum())
        else:
            self.total += pc.sum(pc.cast(values, pa.float64(), safe=False)).as_py()

    @property
    def mean(self) -> float | None:
        """None for no numbers."""
        return self.total / self.count if self.count else None


class Moments:
    """Count, mean and variance, merged batch by batch (Chan et al. 1979)."""

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        known = len(values) - values.null_count
        if known == 0:
            return
        part = pc.cast(values, pa.float64(), safe=False)
        mean = pc.mean(part).as_py()
        squares = pc.variance(part).as_py() * known
        together = self.count + known
        distance = mean - self.mean
        self._squares += squares + distance**2 * self.count * known / together
        self.mean += distance * known / together
        self.count = together

    @property
    def deviation(self) -> float | None:
        """Standard deviation of a sample; None for fewer than two values."""
        if self.count < 2:
            return None
        return float((self._squares / (self.count - 1)) ** 0.5)


class Hashes:
    """A 64-bit number for each value, for exact counts of distinct and repeated ones.

    Whole numbers are themselves, others come as hashes. Two different values share a hash once in about 2⁶⁴ pairs: a false repetition among 5 million
    values has a probability below one in a million.
    """

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.rows = 0
        self._spool = Spool()
        self._missing: list[Rows] = []
        self._found: tuple[int, npt.NDArray[np.uint64]] | None = None

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        self.rows += len(values)
        if values.null_count:
            gaps = pc.indices_nonzero(pc.is_null(values)).to_numpy().astype(np.int64)
            self._missing.append(gaps + first)
            values = values.drop_null()
        # Copied, as an array of Arrow's would keep its whole batch.
        numbers = values.to_numpy(zero_copy_only=False).astype(
            np.uint64 if pa.types.is_unsigned_integer(values.type) else np.int64
        )
        self._spool.add(numbers if numbers.dtype == np.uint64 else numbers.view(np.uint64) ^ SIGN)

    @property
    def count(self) -> int:
        """Rows with a value."""
        return self._spool.count

    def parts(self) -> Any:
        """The hashes again, in order, in parts."""
        return self._spool.parts()

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return self._result()[0]

    def repeated_rows(self, first_may_stay: bool, broken: BrokenRows) -> None:
        """Give ``broken`` every row whose value repeats; with ``first_may_stay``, all but one."""
        repeated = self._result()[1]
        if len(repeated) == 0:
            return
        gaps = np.concatenate(self._missing) if self._missing else np.empty(0, np.int64)
        seen: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        at = 0
        for part in self._spool.parts():
            places = np.flatnonzero(np.isin(part, repeated))
            if first_may_stay:
                values = part[places]
                _, firsts = np.unique(values, return_index=True)
                new = np.zeros(len(values), bool)
                new[firsts] = True
                new &= ~np.isin(values, seen)
                seen = np.union1d(seen, values)
                places = places[~new]
            broken.add(_with_gaps(places.astype(np.int64) + at, gaps))
            at += len(part)

    def _result(self) -> tuple[int, npt.NDArray[np.uint64]]:
        if self._found is None:
            self._found = self._spool.repeated()
        return self._found


def _with_gaps(places: Rows, gaps: Rows) -> Rows:
    """Places among the rows that have a value, as row numbers."""
    if len(gaps) == 0:
        return places
    # The i-th gap stands after gaps[i] - i rows with a value.
    shifted = gaps - np.arange(len(gaps))
    rows: Rows = places + np.searchsorted(shifted, places, side="right")
    return rows


class Numbers:
    """Every number, for ranks and for judgements that need the whole before they can judge."""

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self._spool = Spool()
        self._missing: list[Rows] = []

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        values = columns[0]
        if values.null_count:
            gaps = pc.indices_nonzero(pc.is_null(values)).to_numpy().astype(np.int64)
            self._missing.append(gaps + first)
            values = values.drop_null()
        numbers = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        self._spool.add(sortable(np.ascontiguousarray(numbers + 0.0)))

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return self._spool.count

    def ranked(self, ranks: list[int]) -> list[float]:
        """The numbers of these ranks, counted from 0 in ascending order."""
        found = self._spool.ranked(ranks)
        return [float(number) for number in floats(np.array(found, dtype=np.uint64))]

    def quantile(self, share: float) -> float | None:
        """A quantile, linear between neighbours (Hyndman & Fan's type 7)."""
        if self.count == 0:
            return None
        place = share * (self.count - 1)
        low = int(place)
        left, right = self.ranked([low, min(low + 1, self.count - 1)])
        return left + (right - left) * (place - low)

    def parts(self) -> Any:
        """The numbers again, in order, in parts of floats."""
        return (floats(part) for part in self._spool.parts())

    def rows_where(
        self, wrong: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]], broken: BrokenRows
    ) -> None:
        """Give ``broken`` every row whose number is wrong."""
        gaps = np.concatenate(self._missing) if self._missing else np.empty(0, np.int64)
        at = 0
        for part in self.parts():
            places = np.flatnonzero(wrong(part)).astype(np.int64) + at
            broken.add(_with_gaps(places, gaps))
            at += len(part)


class Counts:
    """Each distinct value and how often it occurs."""

    def __init__(self, sql: str) -> None:
        self.wants: tuple[str, ...] = (sql,)
        self.counts: Counter[Any] = Counter()
        self.too_many = False

    def feed(self, columns: Sequence[pa.Array], first: int) -> None:
        """See ``Reducer``."""
        if self.too_many:
            return
        counted = pc.value_counts(columns[0].drop_null())
        values, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
        for value, count in zip(values, counts, strict=True):
            self.counts[value] += count
        self.too_many = len(self.counts) > MOST_DISTINCT
