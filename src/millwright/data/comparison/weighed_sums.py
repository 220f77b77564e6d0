"""Whether a column is the same in both versions, without bringing its rows into one order.

Each pair of rows draws a number by chance, its weight. A column's values, well mixed and each times the
weight of its row, are summed in both versions, in whatever order the rows stand: the sums are equal
where all values are, and else once in some 2⁵⁸ columns, whatever the values are, as nobody knows the
weights (multilinear hashing, Carter & Wegman 1979). Going through memory in order twice costs less
than fetching each value's partner, the more so the less of it fits into the processor's cache.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from millwright.data.comparison.table_file import Numbers
from millwright.data.comparison.words import Words, differ

_PART: Final = 1 << 14
_LOOKED_AT: Final = 1024
"""Pairs that are compared first: where a column changed, mostly one of them did."""
_HALF: Final = np.uint64(32)


class WeighedSums:
    """The sums for one pairing; ``partner`` as in ``Pairing``."""

    def __init__(self, partner: Numbers, rows_before: int) -> None:
        random = np.random.default_rng()
        self._multiplier, self._missing = random.integers(0, 2**64, 2, np.uint64) | np.uint64(1)
        self._partner = partner
        paired = partner >= 0
        places = partner[paired]
        drawn = random.integers(0, 2**64, rows_before, np.uint64)
        self._after = np.zeros(len(partner), np.uint64)
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
