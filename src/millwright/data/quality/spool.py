"""Numbers of a column, as many as it has rows, in bounded memory: exact ranks and repetitions.

Up to ``IN_MEMORY`` numbers stay in memory; more go to a temporary file and are read again in
passes, each of which holds no more than that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

IN_MEMORY: Final = 1 << 24

Integers = npt.NDArray[np.uint64]
SIGN: Final = np.uint64(1 << 63)
"""Turned over, signed integers have the order of unsigned ones."""
_DIGIT: Final = 16
_SPARSE: Final = 8
"""Numbers of a range that is at most so many times their count are told apart by marking them."""


class Spool:
    """Unsigned 64-bit numbers in the order in which they came."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._held: list[Integers] = []
        self._file: IO[bytes] | None = None
        self.count = 0

    def add(self, numbers: Integers) -> None:
        """Append numbers."""
        self.count += len(numbers)
        if self._file is not None:
            self._file.write(np.ascontiguousarray(numbers).tobytes())
            return
        self._held.append(numbers)
        if self.count > self._in_memory:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            for part in self._held:
                self._file.write(np.ascontiguousarray(part).tobytes())
            self._held = []

    def parts(self) -> Iterator[Integers]:
        """The numbers again, in order, in parts."""
        if self._file is None:
            yield from self._held
            return
        self._file.seek(0)
        while content := self._file.read(8 * (1 << 20)):
            yield np.frombuffer(content, dtype=np.uint64)
        self._file.seek(0, 2)

    def sorted_parts(self) -> Iterator[Integers]:
        """The numbers sorted, in parts of which each is smaller than the next."""
        if self._file is None:
            whole = np.concatenate(self._held) if self._held else np.empty(0, np.uint64)
            whole.sort()
            yield whole
            return
        passes = 1 << max(1, (2 * self.count // self._in_memory - 1).bit_length())
        shift = np.uint64(64 - passes.bit_length() + 1)
        for number in range(passes):
            chosen = [part[part >> shift == np.uint64(number)] for part in self.parts()]
            yield np.sort(np.concatenate(chosen))

    def repeated(self) -> tuple[int, Integers]:
        """How many different numbers there are, and those that occur more than once."""
        if self._rising() or self._all_apart():
            return self.count, np.empty(0, np.uint64)
        different, twice = 0, []
        for part in self.sorted_parts():
            if len(part) == 0:
                continue
            new = np.concatenate(([True], part[1:] != part[:-1]))
            different += int(new.sum())
            twice.append(np.unique(part[~new]))
        return different, np.concatenate(twice) if twice else np.empty(0, np.uint64)

    def _rising(self) -> bool:
        """Whether each number is greater than the one before, as ids often are."""
        last = None
        for part in self.parts():
            if len(part) == 0:
                continue
            if (last is not None and part[0] <= last) or not (part[1:] > part[:-1]).all():
                return False
            last = part[-1]
        return True

    def _all_apart(self) -> bool:
        """Whether no number repeats, by marking each; False too where they are too far apart."""
        bounds = [(part.min(), part.max()) for part in self.parts() if len(part)]
        least, most = min(b[0] for b in bounds), max(b[1] for b in bounds)
        if int(most) - int(least) > _SPARSE * min(self.count, self._in_memory):
            return False
        marks = np.zeros(int(most) - int(least) + 1, np.bool_)
        for part in self.parts():
            marks[(part - least).astype(np.int64)] = True
        return int(np.count_nonzero(marks)) == self.count

    def ranked(self, ranks: list[int]) -> list[int]:
        """The numbers of these ranks, counted from 0 in ascending order."""
        if self._file is None:
            whole = np.concatenate(self._held) if self._held else np.empty(0, np.uint64)
            chosen = np.partition(whole, sorted(set(ranks)))
            return [int(chosen[rank]) for rank in ranks]
        return [self._ranked(rank) for rank in ranks]

    def _ranked(self, rank: int) -> int:
        """Radix selection: four passes, each of which settles sixteen bits."""
        known = 0
        for settled in range(_DIGIT, 65, _DIGIT):
            shift, counts = np.uint64(64 - settled), np.zeros(1 << _DIGIT, np.int64)
            for part in self.parts():
                same = part
                if settled > _DIGIT:
                    same = part[part >> (shift + np.uint64(_DIGIT)) == np.uint64(known)]
                digits = (same >> shift) & np.uint64((1 << _DIGIT) - 1)
                counts += np.bincount(digits.astype(np.int64), minlength=1 << _DIGIT)
            below = np.cumsum(counts)
            digit = int(np.searchsorted(below, rank, side="right"))
            rank -= int(below[digit - 1]) if digit else 0
            known = (known << _DIGIT) | digit
        return known


def sortable(numbers: npt.NDArray[np.float64]) -> Integers:
    """Floats as integers of the same order (IEEE 754), so that ranks are exact.

    >>> import numpy as np
    >>> numbers = np.array([-1.5, 0.0, 2.0])
    >>> whole = sortable(numbers).tolist()
    >>> whole == sorted(whole), from_sortable(whole[2])
    (True, 2.0)
    """
    bits = numbers.view(np.uint64)
    negative = (bits & SIGN) != 0
    turned: Integers = np.where(negative, ~bits, bits | SIGN)
    return turned


def from_sortable(number: int) -> float:
    """The float of such an integer."""
    bits = np.uint64(number)
    bits = bits ^ SIGN if bits & SIGN else ~bits
    return float(np.array([bits]).view(np.float64)[0])


def floats(numbers: Integers) -> npt.NDArray[np.float64]:
    """The floats of an array of such integers."""
    high = (numbers & SIGN) != 0
    back: Any = np.where(high, numbers ^ SIGN, ~numbers)
    values: npt.NDArray[np.float64] = back.view(np.float64)
    return values
