"""Which requests of a server are recorded for traces. Where nobody asked for any, it costs a look."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any

from millwright.kernel.serving_config import TracesConfig
from millwright.serving.bodies import Incoming
from millwright.serving.inference import Answer
from millwright.serving.replies import Reply
from millwright.serving.streaming import Stream

if TYPE_CHECKING:
    from millwright.serving.tracing import Tracer

_PATH_LENGTH = 300


class Recorder:
    """Records requests as a configuration says. Used from the event loop's thread.

    Attributes:
        tracer: where they go; None while none are recorded.
    """

    def __init__(self) -> None:
        """Record nothing until ``take``."""
        self.tracer: Tracer | None = None
        self._given: dict[object, tuple[str, Answer]] = {}

    @property
    def spans(self) -> Mapping[str, int]:
        """Spans by what became of them."""
        return {} if self.tracer is None else self.tracer.spans

    def take(self, config: TracesConfig | None, service: str) -> Tracer | None:
        """Record as ``config`` says from now on; what did so before is to be closed."""
        before = self.tracer
        if (None if before is None else before.config) == config:
            return None
        self.tracer = None
        if config is not None:
            # Only who wants traces loads what sends them.
            self.tracer = importlib.import_module("millwright.serving.tracing").Tracer(
                config, service
            )
        return before

    def note(self, model: str, given: Answer) -> None:
        """Remember what the request that is being answered got."""
        self._given[asyncio.current_task()] = (model, given)

    async def respond(
        self, tracer: Tracer, request: Incoming, coming: Awaitable[Reply | Stream | None]
    ) -> Reply | Stream | None:
        """The reply that is coming, recorded where this request is to be."""
        begun = tracer.begin(request.headers)
        if begun is None:
            try:
                return await coming
            finally:
                self._given.pop(asyncio.current_task(), None)
        started_ns, task = time.perf_counter_ns(), asyncio.current_task()
        model, given = "", None

        def record(reply: Reply | Stream, model: str, given: Answer | None) -> None:
            traced: dict[str, Any] = {
                "method": request.method,
                "path": request.path[:_PATH_LENGTH],
                "status": reply.status,
                "ended_ns": time.time_ns(),
                "lasted_ns": time.perf_counter_ns() - started_ns,
                "model": model,
                "given": given,
            }
            tracer.record(*begun, **traced)

        try:
            reply = await coming
        finally:
            model, given = self._given.pop(task, ("", None))
        if isinstance(reply, Stream):
            # Its span ends with its last event.
            stream = reply
            stream.when_closed = lambda name, whole: record(stream, name, whole)
        elif reply is not None:
            record(reply, model, given)
        return reply
