"""Holding a run while its steps execute: a thread that renews the lease and hears of a cancel."""

from __future__ import annotations

import threading

from millwright.kernel.errors import Conflict, MillwrightError, NotFound
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.records import Heartbeat


class HeldRun:
    """The lease on a run; a context manager that renews it three times per lease.

    Attributes:
        attempt: the fencing number that every change carries.
    """

    def __init__(self, client: PipelineClient, run_id: str, attempt: int, *, lease_ms: int) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self._client = client
        self._lease_ms = lease_ms
        self._ended = threading.Event()
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pipeline-lease", daemon=True)

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop: somebody asked for it, or another worker has it."""
        return self._cancelled.is_set()

    @property
    def lost(self) -> bool:
        """Whether another worker has taken the run over."""
        return self._lost.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the run should stop."""
        self._cancelled.wait(seconds)

    def __enter__(self) -> HeldRun:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        request = Heartbeat(attempt=self.attempt, lease_ms=self._lease_ms)
        while not self._ended.wait(self._lease_ms / 3000):
            try:
                if self._client.heartbeat(self.run_id, request).cancel_requested:
                    self._cancelled.set()
            except (Conflict, NotFound):
                self._lost.set()
                self._cancelled.set()
                return
            except MillwrightError:
                continue  # the server may be restarting; the lease outlives a missed beat
