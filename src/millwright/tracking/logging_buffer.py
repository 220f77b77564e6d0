"""Metric points on their way: kept in memory, sent by a background thread, never lost in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from millwright.kernel.errors import MillwrightError
from millwright.tracking.records import MetricPoint

FLUSH_SECONDS = 1.0
FLUSH_POINTS = 1_000
MAX_WAITING = 200_000
"""With this many unsent points the caller sends them itself, so that memory stays bounded."""

Send = Callable[[Sequence[MetricPoint]], object]


class LoggingBuffer:
    """Collects points and sends them at least every second, so that logging costs microseconds.

    A batch that fails is kept and tried again with the next; the last error is raised by
    ``close`` if points are still unsent then. Safe to use from several threads.
    """

    def __init__(self, send: Send, *, every_seconds: float = FLUSH_SECONDS) -> None:
        self._send = send
        self._every = every_seconds
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._points: list[MetricPoint] = []
        self._thread = threading.Thread(target=self._run, name="run-log", daemon=True)
        self._thread.start()

    def add(self, points: Sequence[MetricPoint]) -> None:
        """Take points; returns at once unless very many wait to be sent."""
        with self._lock:
            self._points.extend(points)
            waiting = len(self._points)
        if waiting >= MAX_WAITING:
            self.flush()
        elif waiting >= FLUSH_POINTS:
            self._wake.set()

    def flush(self) -> None:
        """Send what waits, now.

        Raises:
            MillwrightError: it could not be sent; it is kept.
        """
        with self._sending:
            with self._lock:
                batch, self._points = self._points, []
            if not batch:
                return
            try:
                self._send(batch)
            except BaseException:
                with self._lock:
                    self._points = batch + self._points
                raise

    def close(self) -> None:
        """Send what is left and end the thread.

        Raises:
            MillwrightError: some points could not be sent.
        """
        self._closed = True
        self._wake.set()
        self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._every)
            self._wake.clear()
            try:
                self.flush()
            except MillwrightError:
                # Kept for the next try; ``close`` raises if it never succeeds.
                continue
