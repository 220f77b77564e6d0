"""What is remembered of one column while a table streams by.

Each survey takes the column's values batch by batch and offers a 64-bit number per row, from which
whole rows are told apart; where a key tells them apart already, nobody takes the offer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.distinct_values import DistinctValues, mixed
from millwright.data.quality.hashing import (
    MISSING,
    Bits,
    as_text,
    fixed_width,
    known_rows,
    text_bits,
    with_missing,
)

RowBits = Callable[[], Bits]
"""The rows of a batch as numbers, made when they are asked for."""
SPAN: Final = 1 << 16
"""Whole numbers in a range no longer than this are counted one by one."""
MOST_TALLIED: Final = 20_000
"""Different texts that are counted one by one."""
_WORTH_NUMBERING: Final = 4
"""Texts that occur so often on average in the first batch are numbered before they are counted."""


class ColumnSurvey(Protocol):
    """What is remembered of a column."""

    nulls: int

    def add(self, values: pa.Array) -> RowBits | None:
        """Take the next values; the rows as numbers, or None where they cannot be compared."""

    @property
    def distinct(self) -> int:
        """How many values differ."""

    @property
    def estimated(self) -> bool:
        """Whether that is an estimate."""


class Moments:
    """Count, mean, deviation and range of finite numbers.

    Sums are of distances from the mean of the first batch, so that little is lost to rounding where
    numbers are large and close together (Chan, Golub & LeVeque 1983).
    """

    def __init__(self) -> None:
        self.count = 0
        self.least = np.inf
        self.greatest = -np.inf
        self._origin = 0.0
        self._distances = 0.0
        self._squares = 0.0

    def add(self, numbers: npt.NDArray[np.float64], least: float, greatest: float) -> None:
        """Take more numbers, all of them finite, and the least and greatest of them."""
        if len(numbers) == 0:
            return
        self.least = min(self.least, float(least))
        self.greatest = max(self.greatest, float(greatest))
        # Values near the ends of the float range may overflow; they have no deviation to speak of.
        with np.errstate(over="ignore", invalid="ignore"):
            if self.count == 0:
                self._origin = float(numbers.mean())
            distances = numbers - self._origin
            self._distances += float(distances.sum())
            # Not by BLAS, whose threads would wait for one another longer than this takes.
            self._squares += float(np.einsum("i,i->", distances, distances))
        self.count += len(numbers)

    def take_counts(self, numbers: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
        """Take a whole column at once: the numbers that differ, ascending, and how often each is."""
        if len(numbers) == 0:
            return
        self.count = int(counts.sum())
        self.least, self.greatest = float(numbers[0]), float(numbers[-1])
        self._origin = float((numbers * counts).sum()) / self.count
        self._squares = float(((numbers - self._origin) ** 2 * counts).sum())

    @property
    def mean(self) -> float | None:
        """The mean; None where it overflows."""
        if self.count == 0:
            return None
        found = self._origin + self._distances / self.count
        return found if np.isfinite(found) else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the population; None where it overflows."""
        if self.count == 0:
            return None
        variance = self._squares / self.count - (self._distances / self.count) ** 2
        return max(variance, 0.0) ** 0.5 if np.isfinite(variance) else None


class Floats:
    """Floating-point numbers."""

    def __init__(self, most_kept: int) -> None:
        self.nulls = 0
        self.moments = Moments()
        self._values = DistinctValues(most_kept)

    def add(self, values: pa.Array) -> RowBits:
        """See ``ColumnSurvey``."""
        self.nulls += values.null_count
        if not pa.types.is_float64(values.type):
            values = pc.cast(values, pa.float64(), safe=False)
        numbers, known = fixed_width(values, np.float64), known_rows(values)
        some = numbers if known is None else numbers[known]
        least, greatest = (some.min(), some.max()) if len(some) else (1.0, 1.0)
        if not (least > 0 or greatest < 0):
            # Zero and minus zero are one value.
            numbers, some = numbers + 0.0, some + 0.0
        self._values.add(mixed(some.view(np.uint64)))
        with np.errstate(over="ignore", invalid="ignore"):
            finite = np.isfinite(least + greatest)
        if not finite:
            some = some[np.isfinite(some)]
            least, greatest = (some.min(), some.max()) if len(some) else (0.0, 0.0)
        self.moments.add(some, least, greatest)
        return lambda: with_missing(numbers.view(np.uint64), known)

    @property
    def distinct(self) -> int:
        """See ``ColumnSurvey``."""
        return self._values.distinct

    @property
    def estimated(self) -> bool:
        """See ``ColumnSurvey``."""
        return self._values.estimated


