"""Zero-wait batching: requests that are being handled at the same moment are scored together.

Nothing ever waits for a batch to fill. The first request of a turn of the event loop asks for a
flush at the turn's end; the requests that the same turn brought join it. So a lone request is scored
at once, and under load a batch is as large as what arrived while the last one was being scored, but
never so large that the model would take longer than the latency objective.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from millwright.kernel.errors import MillwrightError
from millwright.serving.latency import LatencyModel
from millwright.serving.outcome import Outcome
from millwright.serving.replies import Expired
from millwright.serving.signature import Rows

if TYPE_CHECKING:
    from millwright.serving.variant import Variant

MOST_ROWS = 128
"""Rows of one run of the model: more would keep others waiting longer than they gain."""

Plain = list[list[float]]


class Scored(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a request and when the model worked on it (``time.perf_counter_ns()``)."""

    outcome: Outcome
    started_ns: int
    ended_ns: int


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    rows: Plain
    future: asyncio.Future[Scored]
    deadline_ns: int | None


class Batcher:
    """Scores requests of one variant in batches. Used from the event loop's thread only.

    Attributes:
        released: how many batches were scored, by why they were not larger: ``idle`` (nobody else
            was there), ``full``, or ``slow`` (more would miss the latency objective).
        rows: how many rows those had together.
        expired: requests whose deadline was over before they were scored.
    """

    def __init__(self, variant: Variant, objective_seconds: float) -> None:
        """Score for ``variant``; no batch should keep the model longer than the objective."""
        self._variant = variant
        self._latency = LatencyModel(objective_seconds)
        self._waiting: list[_Waiting] = []
        self.released: Counter[str] = Counter()
        self.rows = 0
        self.expired = 0

    def submit(self, rows: Rows, deadline_ns: int | None = None) -> asyncio.Future[Scored]:
        """The outcome of these rows, as soon as the present turn of the event loop ends.

        Raises, through the future:
            InvalidInput: as ``Variant.score``, for the request whose rows are at fault alone.
            Expired: ``time.perf_counter_ns()`` was past the deadline before the model was asked.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        future: asyncio.Future[Scored] = loop.create_future()
        self._waiting.append(_Waiting(self._variant.plain(rows), future, deadline_ns))
        return future

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch: list[_Waiting] = []
        size, most = 0, min(MOST_ROWS, self._latency.most_rows)
        for request in waiting:
            if request.future.cancelled() or self._is_late(request):
                continue
            if batch and size + len(request.rows) > most:
                self._score(batch, size, "full" if most == MOST_ROWS else "slow")
                batch, size = [], 0
            batch.append(request)
            size += len(request.rows)
        if batch:
            self._score(batch, size, "idle")

    def _is_late(self, request: _Waiting) -> bool:
        if request.deadline_ns is None or time.perf_counter_ns() <= request.deadline_ns:
            return False
        self.expired += 1
        request.future.set_exception(
            Expired(
                "serving.expired",
                "The request's time was over before its turn came.",
                hint="Allow it more time, or serve with more workers.",
            )
        )
        return True

    def _score(self, batch: list[_Waiting], size: int, why: str) -> None:
        self.released[why] += 1
        self.rows += size
        if len(batch) == 1:
            self._alone(batch[0])
            return
        started = time.perf_counter_ns()
        try:
            whole = self._variant.score_plain([row for request in batch for row in request.rows])
        except MillwrightError:
            # Somebody's rows cannot be scored: whose, shows each by itself.
            for request in batch:
                self._alone(request)
            return
        except Exception as error:
            for request in batch:
                request.future.set_exception(error)
            return
        ended = time.perf_counter_ns()
        self._latency.learn(size, (ended - started) / 1e9)
        start = 0
        for request in batch:
            end = start + len(request.rows)
            request.future.set_result(Scored(whole.part(start, end), started, ended))
            start = end

    def _alone(self, request: _Waiting) -> None:
        started = time.perf_counter_ns()
        try:
            outcome = self._variant.score_plain(request.rows)
        except Exception as error:
            request.future.set_exception(error)
            return
        ended = time.perf_counter_ns()
        self._latency.learn(len(request.rows), (ended - started) / 1e9)
        request.future.set_result(Scored(outcome, started, ended))
