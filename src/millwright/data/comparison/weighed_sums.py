"""Whether a column is the same in both versions, without bringing its rows into one order.

Each pair of rows gets a number by chance, its weight: from its key and secrets drawn anew each time, or,
where keys repeat, drawn for itself. A column's values, well mixed and each times the
weight of its row, are summed in both versions, in whatever order the rows stand: the sums are equal
where all values are, and else once in some 2⁵⁸ columns, whatever the values are, as nobody knows the
weights (multilinear hashing, Carter & Wegman 1979). Going through memory in order twice costs less
than fetching each value's partner, the more so the less of it fits into the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from millwright.data.comparison.memory import fresh
from millwright.data.comparison.pairing import Pairing, rows_paired
from millwright.data.comparison.table_file import Numbers
from millwright.data.comparison.words import Words, differ

_PART: Final = 1 << 14
_LOOKED_AT: Final = 1024
"""Pairs that are compared first: where a column changed, mostly one of them did."""
_HALF: Final = np.uint64(32)


class WeighedSums:
    """The sums for one pairing of rows."""

    def __init__(self, pairing: Pairing, rows_before: int) -> None:
        random = np.random.default_rng()
        self._multiplier, self._missing, *secrets = _odd(random, 4)
        self._partner = pairing.partner
        paired = self._partner >= 0
        if pairing.numbers is not None:
            old, new = pairing.numbers
            self._before = _from_keys(old, rows_paired(self._partner, rows_before), secrets)
            self._after = _from_keys(new, paired, secrets)
            return
        places = self._partner[paired]
        drawn = random.integers(0, 2**64, rows_before, np.uint64)
        self._after = np.zeros(len(self._partner), np.uint64)
        self._after[paired] = drawn[places]
        # Rows without a partner weigh nothing.
        self._before = np.zeros(rows_before, np.uint64)
        self._before[places] = drawn[places]

    def equal(self, before: Words, after: Words) -> bool:
        """Whether all pairs are surely equal; what is not may still be, such as 0 and -0."""
        if before.family != after.family or self._visibly_differ(before, after):
            return False
        return self._sum(before, self._before) == self._sum(after, self._after)

    def _visibly_differ(self, before: Words, after: Words) -> bool:
        rows = np.arange(0, len(self._partner), max(len(self._partner) // _LOOKED_AT, 1))
        rows = rows[self._partner[rows] >= 0]
        return bool(differ(before.some(self._partner[rows]), after.some(rows)).any())

    def _sum(self, words: Words, weights: Numbers) -> int:
        total = 0
        room, high = np.empty(_PART, np.uint64), np.empty(_PART, np.uint64)
        for at in range(0, len(weights), _PART):
            part = slice(at, min(at + _PART, len(weights)))
            values = words.values[part]
            bits = values.view(np.uint64) if values.itemsize == 8 else values.astype(np.uint64)
            mixed, above = room[: len(bits)], high[: len(bits)]
            np.multiply(bits, self._multiplier, out=mixed)
            np.right_shift(mixed, _HALF, out=above)
            np.bitwise_xor(mixed, above, out=mixed)
            if words.nulls is not None:
                mixed[words.nulls[part]] = self._missing
            total += int(np.dot(mixed, weights[part]))
        return total % 2**64


def _odd(random: np.random.Generator, count: int) -> list[np.uint64]:
    return list(random.integers(0, 2**64, count, np.uint64) | np.uint64(1))


def _from_keys(keys: Numbers, counts: Numbers, secrets: Sequence[np.uint64]) -> Numbers:
    """The weight of every row from its key, in the order of the rows; 0 for those that do not count.

    Fetching a weight that was drawn from where its partner lies costs ten times as much.
    """
    weights = fresh(len(keys), np.uint64)
    room = np.empty(_PART, np.uint64)
    for at in range(0, len(keys), _PART):
        part = slice(at, min(at + _PART, len(keys)))
        mixed = weights[part]
        above = room[: len(mixed)]
        np.bitwise_xor(keys[part].view(np.uint64), secrets[0], out=mixed)
        for secret in secrets[1:]:
            np.multiply(mixed, secret, out=mixed)
            np.right_shift(mixed, _HALF, out=above)
            np.bitwise_xor(mixed, above, out=mixed)
        np.multiply(mixed, counts[part], out=mixed)
    return weights
