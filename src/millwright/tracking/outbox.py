"""What a run logs on its way to the server: taken at once, sent in the background, kept on disk while
nobody answers.

Training never waits for the network here. Memory is bounded by what fits between two looks of the
sender; beyond that, and whenever the server is away, entries go to a file (``unsent``), which is sent
when the server is back, by this process or by a later one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from millwright.kernel.errors import MillwrightError, Unavailable
from millwright.tracking.records import MetricPoint
from millwright.tracking.unsent import Entry, Unsent

FLUSH_SECONDS = 1.0
FLUSH_POINTS = 1_000
MOST_IN_MEMORY = 200_000
"""With this many waiting points they go to the disk, so that memory stays bounded."""
MOST_AT_ONCE = 50_000
_LONGEST_WAIT = 30.0

Send = Callable[[Sequence[Entry]], None]
"""Tells the server; raises ``Unavailable`` where it does not answer, another error where it
refuses."""


class Outbox:
    """Collects entries of a run and sends them at least every second.

    Args:
        send: tells the server.
        unsent: where entries wait while the server is away.
        every_seconds: how often the sender looks.

    Safe to use from several threads.
    """

    def __init__(self, send: Send, unsent: Unsent, *, every_seconds: float = FLUSH_SECONDS) -> None:
        self._send = send
        self._unsent = unsent
        self._every = every_seconds
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._points: list[MetricPoint] = []
        self._entries: list[Entry] = []
        self._failures = 0
        self._retry_at = 0.0
        self.refusal: MillwrightError | None = None
        """The first error with which the server refused something for good."""
        self._thread = threading.Thread(target=self._run, name="run-log", daemon=True)
        self._thread.start()

    @property
    def away(self) -> bool:
        """Whether the server did not answer when it was last asked."""
        return self._failures > 0

    def add(self, points: Sequence[MetricPoint]) -> None:
        """Take points; returns at once."""
        with self._lock:
            self._points.extend(points)
            waiting = len(self._points)
        if waiting >= MOST_IN_MEMORY:
            self._keep(self._taken())
        elif waiting >= FLUSH_POINTS:
            self._wake.set()

    def put(self, entry: Entry) -> None:
        """Take an entry that comes after everything before it; returns at once."""
        with self._lock:
            self._entries += [*_metrics(self._points), entry]
            self._points = []
        self._wake.set()

    def flush(self) -> None:
        """Send what waits, now.

        Raises:
            Unavailable: the server does not answer; what waits is kept on disk.
        """
        with self._sending:
            taken = self._taken()
            if not taken and self._unsent.empty:
                return
            try:
                self._send_all(taken)
            except Unavailable:
                self._failures += 1
                wait = min(_LONGEST_WAIT, self._every * 2 ** min(self._failures - 1, 10))
                self._retry_at = time.monotonic() + wait
                raise
            self._failures = 0

    def close(self, patience_seconds: float) -> bool:
        """Send what is left, for at most so long, and end the thread; whether all was sent.

        What was not is kept on disk.
        """
        self._closed = True
        self._wake.set()
        self._thread.join()
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                self.flush()
                break
            except Unavailable:
                if time.monotonic() >= deadline:
                    break
                time.sleep(min(0.1, self._every))
        sent = self._unsent.empty
        self._unsent.close()
        return sent

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._every)
            self._wake.clear()
            if time.monotonic() < self._retry_at:
                self._keep(self._taken())
                continue
            try:
                self.flush()
            except Unavailable:
                continue

    def _taken(self) -> list[Entry]:
        with self._lock:
            taken = [*self._entries, *_metrics(self._points)]
            self._entries, self._points = [], []
        return taken

    def _keep(self, entries: Sequence[Entry]) -> None:
        if entries:
            with self._writing:
                self._unsent.append(entries)

    def _send_all(self, fresh: Sequence[Entry]) -> None:
        """Send what waits on disk, then ``fresh``, which joins the file where that fails."""
        try:
            self._send_kept()
        except Unavailable:
            self._keep(fresh)
            raise
        for place, entry in enumerate(fresh):
            try:
                self._tell([entry])
            except Unavailable:
                self._keep(fresh[place:])
                raise

    def _send_kept(self) -> None:
        """Send the file piece by piece; it goes when nothing was added to it meanwhile."""
        sent = 0
        while not self._unsent.empty:
            with self._writing:
                entries = list(self._unsent.entries())
            if len(entries) == sent:
                with self._writing:
                    if len(list(self._unsent.entries())) == sent:
                        self._unsent.clear()
                continue
            for entry in entries[sent:]:
                self._tell([entry])
            sent = len(entries)

    def _tell(self, entries: Sequence[Entry]) -> None:
        try:
            self._send(entries)
        except Unavailable:
            raise
        except MillwrightError as refusal:
            # Asking again changes nothing; what else there is to say is still said.
            self.refusal = self.refusal or refusal


def _metrics(points: Sequence[MetricPoint]) -> list[Entry]:
    return [
        Entry("metrics", tuple(points[place : place + MOST_AT_ONCE]))
        for place in range(0, len(points), MOST_AT_ONCE)
    ]
