"""HDDM: means of bounded values compared by Hoeffding's and McDiarmid's bounds (Frías-Blanco 2015)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from millwright.monitoring.detectors.records import ChangeDetector, within

Verdict = tuple[Literal["change", "warning", "calm"], float, float]


class HoeffdingAverage(ChangeDetector):
    """HDDM-A: the mean of all against that of the first part, which was the lowest.

    Args:
        drift: probability of a false alarm at one look.
        warning: of a false warning.
        both: watch for falling means too.
    """

    unit = True

    def __init__(self, drift: float = 0.001, warning: float = 0.005, both: bool = False) -> None:
        super().__init__()
        self._warning = within("warning", warning, 0.0, 1.0)
        self._drift = within("drift", drift, 0.0, warning)
        self._both = both
        self._begin()

    def _begin(self) -> None:
        self._count, self._sum = 0, 0.0
        self._low = self._high = (0, 0.0)

    def _judged(self, value: float) -> Verdict:
        self._count, self._sum = self._count + 1, self._sum + value
        mean, bound = self._sum / self._count, self._bound(self._count)
        lows, low_sum = self._low
        if not lows or mean + bound <= low_sum / lows + self._bound(lows):
            self._low = (self._count, self._sum)
        highs, high_sum = self._high
        if not highs or mean - bound >= high_sum / highs - self._bound(highs):
            self._high = (self._count, self._sum)
        if self._moved(self._low, self._drift, 1.0):
            return self._changed(self._low)
        if self._both and self._moved(self._high, self._drift, -1.0):
            return self._changed(self._high)
        if self._moved(self._low, self._warning, 1.0):
            return "warning", *self._means(self._low)
        return "calm", mean, mean

    def _bound(self, count: int) -> float:
        return math.sqrt(math.log(1.0 / self._drift) / (2.0 * count))

    def _moved(self, part: tuple[int, float], confidence: float, sign: float) -> bool:
        first, total = part
        if first == self._count:
            return False
        share = (self._count - first) / first / self._count
        bound = math.sqrt(share / 2.0 * math.log(2.0 / confidence))
        return sign * (self._sum / self._count - total / first) >= bound

    def _means(self, part: tuple[int, float]) -> tuple[float, float]:
        first, total = part
        return total / first, (self._sum - total) / (self._count - first)

    def _changed(self, part: tuple[int, float]) -> Verdict:
        before, after = self._means(part)
        self._begin()
        return "change", before, after


@dataclass(slots=True)
class _Weighted:
    """A mean that forgets, and the sum of squared weights that bounds it."""

    mean: float = -1.0
    squares: float = 1.0

    def add(self, value: float, weight: float) -> None:
        if self.mean < 0.0:
            self.mean, self.squares = value, 1.0
            return
        self.mean = weight * value + (1.0 - weight) * self.mean
        self.squares = weight * weight + (1.0 - weight) ** 2 * self.squares

    def bound(self, confidence: float) -> float:
        return math.sqrt(self.squares * math.log(1.0 / confidence) / 2.0)


@dataclass(slots=True)
class _Side:
    """What was the lowest (or, of values turned over, the highest) until now, and what came since."""

    least: float = math.inf
    then_mean: float = -1.0
    then_squares: float = 1.0
    since: _Weighted | None = None

    def add(self, value: float, total: _Weighted, weight: float, confidence: float) -> None:
        bound = total.mean + total.bound(confidence)
        if bound < self.least:
            self.least, self.since = bound, None
            self.then_mean, self.then_squares = total.mean, total.squares
            return
        self.since = self.since or _Weighted()
        self.since.add(value, weight)

    def moved(self, confidence: float) -> bool:
        if self.since is None:
            return False
        squares = self.then_squares + self.since.squares
        bound = math.sqrt(squares * math.log(1.0 / confidence) / 2.0)
        return self.since.mean - self.then_mean > bound


class HoeffdingWeighted(ChangeDetector):
    """HDDM-W: weighted means, the latest values weighing most; finds gradual changes sooner.

    Args:
        drift: probability of a false alarm at one look.
        warning: of a false warning.
        weight: of the newest value.
        both: watch for falling means too.
    """

    unit = True

    def __init__(
        self, drift: float = 0.001, warning: float = 0.005, weight: float = 0.05, both: bool = False
    ) -> None:
        super().__init__()
        self._warning = within("warning", warning, 0.0, 1.0)
        self._drift = within("drift", drift, 0.0, warning)
        self._weight = within("weight", weight, 0.0, 1.0)
        self._both = both
        self._begin()

    def _begin(self) -> None:
        self._total, self._turned = _Weighted(), _Weighted()
        self._rise, self._fall = _Side(), _Side()

    def _judged(self, value: float) -> Verdict:
        self._total.add(value, self._weight)
        self._turned.add(1.0 - value, self._weight)
        self._rise.add(value, self._total, self._weight, self._drift)
        self._fall.add(1.0 - value, self._turned, self._weight, self._drift)
        mean = self._total.mean
        if self._rise.moved(self._drift):
            before, after = self._rise.then_mean, self._rise.since.mean if self._rise.since else 0.0
            self._begin()
            return "change", before, after
        if self._both and self._fall.moved(self._drift):
            since = self._fall.since.mean if self._fall.since else 0.0
            before, after = 1.0 - self._fall.then_mean, 1.0 - since
            self._begin()
            return "change", before, after
        if self._rise.moved(self._warning) and self._rise.since is not None:
            return "warning", self._rise.then_mean, self._rise.since.mean
        return "calm", mean, mean
