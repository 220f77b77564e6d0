"""Which requests of a server are recorded for traces. Where nobody asked for any, it costs a look."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from millwright.kernel.serving_config import TracesConfig
from millwright.serving.bodies import Incoming
from millwright.serving.events import EventStream
from millwright.serving.inference import Answer
from millwright.serving.replies import Reply

if TYPE_CHECKING:
    from millwright.serving.tracing import Parent, Tracer

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

    def begin(self, tracer: Tracer, headers: Mapping[str, str], asked: Asked) -> Recording | None:
        """What tells of a request that brought ``headers``; None where it is not to be recorded."""
        begun = tracer.begin(headers)
        return None if begun is None else Recording(tracer, begun, asked)

    def given(self) -> tuple[str, Answer | None]:
        """The model that was asked by the request that is being answered, and what it got."""
        return self._given.pop(asyncio.current_task(), ("", None))

    async def respond(
        self, tracer: Tracer, request: Incoming, coming: Awaitable[Reply | EventStream | None]
    ) -> Reply | EventStream | None:
        """The reply that is coming, recorded where this request is to be."""
        asked = Asked(
            request.method,
            {"http.request.method": request.method, "url.path": request.path[:_PATH_LENGTH]},
            "http.response.status_code",
        )
        recording = self.begin(tracer, request.headers, asked)
        try:
            reply = await coming
        finally:
            model, given = self.given()
        if recording is None:
            return reply
        if type(reply) is EventStream:
            # Its span ends with its last event.
            status = reply.status
            reply.stream.when_closed = lambda name, whole: recording.end(
                status, name, whole, failed=False
            )
        elif reply is not None:
            recording.end(reply.status, model, given, failed=reply.status >= 500)
        return reply


class Asked(NamedTuple):
    """How a request is told: the beginning of its span's name, its attributes, and the name of the
    attribute that has its status."""

    name: str
    attributes: dict[str, object]
    status: str


class Recording:
    """One request that will be told when it is over."""

    def __init__(self, tracer: Tracer, begun: tuple[Parent | None, str], asked: Asked) -> None:
        self._tracer = tracer
        self._begun = begun
        self._asked = asked
        self._started_ns = time.perf_counter_ns()

    def end(self, status: int, model: str, given: Answer | None, *, failed: bool) -> None:
        """Tell that it is over: its status in its protocol, the model and what it answered."""
        name, attributes, key = self._asked
        self._tracer.record(
            *self._begun,
            name=f"{name} {model}".rstrip(),
            attributes={**attributes, key: status, "millwright.model": model},
            failed=failed,
            ended_ns=time.time_ns(),
            lasted_ns=time.perf_counter_ns() - self._started_ns,
            given=given,
        )
