"""Page–Hinkley: the sum of deviations from the running mean, against its own extreme (Page 1954)."""

from __future__ import annotations

from typing import Literal

from millwright.monitoring.detectors.records import ChangeDetector, within

Direction = Literal["up", "down", "both"]


class PageHinkley(ChangeDetector):
    """Sums what values lie above (or below) their mean by more than ``delta``.

    Args:
        threshold: of the sum, in units of the values; the larger, the rarer and later an alarm.
        delta: deviations that do not count.
        forget: weight that yesterday's sum keeps with each value.
        least: values before the first alarm.
        direction: which moves of the mean count.
    """

    def __init__(
        self,
        threshold: float = 50.0,
        delta: float = 0.005,
        forget: float = 0.9999,
        least: int = 30,
        direction: Direction = "both",
    ) -> None:
        super().__init__()
        self._threshold = within("threshold", threshold, 0.0, float("inf"))
        self._delta = within("delta", delta, -1e-300, float("inf"))
        self._forget = within("forget", forget, 0.0, 1.0 + 1e-12)
        self._least, self._direction = least, direction
        self._begin()

    def _begin(self) -> None:
        self._count, self._mean = 0, 0.0
        self._up = self._down = 0.0
        self._lowest = self._highest = 0.0
        self._since_low = self._since_high = (0, 0.0)

    def _judged(self, value: float) -> tuple[Literal["change", "warning", "calm"], float, float]:
        self._count += 1
        self._mean += (value - self._mean) / self._count
        apart = value - self._mean
        self._up = self._up * self._forget + apart - self._delta
        self._down = self._down * self._forget + apart + self._delta
        total = self._mean * self._count
        if self._up < self._lowest:
            self._lowest, self._since_low = self._up, (self._count, total)
        if self._down > self._highest:
            self._highest, self._since_high = self._down, (self._count, total)
        if self._count < self._least:
            return "calm", self._mean, self._mean
        rose = self._direction != "down" and self._up - self._lowest > self._threshold
        fell = self._direction != "up" and self._highest - self._down > self._threshold
        if not (rose or fell):
            return "calm", self._mean, self._mean
        first, before = self._since_low if rose else self._since_high
        old = before / first if first else self._mean
        new = (total - before) / max(self._count - first, 1)
        self._begin()
        return "change", old, new
