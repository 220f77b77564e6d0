"""The inference service over gRPC, beside HTTP and on the same application.

Each call is understood, scored, counted and logged exactly as its HTTP counterpart.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc

from millwright.kernel.errors import MillwrightError, NotFound, Unauthenticated, Unavailable
from millwright.serving.application import Application
from millwright.serving.bodies import too_large
from millwright.serving.grpc.messages import PACKAGE, message
from millwright.serving.grpc.tensors import request_of, write_reply
from millwright.serving.inference import Arrival, Task, read_request
from millwright.serving.models import Endpoint
from millwright.serving.open_inference import model_metadata, server_metadata
from millwright.serving.replies import Busy, Expired
from millwright.serving.repository import index

_PROTOCOL = "open-inference-grpc"
_CODES = (
    (Busy, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (Expired, grpc.StatusCode.DEADLINE_EXCEEDED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
)
_StreamResponse = message("ModelStreamInferResponse")


class InferenceService:
    """The calls of ``inference.GRPCInferenceService``."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def handler(self) -> Any:
        """All calls, as gRPC registers them."""
        calls = {
            "ServerLive": self._live,
            "ServerReady": self._ready,
            "ModelReady": self._model_ready,
            "ServerMetadata": self._server_metadata,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            "RepositoryIndex": self._index,
            "RepositoryModelLoad": self._load,
            "RepositoryModelUnload": self._unload,
            "ModelStatistics": self._statistics,
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                partial(self._called, call),
                request_deserializer=message(f"{name}Request").FromString,
                response_serializer=_serialised,
            )
            for name, call in calls.items()
        }
        handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=message("ModelInferRequest").FromString,
            response_serializer=_serialised,
        )
        return grpc.method_handlers_generic_handler(f"{PACKAGE}.GRPCInferenceService", handlers)

    async def _called(self, call: Any, request: Any, context: Any) -> Any:
        try:
            if call in (self._load, self._unload):
                self._application.admission.check_admin(_authorization(context))
            elif call not in (self._live, self._ready):
                self._refuse_large(request, await self._admitted(context))
            return await call(request)
        except MillwrightError as error:
            await context.abort(_code(error), str(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            sentence = "The server failed on this request; its log says where."
            await context.abort(grpc.StatusCode.INTERNAL, sentence)

    async def _admitted(self, context: Any) -> int | None:
        """The largest message that the caller may send, where it has a limit of its own."""
        return await self._application.admission.admit(_authorization(context))

    @staticmethod
    def _refuse_large(request: Any, most: int | None) -> None:
        if most is not None and request.ByteSize() > most:
            raise too_large(most)

    async def _live(self, _request: Any) -> Any:
        return message("ServerLiveResponse")(live=True)

    async def _ready(self, _request: Any) -> Any:
        return message("ServerReadyResponse")(ready=not self._application.draining)

    async def _model_ready(self, request: Any) -> Any:
        endpoint = self._application.models.named(request.name)
        loaded = endpoint.generation
        if loaded is not None:
            endpoint.pinned(loaded, request.version)
        ready = loaded is not None and not self._application.draining
        return message("ModelReadyResponse")(ready=ready)

    async def _server_metadata(self, _request: Any) -> Any:
        return message("ServerMetadataResponse")(**server_metadata(self._application.version))

    async def _model_metadata(self, request: Any) -> Any:
        models = self._application.models
        endpoint = models.named(request.name)
        generation = await models.ready(endpoint)
        pinned = endpoint.pinned(generation, request.version)
        variant = pinned or generation.champion
        metadata = model_metadata(generation, variant, pinned=pinned is not None)
        return message("ModelMetadataResponse")(**metadata)

    async def _index(self, request: Any) -> Any:
        found = index(self._application.models, only_ready=request.ready)
        return message("RepositoryIndexResponse")(models=found)

    async def _load(self, request: Any) -> Any:
        models = self._application.models
        await models.load(models.named(request.model_name))
        return message("RepositoryModelLoadResponse")()

    async def _unload(self, request: Any) -> Any:
        models = self._application.models
        models.unload(models.named(request.model_name))
        return message("RepositoryModelUnloadResponse")()

    async def _statistics(self, request: Any) -> Any:
        application = self._application
        if request.name:
            application.models.named(request.name)
        found = application.metrics.statistics(application.models, request.name, request.version)
        return message("ModelStatisticsResponse")(**found)

    async def _infer(self, request: Any) -> bytes:
        """A serialised ``ModelInferResponse``."""
        application = self._application
        started_ns = time.perf_counter_ns()
        status = 500
        endpoint: Endpoint | None = None
        try:
            endpoint = application.models.named(request.model_name)
            endpoint.in_flight += 1
            endpoint.refuse_if_busy()
            generation = await application.models.ready(endpoint)
            pinned = endpoint.pinned(generation, request.model_version)

            def read() -> Task:
                asked, raw = request_of(request)
                arrival = Arrival(b"", started_ns, None, raw)
                write = partial(write_reply, raw=raw is not None)
                return read_request(asked, arrival, generation, pinned, write)

            written = await application.predict(endpoint, request.ByteSize(), read)
            status = 200
            return written.body
        except MillwrightError as error:
            status = error.status
            raise
        finally:
            if endpoint is not None:
                endpoint.in_flight -= 1
            seconds = (time.perf_counter_ns() - started_ns) / 1e9
            application.metrics.request(_PROTOCOL, status, seconds)

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        try:
            most = await self._admitted(context)
        except MillwrightError as error:
            await context.abort(_code(error), str(error))
        async for request in requests:
            try:
                self._refuse_large(request, most)
                answer = await self._infer(request)
            except MillwrightError as error:
                # One bad request must not end the stream of those that follow.
                yield _StreamResponse(error_message=str(error))
                continue
            reply = _StreamResponse()
            reply.infer_response.ParseFromString(answer)
            yield reply


async def start_grpc(application: Application, host: str, port: int) -> tuple[Any, int]:
    """A running gRPC server and its port; port 0 takes a free one.

    Raises:
        Unavailable: the port is taken.
    """
    size = application.models.primary.config.max_body_bytes
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", size),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        ]
    )
    server.add_generic_rpc_handlers((InferenceService(application).handler(),))
    shown = f"[{host}]" if ":" in host else host
    try:
        bound = server.add_insecure_port(f"{shown}:{port}")
    except RuntimeError as cause:
        raise Unavailable(
            "serving.grpc_port",
            f"gRPC cannot listen on port {port} of {host}.",
            hint="Stop the program that does, or choose another port (--grpc-port 0 takes a free one).",
        ) from cause
    await server.start()
    return server, int(bound)


def _serialised(reply: Any) -> bytes:
    content: bytes = reply if isinstance(reply, bytes) else reply.SerializeToString()
    return content


def _authorization(context: Any) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            return str(value)
    return None


def _code(error: MillwrightError) -> grpc.StatusCode:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL if error.status >= 500 else grpc.StatusCode.INVALID_ARGUMENT
