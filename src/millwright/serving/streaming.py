"""Answers that come bit by bit, as server-sent events: one event for each thing the model yields.

A stream is pulled, never pushed: the next event is asked of the model when the one before has been
taken by the socket, so who reads slowly slows the model and fills no memory. The first event is
awaited before the status is sent, so what fails at once is an ordinary refusal; what fails later
is an event ``error``. When the caller hangs up, or its time is over, the generator is closed.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
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

import orjson

from millwright.kernel.errors import Conflict, MillwrightError
from millwright.serving.answering import InParts
from millwright.serving.inference import Answer, Task, Times, log
from millwright.serving.mirroring import Mirror
from millwright.serving.open_inference import write_part
from millwright.serving.outcome import Outcome, Said
from millwright.serving.questions import Written
from millwright.serving.replies import Expired

EVENTS = "text/event-stream"
Ended = Literal["done", "failed", "expired", "cancelled"]
_HEADERS = [
    ("content-type", EVENTS),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
]
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


class Stream(InParts):
    """The answer to one request, event by event.

    Attributes:
        events: how many were given out.
        when_closed: called at the end with the model's name and the whole answer, if set.
        refused: whether it failed before the first, so that it is an ordinary refusal.
    """

    status = 200

    def __init__(
        self,
        task: Task,
        mirror: Mirror,
        finish: Callable[[Stream, Ended, Answer], None],
    ) -> None:
        """Begin to answer ``task``; ``finish`` is called once with how it ended.

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
        self._task = task
        self._mirror = mirror
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

    def headers(self) -> list[tuple[str, str]]:
        """All headers: a proxy is asked not to hold events back."""
        return _HEADERS

    async def begin(self) -> None:
        """Await the first event, so that what fails at once is refused as usual."""
        try:
            self._ahead = await self._event()
        except BaseException:
            self.refused = True
            await self.close()
            raise

    async def part(self) -> bytes | None:
        """The next event; errors are events too."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None or self._ended is not None:
            return ahead
        try:
            return await self._event()
        except MillwrightError as error:
            return _error_event(str(error), error.code)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            sentence = "The server failed on this request; its log says where."
            return _error_event(sentence, "serving.failed")

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

    async def _event(self) -> bytes | None:
        """The next event; remembers how the stream ended where it did."""
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
        content = write_part(self._task.question, self._task.request_id, self._task.answering, said)
        self._encode_ns += time.perf_counter_ns() - came
        self.events += 1
        return b"data: " + content + b"\n\n"

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


def _error_event(sentence: str, code: str) -> bytes:
    return b"event: error\ndata: " + orjson.dumps({"error": sentence, "code": code}) + b"\n\n"
