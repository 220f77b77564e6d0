"""Answers that come bit by bit, one part for each thing the model yields, whatever carries them.

A stream is pulled, never pushed: the next part is asked of the model when the one before has been
taken by the socket, so who reads slowly slows the model and fills no memory. The first part is
awaited before anything is sent, so what fails at once is an ordinary refusal. When the caller hangs
up, or its time is over, the generator is closed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

from millwright.kernel.errors import Conflict, MillwrightError
from millwright.serving.inference import Answer, Task, Times, log
from millwright.serving.mirroring import Mirror
from millwright.serving.outcome import Outcome, Said
from millwright.serving.questions import Question, Written
from millwright.serving.replies import Expired
from millwright.serving.variant import Variant

Ended = Literal["done", "failed", "expired", "cancelled"]
WritePart = Callable[[Question, str, Variant, Said], bytes]
"""Makes a part of the answer of what was asked, the request's id, who answers and what it said."""
_THREADS = ThreadPoolExecutor(32, thread_name_prefix="streaming")
"""Generators run here, one event at a time; a thread starts with the first stream that needs it."""


class _Generator:
    """A generator that threads ask one after the other, and that can be closed at any time."""

    def __init__(self, made: Callable[[], Iterator[Said]]) -> None:
        self._made = made
        self._iterator: Iterator[Said] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def following(self) -> Said | None:
        """What it yields next; None at its end."""
        with self._lock:
            if self._closed:
                return None
            if self._iterator is None:
                self._iterator = self._made()
            return next(self._iterator, None)

    def close(self) -> None:
        """Have it end where it stands, after what it is computing now."""
        self._closed = True
        with self._lock:
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()


class Stream:
    """The answer to one request, part by part.

    Attributes:
        events: how many parts were given out.
        status: as HTTP has it; that of the refusal where it failed before the first.
        when_closed: called at the end with the model's name and the whole answer, if set.
        refused: whether it failed before the first, so that it is an ordinary refusal.
    """

    def __init__(
        self,
        task: Task,
        mirror: Mirror,
        write: WritePart,
        finish: Callable[[Stream, Ended, Answer], None],
    ) -> None:
        """Begin to answer ``task``, each part made by ``write``; ``finish`` is called once with how
        it ended.

        Raises:
            Conflict: the model answers all at once.
        """
        make = task.answering.stream
        if make is None:
            raise Conflict(
                "serving.no_stream",
                f"The model '{task.answering.manifest.model}' answers all at once.",
                hint="Ask it at /infer; a Python class with predict_stream answers bit by bit.",
            )
        rows = task.question.rows
        self.status = 200
        self._task = task
        self._mirror = mirror
        self._write = write
        self._finish = finish
        self._generator = _Generator(lambda: make(rows))
        self._ahead: bytes | None = None
        self._last: Outcome | None = None
        self._ended: Ended | None = None
        self._model_ns = self._encode_ns = 0
        self.events = 0
        self.refused = False
        self.when_closed: Callable[[str, Answer], None] | None = None
        timeout_us = task.question.timeout_us
        self._ends_ns = None if not timeout_us else task.arrival.started_ns + timeout_us * 1000

    async def begin(self) -> None:
        """Await the first part, so that what fails at once is refused as usual."""
        try:
            self._ahead = await self._part()
        except BaseException as error:
            self.refused = True
            self.status = error.status if isinstance(error, MillwrightError) else 500
            await self.close()
            raise

    async def following(self) -> bytes | None:
        """The next part; None at the end.

        Raises:
            Expired: the request's time is over. Whatever the model raises.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None or self._ended is not None:
            return ahead
        return await self._part()

    async def close(self) -> None:
        """Close the generator, write the log and count."""
        ended = self._ended or "cancelled"
        self._ended = ended
        loop = asyncio.get_running_loop()
        closing = loop.run_in_executor(_THREADS, self._generator.close)
        closing.add_done_callback(_told)
        now = time.perf_counter_ns()
        log(self._task, None if ended == "failed" else self._last, now, self._mirror)
        task = self._task
        times = Times(
            decode=task.read_ns - task.arrival.started_ns,
            queue=0,
            model=self._model_ns,
            encode=self._encode_ns,
        )
        answer = Answer(Written(b""), task.answering, task.question.rows.count, times)
        self._finish(self, ended, answer)
        if self.when_closed is not None:
            self.when_closed(task.generation.config.model_name, answer)

    async def _part(self) -> bytes | None:
        """The next part; remembers how the stream ended where it did."""
        began = time.perf_counter_ns()
        try:
            said = await self._said()
        except Expired:
            self._ended = "expired"
            raise
        except Exception:
            self._ended = "failed"
            raise
        came = time.perf_counter_ns()
        self._model_ns += came - began
        if said is None:
            self._ended = "done"
            return None
        self._remember(said)
        task = self._task
        content = self._write(task.question, task.request_id, task.answering, said)
        self._encode_ns += time.perf_counter_ns() - came
        self.events += 1
        return content

    async def _said(self) -> Said | None:
        loop = asyncio.get_running_loop()
        pulled = loop.run_in_executor(_THREADS, self._generator.following)
        if self._ends_ns is None:
            return await pulled
        left = (self._ends_ns - time.perf_counter_ns()) / 1e9
        try:
            return await asyncio.wait_for(asyncio.shield(pulled), max(0.0, left))
        except TimeoutError:
            pulled.add_done_callback(_told)
            raise Expired(
                "serving.expired",
                "The request's time was over before its stream ended.",
                hint="Allow it more time under the parameter timeout, in microseconds.",
            ) from None

    def _remember(self, said: Said) -> None:
        """What the log keeps: the latest scores, or all the text."""
        if isinstance(said, Outcome):
            self._last = said
            return
        before = "" if self._last is None or not self._last.labels else self._last.labels[0]
        count = self._task.question.rows.count
        self._last = Outcome([None] * count, None, [before + said] * count)


def _told(future: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more; what it raised is for the server's log."""
    if not future.cancelled() and (error := future.exception()) is not None:
        traceback.print_exception(error, file=sys.stderr)
