"""KSWIN: the latest values against those before them, by Kolmogorov–Smirnov (Raab et al. 2020).

Where the authors draw at random from the older part of the window, all of it is compared: nothing
is left to chance, and small changes are found sooner.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from typing import Literal

from millwright.kernel.errors import InvalidInput
from millwright.monitoring.detectors.records import ChangeDetector, within
from millwright.monitoring.statistics.kolmogorov import two_sample_sf


class KolmogorovWindow(ChangeDetector):
    """Compares the last ``latest`` of ``width`` values with the ones before.

    Args:
        alpha: probability of a false alarm at one look, of which there is one with every value.
        width: values that are held.
        latest: of which so many are the new ones.
    """

    def __init__(self, alpha: float = 0.005, width: int = 100, latest: int = 30) -> None:
        super().__init__()
        if not 2 <= latest <= width // 2:
            raise InvalidInput(
                "monitoring.change_option",
                f"latest is {latest}; it has to lie between 2 and half of width, {width // 2}.",
                value=str(latest),
            )
        within("alpha", alpha, 0.0, 1.0)
        self._old, self._new = width - latest, latest
        self._least = _critical(self._old, self._new, alpha)
        self._begin()

    def _begin(self) -> None:
        self._older: deque[float] = deque()
        self._newer: deque[float] = deque()
        self._sorted_older: list[float] = []
        self._sorted_newer: list[float] = []

    def _judged(self, value: float) -> tuple[Literal["change", "warning", "calm"], float, float]:
        self._newer.append(value)
        insort(self._sorted_newer, value)
        if len(self._newer) > self._new:
            moved = self._newer.popleft()
            del self._sorted_newer[bisect_left(self._sorted_newer, moved)]
            self._older.append(moved)
            insort(self._sorted_older, moved)
        if len(self._older) > self._old:
            gone = self._older.popleft()
            del self._sorted_older[bisect_left(self._sorted_older, gone)]
        if len(self._older) < self._old or self._distance() < self._least:
            return "calm", 0.0, 0.0
        before = math.fsum(self._older) / self._old
        latest = list(self._newer)
        self._begin()
        # The new values are what the next ones are compared with.
        self._newer.extend(latest)
        self._sorted_newer = sorted(latest)
        return "change", before, math.fsum(latest) / len(latest)

    def _distance(self) -> float:
        largest = 0.0
        for position, value in enumerate(self._sorted_newer):
            below = bisect_left(self._sorted_older, value) / self._old
            up_to = bisect_right(self._sorted_older, value) / self._old
            rank = bisect_right(self._sorted_newer, value) / self._new
            largest = max(largest, abs(rank - up_to), abs(below - position / self._new))
        return largest


def _critical(n: int, m: int, alpha: float) -> float:
    """The least distance that chance reaches with probability ``alpha`` or less."""
    steps = math.lcm(n, m)
    low, high = 0, steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if two_sample_sf(middle / steps, n, m) <= alpha else (middle, high)
        )
    return high / steps - 0.5 / steps