class WholeNumbers:
    """Whole numbers, and moments as whole numbers; ``bounds`` where they are known beforehand."""

    def __init__(self, most_kept: int, bounds: tuple[int, int] | None) -> None:
        self.nulls = 0
        self.moments = Moments()
        self.rising = True
        """Whether each value is greater than the one before: then none repeats."""
        self.by_one = True
        """Whether each is the one before and one."""
        self._last: int | None = None
        self._values = DistinctValues(most_kept)
        self._tally: npt.NDArray[np.int64] | None = None
        self._low = 0
        if bounds is not None and bounds[1] - bounds[0] < SPAN:
            self._low = bounds[0]
            self._tally = np.zeros(bounds[1] - bounds[0] + 1, np.int64)

    def add(self, values: pa.Array) -> RowBits:
        """See ``ColumnSurvey``."""
        self.nulls += values.null_count
        if not pa.types.is_int64(values.type):
            values = pc.cast(values, pa.int64(), safe=False)
        numbers, known = fixed_width(values, np.int64), known_rows(values)
        some = numbers if known is None else numbers[known]
        if len(some):
            if self.rising:
                self._step(some)
            if self._tally is not None:
                self._tally += np.bincount(some - self._low, minlength=len(self._tally))
            else:
                self._values.add(mixed(some.view(np.uint64)))
                self.moments.add(some.astype(np.float64), some.min(), some.max())
        return lambda: with_missing(numbers.view(np.uint64), known)

    def _step(self, some: npt.NDArray[np.int64]) -> None:
        last = self._last
        self._last = int(some[-1])
        self.rising = bool((some[1:] > some[:-1]).all()) and (last is None or some[0] > last)
        # Differences of values that rise cannot overflow where the whole distance does not.
        length = len(some) - 1
        self.by_one = (
            self.by_one
            and self.rising
            and int(some[-1]) - int(some[0]) == length
            and (last is None or int(some[0]) - last == 1)
        )

    def settle(self) -> None:
        """Moments of what was only counted."""
        if self._tally is None or self.moments.count:
            return
        held = np.flatnonzero(self._tally)
        self.moments.take_counts((held + self._low).astype(np.float64), self._tally[held])

    @property
    def distinct(self) -> int:
        """See ``ColumnSurvey``."""
        if self._tally is not None:
            return int(np.count_nonzero(self._tally))
        return self._values.count if self.rising else self._values.distinct

    @property
    def estimated(self) -> bool:
        """See ``ColumnSurvey``."""
        return self._tally is None and not self.rising and self._values.estimated


class Texts:
    """Texts, and whatever else is best seen as text."""

    def __init__(self, most_kept: int) -> None:
        self.nulls = 0
        self._values = DistinctValues(most_kept)
        self._numbering = True
        self._tally: Counter[Any] | None = Counter()
        self._words: pa.Array | None = None
        self._words_bits: Bits = np.empty(0, np.uint64)
        self._words_counts: npt.NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, values: pa.Array) -> RowBits:
        """See ``ColumnSurvey``."""
        self.nulls += values.null_count
        if not pa.types.is_dictionary(values.type):
            values = as_text(values)
            if self._numbering:
                encoded = values.dictionary_encode()
                self._numbering = _WORTH_NUMBERING * len(encoded.dictionary) <= len(values)
                values = encoded
        if pa.types.is_dictionary(values.type):
            return self._numbered(values)
        self._tally = None
        known, bits = known_rows(values), text_bits(values)
        self._values.add(mixed(bits if known is None else bits[known]))
        return lambda: with_missing(bits, known)

    def _numbered(self, values: pa.DictionaryArray) -> RowBits:
        words = values.dictionary
        if self._words is None or not self._words.equals(words):
            # Batches of one row group mostly share their words, which are then looked at once.
            self._settle()
            self._words = words
            self._words_bits = text_bits(as_text(words))
            self._words_counts = np.zeros(len(words), np.int64)
        known = known_rows(values)
        indices = values.indices if known is None else values.indices.fill_null(0)
        places = indices.to_numpy()
        some = places if known is None else places[known]
        self._words_counts += np.bincount(some, minlength=len(words))
        bits = self._words_bits
        if len(words) == 0:
            return lambda: np.full(len(places), MISSING, np.uint64)
        return lambda: with_missing(bits[places], known)

    def _settle(self) -> None:
        """Take what was counted by numbers."""
        if self._words is None:
            return
        held = np.flatnonzero(self._words_counts)
        counts, bits = self._words_counts[held], self._words_bits[held]
        words, self._words = as_text(self._words), None
        self._values.add(mixed(bits), counts)
        if self._tally is None:
            return
        for word, count in zip(words.take(held).to_pylist(), counts.tolist(), strict=True):
            self._tally[word] += count
        if len(self._tally) > MOST_TALLIED:
            self._tally = None

    @property
    def tally(self) -> Counter[Any] | None:
        """How often each occurs; None where too many differ."""
        self._settle()
        return self._tally

    @property
    def distinct(self) -> int:
        """See ``ColumnSurvey``."""
        self._settle()
        return self._values.distinct

    @property
    def estimated(self) -> bool:
        """See ``ColumnSurvey``."""
        self._settle()
        return self._values.estimated


class Booleans:
    """True and false."""

    def __init__(self) -> None:
        self.nulls = 0
        self.counts = [0, 0]
        """How many are false, and true."""

    def add(self, values: pa.Array) -> RowBits:
        """See ``ColumnSurvey``."""
        self.nulls += values.null_count
        self.counts[1] += values.true_count
        self.counts[0] += values.false_count

        def bits() -> Bits:
            plain = values.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint64)
            return with_missing(plain, known_rows(values))

        return bits

    @property
    def distinct(self) -> int:
        """See ``ColumnSurvey``."""
        return sum(count > 0 for count in self.counts)

    @property
    def estimated(self) -> bool:
        """See ``ColumnSurvey``."""
        return False


class Opaque:
    """Lists, structures and columns of nothing: only whether there is a value."""

    def __init__(self) -> None:
        self.nulls = 0
        self.distinct = 0
        self.estimated = False

    def add(self, values: pa.Array) -> None:
        """See ``ColumnSurvey``."""
        self.nulls += values.null_count
