"""How far a transfer is: told often, shown seldom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moved:
    """A moment of a transfer, in bytes and seconds."""

    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes per second so far."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it takes at this rate; unknown at the start."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    def sentence(self) -> str:
        """One line for people.

        >>> Moved(50_000_000, 100_000_000, 10.0).sentence()
        '50.0 of 100.0 MB (5.0 MB/s, 10 s left)'
        """
        left = "" if self.seconds_left is None else f", {self.seconds_left:.0f} s left"
        rate = f"{self.rate / 1e6:.1f} MB/s"
        return f"{self.done / 1e6:.1f} of {self.total / 1e6:.1f} MB ({rate}{left})"


class Progress:
    """Adds up bytes from several threads, and tells a listener at most twice a second."""

    def __init__(self, tell: Callable[[Moved], None] | None = None) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._start = self._told = time.monotonic()
        self._done = self._total = 0

    def expect(self, size: int) -> None:
        """So many more bytes will be moved."""
        with self._lock:
            self._total += size

    def add(self, size: int) -> None:
        """So many bytes were moved."""
        with self._lock:
            self._done += size
            now = time.monotonic()
            if self._tell is None or (now - self._told < 0.5 and self._done < self._total):
                return
            self._told = now
            moment = Moved(self._done, self._total, now - self._start)
        self._tell(moment)
