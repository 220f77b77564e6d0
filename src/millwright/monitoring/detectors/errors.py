"""DDM: errors have become rarer than ever, then more frequent by deviations (Gama et al. 2004)."""

from __future__ import annotations

import math
from typing import Literal

from millwright.monitoring.detectors.records import ChangeDetector, within


class ErrorRate(ChangeDetector):
    """DDM over errors (0 or 1): against the least p + s that the rate of errors has had.

    A rate of exactly 0 is no least: the first error after thirty hits would be a change.

    Args:
        warning: deviations above it that warn.
        drift: deviations above it that are a change.
        least: values before the first verdict.
    """

    unit = True

    def __init__(self, warning: float = 2.0, drift: float = 3.0, least: int = 30) -> None:
        super().__init__()
        self._drift = within("drift", drift, 0.0, float("inf"))
        self._warning = within("warning", warning, 0.0, drift)
        self._least = least
        self._begin()

    def _begin(self) -> None:
        self._count, self._rate = 0, 0.0
        self._best, self._best_rate, self._best_spread = math.inf, 0.0, 0.0
        self._since = (0, 0.0)

    def _judged(self, value: float) -> tuple[Literal["change", "warning", "calm"], float, float]:
        self._count += 1
        self._rate += (value - self._rate) / self._count
        spread = math.sqrt(self._rate * (1.0 - self._rate) / self._count)
        if self._count < self._least or self._rate == 0.0:
            return "calm", self._rate, self._rate
        if self._rate + spread <= self._best:
            self._best = self._rate + spread
            self._best_rate, self._best_spread = self._rate, spread
            self._since = (self._count, self._rate * self._count)
        first, wrong = self._since
        after = (self._rate * self._count - wrong) / max(self._count - first, 1)
        seen = self._rate + spread
        if seen > self._best_rate + self._drift * self._best_spread:
            before = self._best_rate
            self._begin()
            return "change", before, after
        if seen > self._best_rate + self._warning * self._best_spread:
            return "warning", self._best_rate, after
        return "calm", self._rate, self._rate
