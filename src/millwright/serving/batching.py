"""Zero-wait batching: requests that are being handled at the same moment are scored together.

Nothing ever waits for a batch to fill. The first request of a turn of the event loop asks for a
flush at the turn's end; the requests that the same turn brought join it. So a lone request is scored
at once, and under load a batch is as large as what arrived while the last one was being scored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from millwright.kernel.errors import MillwrightError
from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows

if TYPE_CHECKING:
    from millwright.serving.variant import Variant

MOST_ROWS = 128
"""Rows of one run of the model: more would keep others waiting longer than they gain."""

Plain = list[list[float]]


class Batcher:
    """Scores requests of one variant in batches. Used from the event loop's thread only.

    Attributes:
        released: how many batches were scored, by why they were not larger: ``idle`` (nobody else
            was there) or ``full``.
        rows: how many rows those had together.
    """

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._waiting: list[tuple[Plain, asyncio.Future[Outcome]]] = []
        self.released: Counter[str] = Counter()
        self.rows = 0

    def submit(self, rows: Rows) -> asyncio.Future[Outcome]:
        """The outcome of these rows, as soon as the present turn of the event loop ends.

        Raises, through the future:
            InvalidInput: as ``Variant.score``, for the request whose rows are at fault alone.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append((self._variant.plain(rows), future))
        return future

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        batch: list[tuple[Plain, asyncio.Future[Outcome]]] = []
        size = 0
        for request in waiting:
            if request[1].cancelled():
                continue
            if batch and size + len(request[0]) > MOST_ROWS:
                self._score(batch, size, "full")
                batch, size = [], 0
            batch.append(request)
            size += len(request[0])
        if batch:
            self._score(batch, size, "idle")

    def _score(
        self, batch: list[tuple[Plain, asyncio.Future[Outcome]]], size: int, why: str
    ) -> None:
        self.released[why] += 1
        self.rows += size
        if len(batch) == 1:
            self._alone(*batch[0])
            return
        try:
            whole = self._variant.score_plain([row for rows, _ in batch for row in rows])
        except MillwrightError:
            # Somebody's rows cannot be scored: whose, shows each by itself.
            for rows, future in batch:
                self._alone(rows, future)
            return
        except Exception as error:
            for _, future in batch:
                future.set_exception(error)
            return
        start = 0
        for rows, future in batch:
            future.set_result(whole.part(start, start + len(rows)))
            start += len(rows)

    def _alone(self, rows: Plain, future: asyncio.Future[Outcome]) -> None:
        try:
            future.set_result(self._variant.score_plain(rows))
        except Exception as error:
            future.set_exception(error)
