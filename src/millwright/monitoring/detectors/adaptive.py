"""ADWIN: a window that drops its older part as soon as that has another mean (Bifet & Gavaldà 2007).

The window is an exponential histogram: up to ``_BUCKETS`` buckets of each power of two, so memory
is logarithmic in its width and cuts are tried where buckets meet.
"""

from __future__ import annotations

import math
from typing import Literal

from millwright.monitoring.detectors.records import ChangeDetector, within

_BUCKETS = 5
_CLOCK = 32
_LEAST = 5
_GRACE = 10


class AdaptiveWindow(ChangeDetector):
    """ADWIN with the bound of variance; values between 0 and 1, for which its bound is one.

    A cut is tried at every 32nd value. Where the means of two parts differ by more than chance
    does with probability ``delta``, the older part is dropped and the newer one stays. Where several
    cuts would do, the surest is taken: the paper drops bucket by bucket, and then often tells the
    same change twice.
    """

    unit = True

    def __init__(self, delta: float = 0.002) -> None:
        super().__init__()
        self._delta = within("delta", delta, 0.0, 1.0)
        # Rows of buckets (sum, sum of squared deviations), newest last; row i holds 2**i values each.
        self._rows: list[list[tuple[float, float]]] = [[]]
        self.width = 0
        self._sum = 0.0
        self._deviation = 0.0

    @property
    def mean(self) -> float:
        """Mean of the window."""
        return self._sum / self.width if self.width else 0.0

    def _judged(self, value: float) -> tuple[Literal["change", "warning", "calm"], float, float]:
        self._insert(value)
        if (self.seen + 1) % _CLOCK or self.width <= _GRACE:
            return "calm", self.mean, self.mean
        whole, width = self._sum, self.width
        while older := self._surest_cut():
            rest = self.width - older
            while self.width > rest:
                self._drop_oldest()
        if self.width == width:
            return "calm", self.mean, self.mean
        dropped = (whole - self._sum) / (width - self.width)
        return "change", dropped, self.mean

    def _insert(self, value: float) -> None:
        if self.width:
            self._deviation += (value - self.mean) ** 2 * self.width / (self.width + 1)
        self.width += 1
        self._sum += value
        self._rows[0].append((value, 0.0))
        for level, row in enumerate(self._rows):
            if len(row) <= _BUCKETS:
                break
            if level + 1 == len(self._rows):
                self._rows.append([])
            (left, left_apart), (right, right_apart) = row[0], row[1]
            del row[:2]
            size = 1 << level
            between = (left - right) ** 2 / (2.0 * size)
            self._rows[level + 1].append((left + right, left_apart + right_apart + between))

    def _surest_cut(self) -> int:
        """How many of the oldest values are surest to have another mean than the rest; 0 where none."""
        if self.width <= _GRACE:
            return 0
        log = math.log(2.0 * math.log(self.width) / self._delta)
        variance = self._deviation / self.width
        older, older_sum = 0, 0.0
        found, surest = 0, 1.0
        for level in range(len(self._rows) - 1, -1, -1):
            size = 1 << level
            for total, _ in self._rows[level]:
                older, older_sum = older + size, older_sum + total
                newer = self.width - older
                if older < _LEAST or newer < _LEAST:
                    continue
                apart = abs(older_sum / older - (self._sum - older_sum) / newer)
                inverse = 1.0 / (older - _LEAST + 1) + 1.0 / (newer - _LEAST + 1)
                bound = math.sqrt(2.0 * inverse * variance * log) + 2.0 / 3.0 * inverse * log
                if apart > surest * bound:
                    found, surest = older, apart / bound
        return found

    def _drop_oldest(self) -> None:
        level = len(self._rows) - 1
        total, apart = self._rows[level].pop(0)
        size = 1 << level
        rest = self.width - size
        if rest:
            gap = total / size - (self._sum - total) / rest
            self._deviation -= apart + gap * gap * size * rest / (size + rest)
            self._deviation = max(self._deviation, 0.0)
        else:
            self._deviation = 0.0
        self.width, self._sum = rest, self._sum - total
        while len(self._rows) > 1 and not self._rows[-1]:
            self._rows.pop()
