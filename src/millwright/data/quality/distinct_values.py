"""How many values differ, in one pass and bounded memory: exact for few, estimated for many.

Every value comes as a well-mixed 64-bit hash. The smallest hashes are kept with how often each
occurred (k minimum values, Bar-Yossef et al. 2002; Beyer et al., SIGMOD 2007): while all fit, the
answer is exact; then they are a uniform sample of the values that differ, and the share of the
range that they fill says how many there are. How often the sampled ones occur is a second estimate,
better where values occur about equally often and exact where none repeats.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
MOST_KEPT: Final = 1 << 16
"""Values that are told apart one by one, unless said otherwise."""
_SAMPLED: Final = 4
"""Where there are more, one in so many is kept: 2¹⁴ of 2¹⁶, an error of 0.8 % (1/√k)."""
_ALL: Final = np.uint64(2**64 - 1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def mixed(bits: Hashes) -> Hashes:
    """Each number spread over the highest bits, one to one: folded, then multiplied (Knuth's
    Fibonacci hashing); the highest bits are those that are compared."""
    spread: Hashes = bits >> np.uint64(32)
    spread ^= bits
    spread *= _SPREAD
    return spread


class DistinctValues:
    """The values of a stream.

    Example:
        >>> seen = DistinctValues()
        >>> seen.add(mixed(np.array([1, 2, 2], np.uint64)))
        >>> seen.distinct, seen.estimated
        (2, False)
    """

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most = most_kept
        self._sampled = -(-most_kept // _SAMPLED)
        self._bound = _ALL
        self._hashes: Hashes = np.empty(0, np.uint64)
        self._counts: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._waiting: list[tuple[Hashes, npt.NDArray[np.int64] | None]] = []
        self._waiting_values = 0
        self.count = 0
        """Values taken, repeated ones included."""

    def add(self, hashes: Hashes, counts: npt.NDArray[np.int64] | None = None) -> None:
        """Take hashes, and how often each occurs (once when None)."""
        self.count += len(hashes) if counts is None else int(counts.sum())
        if self._bound != _ALL:
            near = hashes <= self._bound
            hashes = hashes[near]
            counts = None if counts is None else counts[near]
        if len(hashes):
            self._waiting.append((hashes, counts))
            self._waiting_values += len(hashes)
        if self._waiting_values > (self._most if self._bound == _ALL else self._sampled):
            self._settle()

    @property
    def estimated(self) -> bool:
        """Whether there were too many to keep them all."""
        self._settle()
        return bool(self._bound != _ALL)

    @property
    def distinct(self) -> int:
        """How many values differ."""
        self._settle()
        kept = len(self._hashes)
        if self._bound == _ALL:
            return kept
        occurred = int(self._counts.sum())
        variation = float(self._counts.std()) / (occurred / kept)
        if variation < 1.0:
            return min(round(self.count * kept / occurred), self.count)
        return min(round((kept - 1) / (float(self._bound) / 2.0**64)), self.count)

    @property
    def surplus(self) -> int:
        """Values beyond the first of their kind."""
        self._settle()
        occurred = int(self._counts.sum())
        return round(self.count * (1 - len(self._hashes) / occurred)) if occurred else 0

    def _settle(self) -> None:
        if not self._waiting:
            return
        parts = [_counted(hashes, counts) for hashes, counts in self._joined()]
        hashes = np.concatenate([self._hashes, *(part[0] for part in parts)])
        counts = np.concatenate([self._counts, *(part[1] for part in parts)])
        self._waiting, self._waiting_values = [], 0
        # Sorted runs are merged by the stable sort, so what was settled before costs little.
        order = np.argsort(hashes, kind="stable")
        hashes, counts = hashes[order], counts[order]
        firsts = _firsts(hashes)
        if len(firsts) < len(hashes):
            hashes, counts = hashes[firsts], np.add.reduceat(counts, firsts)
        self._hashes, self._counts = hashes, counts
        if len(self._hashes) > (self._most if self._bound == _ALL else self._sampled):
            self._hashes = self._hashes[: self._sampled].copy()
            self._counts = self._counts[: self._sampled].copy()
            self._bound = self._hashes[-1]

    def _joined(self) -> Any:
        plain = [hashes for hashes, counts in self._waiting if counts is None]
        if plain:
            yield np.concatenate(plain), None
        yield from (one for one in self._waiting if one[1] is not None)


def _counted(
    hashes: Hashes, counts: npt.NDArray[np.int64] | None
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    if counts is not None:
        return hashes, counts
    ordered = np.sort(hashes)
    firsts = _firsts(ordered)
    if len(firsts) == len(ordered):
        return ordered, np.ones(len(ordered), np.int64)
    return ordered[firsts], np.diff(firsts, append=len(ordered))


def _firsts(ordered: Hashes) -> npt.NDArray[np.int64]:
    new = np.empty(len(ordered), bool)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return np.flatnonzero(new)
