"""How many workers the load asks for: Knative's formula of a stable and a panic window.

The load is requests under way, averaged over a minute. Divided by what one worker is meant to have,
it says how many are wanted. When the average over a few seconds asks for twice as many as there
are, that is panic: then the short window decides and the number does not fall.

Source: https://knative.dev/docs/serving/autoscaling/kpa-specific/ and
https://github.com/knative/serving/blob/main/pkg/autoscaler/scaling/autoscaler.go
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from millwright.kernel.serving_config import WorkersConfig

PANIC_AT = 2.0
"""How many times the workers that are there the short window must ask for."""
FASTEST_FALL = 2.0
"""The number at most halves between two looks."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many workers there should be, and why."""

    workers: int
    stable: float
    """Requests under way, averaged over the stable window."""
    panic: float
    """The same over the panic window."""
    in_panic: bool


class Autoscaler:
    """Remembers the load and says how many workers it asks for. It knows no clock: time is given,
    in seconds, and never goes back."""

    def __init__(self, policy: WorkersConfig) -> None:
        self.policy = policy
        self._seen: deque[tuple[float, float]] = deque()
        self._panic_since: float | None = None
        self._panic_most = 0
        self._last_busy = -math.inf

    def observe(self, now: float, concurrency: float) -> None:
        """Take in the average number of requests under way since the last observation."""
        self._seen.append((now, concurrency))
        while self._seen[0][0] <= now - self.policy.stable_seconds:
            self._seen.popleft()
        if concurrency > 0.0:
            self._last_busy = now

    def wanted(self, now: float, ready: int) -> Wanted:
        """How many workers there should be now, of whom ``ready`` answer."""
        policy = self.policy
        stable = self._average(now - policy.stable_seconds)
        panic = self._average(now - policy.panic_seconds)
        by_stable = math.ceil(stable / policy.concurrency)
        by_panic = math.ceil(panic / policy.concurrency)
        self._follow_panic(now, by_panic / max(1, ready) >= PANIC_AT)
        least_now = math.floor(ready / FASTEST_FALL)
        workers = max(by_stable, least_now)
        if self._panic_since is not None:
            self._panic_most = max(self._panic_most, by_stable, by_panic, ready)
            workers = self._panic_most
        if workers == 0 and now - self._last_busy < policy.grace_seconds:
            workers = 1
        bounded = min(max(workers, policy.least), policy.most)
        return Wanted(bounded, stable, panic, self._panic_since is not None)

    def _follow_panic(self, now: float, over: bool) -> None:
        if over:
            if self._panic_since is None:
                self._panic_most = 0
            self._panic_since = now
        elif (
            self._panic_since is not None and now - self._panic_since >= self.policy.stable_seconds
        ):
            self._panic_since = None

    def _average(self, since: float) -> float:
        found = [load for at, load in self._seen if at > since]
        return sum(found) / len(found) if found else 0.0
