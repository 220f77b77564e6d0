"""The inference service over gRPC, beside HTTP and on the same application.

Each call is understood, scored, counted and logged exactly as its HTTP counterpart.
"""

from __future__ import annotations

import sys
import traceback
from functools import partial
from typing import Any

import grpc

from millwright.kernel.errors import MillwrightError, Unavailable
from millwright.serving.application import Application
from millwright.serving.grpc.asking import FAILURE, SERVICE, Asking, authorization_of, code_of
from millwright.serving.grpc.messages import message
from millwright.serving.open_inference import model_config, model_metadata, server_metadata
from millwright.serving.repository import index

# As the enumeration in Triton's model_config.proto has them.
_DATA_TYPES = {"TYPE_BOOL": 1, "TYPE_FP64": 12, "TYPE_STRING": 13}


class InferenceService:
    """The calls of ``inference.GRPCInferenceService``."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._asking = Asking(application)

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
            "ModelConfig": self._config,
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
            self._asking.replies,
            request_deserializer=message("ModelInferRequest").FromString,
            response_serializer=_serialised,
        )
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def _called(self, call: Any, request: Any, context: Any) -> Any:
        try:
            if call in (self._load, self._unload):
                self._application.admission.check_admin(authorization_of(context))
            elif call not in (self._live, self._ready):
                await self._asking.admitted(request, context)
            return await (call(request, context) if call == self._infer else call(request))
        except MillwrightError as error:
            await context.abort(code_of(error), str(error))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            await context.abort(grpc.StatusCode.INTERNAL, FAILURE)

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

    async def _config(self, request: Any) -> Any:
        models = self._application.models
        generation = await models.ready(models.named(request.name))
        found: Any = model_config(generation)
        for tensor in (*found["input"], *found["output"]):
            tensor["data_type"] = _DATA_TYPES[tensor["data_type"]]
        return message("ModelConfigResponse")(config=found)

    async def _infer(self, request: Any, context: Any) -> Any:
        return await self._asking.answer(request, context, "ModelInfer")


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
