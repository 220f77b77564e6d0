"""A thread beside a run that looks at the machine now and then and logs what it sees."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from millwright.kernel import clock
from millwright.tracking.hardware import Gauges
from millwright.tracking.records import MetricPoint

VARIABLE = "MILLWRIGHT_SYSTEM_METRICS"
PREFIX = "system/"
EVERY_SECONDS = 10.0
FIRST_SECONDS = 1.0
"""A run that takes a few seconds should be seen too."""

Log = Callable[[Sequence[MetricPoint]], None]


class SystemMetrics:
    """Samples the machine until it is stopped, once more then; a sample costs a few milliseconds at most.

    Args:
        log: takes the points; must not wait for anything.
        every_seconds: between two samples.
    """

    def __init__(self, log: Log, *, every_seconds: float = EVERY_SECONDS) -> None:
        self._log = log
        self._every = every_seconds
        self._step = 0
        self._gauges = Gauges()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="system-metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample and end the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        wait = min(FIRST_SECONDS, self._every)
        while not self._stopping.wait(wait):
            self._sample()
            wait = self._every
        self._sample()

    def _sample(self) -> None:
        now = clock.now_ms()
        found = self._gauges.read()
        self._log(
            [
                MetricPoint(key=f"{PREFIX}{name}", value=value, step=self._step, time_ms=now)
                for name, value in found.items()
            ]
        )
        self._step += 1


def system_metrics_wanted(asked: bool | None = None) -> bool:
    """Whether to sample: as asked, else unless ``MILLWRIGHT_SYSTEM_METRICS`` is ``0``."""
    if asked is not None:
        return asked
    return os.environ.get(VARIABLE, "1").lower() not in ("0", "false", "no", "off")
