"""Requests for predictions over gRPC, alone or in streams.

A stream answers in the order of its requests, while those that wait are being answered already. A
model that answers bit by bit gives several replies to a request, as Triton's decoupled models do: each
says by ``triton_final_response`` whether it is the last, and a request that sets
``triton_enable_empty_final_response`` is told of the end by an empty one.

Source: https://github.com/triton-inference-server/server/blob/main/docs/user_guide/decoupled_models.md
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple

import grpc
import msgspec

from millwright.kernel.errors import MillwrightError, NotFound, Unauthenticated
from millwright.serving.application import Application
from millwright.serving.bodies import too_large
from millwright.serving.grpc.messages import PACKAGE, message
from millwright.serving.grpc.tensors import request_of, write_part, write_reply
from millwright.serving.inference import Arrival, Task, read_request
from millwright.serving.models import Endpoint
from millwright.serving.recording import Asked, Recording
from millwright.serving.replies import Busy, Expired
from millwright.serving.streaming import Stream

SERVICE = f"{PACKAGE}.GRPCInferenceService"
FAILURE = "The server failed on this request; its log says where."
_PROTOCOL = "open-inference-grpc"
_CODES = (
    (Busy, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Expired, grpc.StatusCode.DEADLINE_EXCEEDED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
)
_AHEAD = 16
"""Requests of a stream that are answered while the reply to an earlier one is being taken."""
_FINAL = "triton_final_response"
_EMPTY_FINAL = "triton_enable_empty_final_response"
_Reply = message("ModelStreamInferResponse")


class _Coming(NamedTuple):
    """A request of a stream, and its answer that is on its way."""

    request: Any
    answer: asyncio.Task[bytes | Stream]


class Asking:
    """Answers what is asked of one application's models."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def admitted(self, request: Any, context: Any) -> None:
        """Raise where the caller may not ask this.

        Raises:
            Unauthenticated: it shows no token or key. Busy: it asks more often than it may.
            InvalidInput: its message is larger than it may be.
        """
        most = await self._application.admission.admit(authorization_of(context))
        if most is not None and request.ByteSize() > most:
            raise too_large(most)

    async def answer(
        self, request: Any, context: Any, method: str, *, in_parts: bool = False
    ) -> bytes | Stream:
        """A serialised ``ModelInferResponse``; ``in_parts``: a stream, where the model gives one."""
        application = self._application
        recording = self._recording(context, method)
        started_ns = time.perf_counter_ns()
        status, code = 500, grpc.StatusCode.INTERNAL
        endpoint: Endpoint | None = None
        answer: bytes | Stream = b""
        try:
            endpoint = application.models.named(request.model_name)
            endpoint.in_flight += 1
            answer = await self._answer(endpoint, request, context, started_ns, in_parts)
            status, code = 200, grpc.StatusCode.OK
            return answer
        except MillwrightError as error:
            status, code = error.status, code_of(error)
            if endpoint is not None:
                application.metrics.refusal(endpoint.name)
            raise
        finally:
            if endpoint is not None:
                endpoint.in_flight -= 1
            if recording is not None:
                self._tell(recording, code, answer, failed=status >= 500)
            if not isinstance(answer, Stream):
                seconds = (time.perf_counter_ns() - started_ns) / 1e9
                application.metrics.request(_PROTOCOL, status, seconds)

    async def replies(
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncGenerator[Any, None]:
        """The replies to a stream of requests, in their order."""
        window: asyncio.Queue[_Coming | None] = asyncio.Queue(_AHEAD)
        reading = asyncio.ensure_future(self._read_ahead(requests, context, window))
        try:
            while (coming := await window.get()) is not None:
                async with aclosing(self._replies(coming, context)) as replies:
                    async for reply in replies:
                        yield reply
            await reading
        finally:
            reading.cancel()
            while not window.empty():
                await _abandon(window.get_nowait())

    async def _answer(
        self, endpoint: Endpoint, request: Any, context: Any, started_ns: int, in_parts: bool
    ) -> bytes | Stream:
        endpoint.refuse_if_busy()
        application = self._application
        generation = await application.models.ready(endpoint)
        pinned = endpoint.pinned(generation, request.model_version)
        raw = bool(request.raw_input_contents)

        def read() -> Task:
            asked, tensors = request_of(request)
            arrival = Arrival(b"", started_ns, None, tensors)
            task = read_request(asked, arrival, generation, pinned, partial(write_reply, raw=raw))
            return _in_time(task, context.time_remaining(), started_ns)

        if in_parts and any(one.stream is not None for one in generation.variants):
            task = read()
            if task.answering.stream is not None:
                write = partial(write_part, raw=raw)
                return await application.stream(endpoint, task, write, _PROTOCOL)
            read = partial(_same, task)
        return (await application.predict(endpoint, request.ByteSize(), read)).body

    async def _read_ahead(
        self, requests: AsyncIterator[Any], context: Any, window: asyncio.Queue[_Coming | None]
    ) -> None:
        try:
            async for request in requests:
                answer = asyncio.ensure_future(self._admitted_answer(request, context))
                coming = _Coming(request, answer)
                try:
                    await window.put(coming)
                except asyncio.CancelledError:
                    await _abandon(coming)
                    raise
        finally:
            await window.put(None)

    async def _admitted_answer(self, request: Any, context: Any) -> bytes | Stream:
        await self.admitted(request, context)
        return await self.answer(request, context, "ModelStreamInfer", in_parts=True)

    async def _replies(self, coming: _Coming, context: Any) -> AsyncGenerator[Any, None]:
        request = coming.request
        stream: Stream | None = None
        try:
            answer = await coming.answer
            if not isinstance(answer, Stream):
                yield _reply(answer, is_final=True)
                return
            stream = answer
            while (part := await stream.following()) is not None:
                yield _reply(part, is_final=False)
            if request.parameters[_EMPTY_FINAL].bool_param:
                yield _ended(request)
        except Unauthenticated as error:
            await context.abort(code_of(error), str(error))
        except MillwrightError as error:
            # One bad request must not end the stream of those that follow.
            yield _refused(request, str(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            yield _refused(request, FAILURE)
        finally:
            if stream is not None:
                await stream.close()
            elif not coming.answer.done():
                coming.answer.cancel()

    def _recording(self, context: Any, method: str) -> Recording | None:
        recorder = self._application.recorder
        if recorder.tracer is None:
            return None
        entries = context.invocation_metadata() or ()
        headers = {key: value for key, value in entries if isinstance(value, str)}
        attributes: dict[str, object] = {
            "rpc.system": "grpc",
            "rpc.service": SERVICE,
            "rpc.method": method,
        }
        asked = Asked(f"{SERVICE}/{method}", attributes, "rpc.grpc.status_code")
        return recorder.begin(recorder.tracer, headers, asked)

    def _tell(
        self, recording: Recording, code: grpc.StatusCode, answer: bytes | Stream, *, failed: bool
    ) -> None:
        number = int(code.value[0])
        if isinstance(answer, Stream):
            # Its span ends with its last reply.
            answer.when_closed = lambda name, whole: recording.end(
                number, name, whole, failed=False
            )
            return
        model, given = self._application.recorder.given()
        recording.end(number, model, given, failed=failed)


def authorization_of(context: Any) -> str | None:
    """What a call shows in place of HTTP's header ``Authorization``."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            return str(value)
    return None


def code_of(error: MillwrightError) -> grpc.StatusCode:
    """The code of gRPC for an error."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL if error.status >= 500 else grpc.StatusCode.INVALID_ARGUMENT


def _same(task: Task) -> Task:
    return task


def _in_time(task: Task, seconds: float | None, started_ns: int) -> Task:
    """The task, to be dropped when the deadline of its call is over before its turn comes."""
    if seconds is None or task.question.timeout_us is not None:
        return task
    spent_us = (time.perf_counter_ns() - started_ns) // 1000
    timeout_us = max(1, int(seconds * 1e6) + spent_us)
    question = msgspec.structs.replace(task.question, timeout_us=timeout_us)
    return msgspec.structs.replace(task, question=question)


async def _abandon(coming: _Coming | None) -> None:
    """Nobody waits for this answer any more."""
    if coming is None:
        return
    coming.answer.cancel()
    answer = (await asyncio.gather(coming.answer, return_exceptions=True))[0]
    if isinstance(answer, Stream):
        await answer.close()


def _reply(answer: bytes, *, is_final: bool) -> Any:
    reply = _Reply()
    reply.infer_response.ParseFromString(answer)
    reply.infer_response.parameters[_FINAL].bool_param = is_final
    return reply


def _ended(request: Any) -> Any:
    reply = _Reply()
    reply.infer_response.model_name = request.model_name
    reply.infer_response.model_version = request.model_version
    reply.infer_response.id = request.id
    reply.infer_response.parameters[_FINAL].bool_param = True
    return reply


def _refused(request: Any, sentence: str) -> Any:
    """An error of one request of a stream, which is known by its id."""
    reply = _Reply(error_message=sentence)
    reply.infer_response.id = request.id
    return reply
