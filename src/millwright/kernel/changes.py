"""Waking those who wait for something to happen, without polling tables.

A committed transaction rings; whoever listens wakes up and reads the event log. A bell carries no
content, so a missed ring costs a short delay and never an event.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Changes:
    """A bell shared by the threads of one process."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._listeners: list[Callable[[], object]] = []

    def ring(self) -> None:
        """Say that something was committed."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    @property
    def count(self) -> int:
        """How often it rang; pass it to ``wait`` to miss nothing in between."""
        return self._count

    def wait(self, seen: int, *, seconds: float) -> int:
        """Sleep until it has rung more than ``seen`` times, or the time is up; the new count."""
        with self._condition:
            self._condition.wait_for(lambda: self._count > seen, timeout=seconds)
            return self._count

    @contextmanager
    def listening(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call ``listener`` (quick, any thread) at every ring within the block."""
        with self._condition:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._condition:
                self._listeners.remove(listener)
