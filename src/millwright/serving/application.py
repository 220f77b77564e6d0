"""The application of an inference server: requests to replies, mistakes to sentences.

It knows no server: ``asgi`` and ``rsgi`` hand it requests and take its replies.
"""

from __future__ import annotations

import asyncio
import hmac
import importlib.metadata
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import orjson

from millwright.kernel.errors import (
    Conflict,
    Forbidden,
    MillwrightError,
    NotFound,
    Unauthenticated,
)
from millwright.serving import binary_tensors, open_inference
from millwright.serving.bodies import ClientGone, Incoming, read_body, require_type
from millwright.serving.config import ServerConfig, parse_config
from millwright.serving.encoder import FEW_ROWS
from millwright.serving.inference import (
    Arrival,
    Task,
    answer,
    answer_in_batch,
    read_infer,
    read_invocation,
)
from millwright.serving.metrics import CONTENT_TYPE, Metrics
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.questions import Written
from millwright.serving.variant import Generation, Variant, load_generation, scorers_of

_JSON = "application/json"
_BINARY = "application/octet-stream"
_SAFE = ("x-content-type-options", "nosniff")
_JSON_HEADERS = [("content-type", _JSON), _SAFE]
_ADMIN_BODY_BYTES = 1024 * 1024
_RETRY_SECONDS = 1
_REQUEST_ID_LENGTH = 200


class Reply(NamedTuple):
    """What goes back to the caller."""

    status: int
    body: bytes
    media: str = _JSON
    json_bytes: int | None = None
    """How much of the body is JSON, where raw tensors follow it."""
    retry_seconds: int | None = None
    """When it is worth asking again."""

    def headers(self) -> list[tuple[str, str]]:
        """All headers but the body's length."""
        if self.media is _JSON and self.retry_seconds is None:
            return _JSON_HEADERS
        headers = [("content-type", self.media), _SAFE]
        if self.json_bytes is not None:
            headers.append((binary_tensors.HEADER, str(self.json_bytes)))
        if self.retry_seconds is not None:
            headers.append(("retry-after", str(self.retry_seconds)))
        return headers


class Application:
    """Answers every request of one server. All state lives on the event loop's thread.

    Attributes:
        generation: what is served now; replaced as a whole, so a request that began on the old
            one finishes on it.
        in_flight: requests that have no reply yet.
    """

    def __init__(
        self,
        generation: Generation,
        log: PredictionLog,
        *,
        admin_token: str | None = None,
        access_token: str | None = None,
    ) -> None:
        """Serve ``generation``.

        Args:
            admin_token: what ``POST /admin/config`` asks for; None closes it.
            access_token: what every path but health asks for; None asks for nothing.
        """
        self.generation = generation
        self.log = log
        self.metrics = Metrics()
        self.draining = False
        self.in_flight = 0
        self._admin_token = admin_token
        self._access_token = access_token
        self._swap = asyncio.Lock()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="scoring")
        self.version = importlib.metadata.version("millwright")

    async def respond(self, request: Incoming) -> Reply | None:
        """The reply to one request; None where the caller hung up before it was complete."""
        started_ns = time.perf_counter_ns()
        protocol = _protocol(request.path)
        self.in_flight += 1
        try:
            reply = await self._reply(request, started_ns)
        except MillwrightError as error:
            reply = _refusal(error)
        except ClientGone:
            return None
        except Exception:
            traceback.print_exc(file=sys.stderr)
            sentence = "The server failed on this request; its log says where."
            reply = Reply(500, orjson.dumps({"error": sentence, "code": "serving.failed"}))
        finally:
            self.in_flight -= 1
        if protocol is not None:
            seconds = (time.perf_counter_ns() - started_ns) / 1e9
            self.metrics.request(protocol, reply.status, seconds)
        return reply

    async def _reply(self, request: Incoming, started_ns: int) -> Reply:
        method, path = request.method, request.path
        if "/health/" not in path:
            self.check_access(request.headers.get("authorization"))
        if method == "POST":
            return await self._post(path, request, started_ns)
        if method not in ("GET", "HEAD"):
            raise _wrong_method(method, path)
        return self._get(path)

    async def _post(self, path: str, request: Incoming, started_ns: int) -> Reply:
        if path == "/admin/config":
            return await self._configure(request)
        generation, headers = self.generation, request.headers
        self.refuse_if_busy()
        if path == "/invocations":
            media = require_type(headers, "application/json", "text/csv")
            arrival = await self._arrival(request, started_ns)
            return await self._answer(arrival, lambda: read_invocation(arrival, generation, media))
        if not path.endswith("/infer"):
            self._get(path)  # says 404 where there is no such path
            raise _wrong_method("POST", path)
        pinned, _ = self._model(path.removesuffix("/infer"))
        # No browser sends the extension's header to another site without asking first.
        if binary_tensors.HEADER not in headers:
            require_type(headers, "application/json")
        arrival = await self._arrival(request, started_ns)
        return await self._answer(arrival, lambda: read_infer(arrival, generation, pinned))

    async def _arrival(self, request: Incoming, started_ns: int) -> Arrival:
        body = await read_body(request, self.generation.config.max_body_bytes)
        request_id = (request.headers.get("x-request-id") or "")[:_REQUEST_ID_LENGTH]
        content, raw = binary_tensors.split(request.headers, body)
        return Arrival(content, started_ns, request_id or None, raw)

    async def _answer(self, arrival: Arrival, read: Callable[[], Task]) -> Reply:
        size = len(arrival.body) + len(arrival.raw or b"")
        written = await self.predict(size, read)
        if written.json_bytes is None:
            return Reply(200, written.body)
        return Reply(200, written.body, _BINARY, written.json_bytes)

    async def predict(self, size: int, read: Callable[[], Task]) -> Written:
        """Understand a request of ``size`` bytes, score it and log it.

        Raises the errors of ``read``.
        """
        if size > self.generation.config.inline_body_bytes:
            loop = asyncio.get_running_loop()
            given = await loop.run_in_executor(self._threads, lambda: answer(read(), self.log))
        else:
            task = read()
            few = task.question.rows.count <= FEW_ROWS
            given = await answer_in_batch(task, self.log) if few else answer(task, self.log)
        self.metrics.answer(given.variant, given.version, given.rows)
        return given.written

    def refuse_if_busy(self) -> None:
        """Raise where more requests are under way than the configuration allows."""
        most = self.generation.config.max_in_flight
        if self.in_flight > most:
            raise Busy(
                "serving.busy",
                f"The server has {most} requests under way and takes no more for the moment.",
                hint="Ask again in a second, or serve with more workers.",
            )

    def check_access(self, authorization: str | None) -> None:
        """Raise where the server asks for a token and this header does not hold it."""
        if self._access_token is not None:
            _check_token(authorization, self._access_token)

    async def _configure(self, request: Incoming) -> Reply:
        if self._admin_token is None:
            raise Forbidden(
                "serving.admin_closed",
                "This server was started without an admin token and keeps its configuration.",
                hint="Start it with MILLWRIGHT_ADMIN_TOKEN set.",
            )
        _check_token(request.headers.get("authorization"), self._admin_token)
        require_type(request.headers, "application/json")
        config = parse_config(await read_body(request, _ADMIN_BODY_BYTES))
        async with self._swap:
            current = self.generation
            _refuse_another_deployment(current.config, config)
            loop = asyncio.get_running_loop()
            loaded = scorers_of(current)
            self.generation = await loop.run_in_executor(None, load_generation, config, loaded)
            self.metrics.reloads += 1
        return _json(self._status())

    def _get(self, path: str) -> Reply:
        if path in ("/v2/health/live", "/health"):
            return _json({"live": True})
        if path in ("/v2/health/ready", "/ping"):
            ready = not self.draining
            return _json({"ready": ready}, status=200 if ready else 503)
        if path in ("/v2", "/v2/"):
            return _json(open_inference.server_metadata(self.version))
        if path == "/version":
            return _json({"version": self.version, **self._status()})
        if path == "/metrics":
            text = self.metrics.exposition(self.log, self.generation.variants, self.in_flight)
            return Reply(200, text, CONTENT_TYPE)
        if path.endswith("/infer") or path in ("/invocations", "/admin/config"):
            raise _wrong_method("GET", path)
        ready_asked = path.endswith("/ready")
        pinned, name = self._model(path.removesuffix("/ready"))
        if ready_asked:
            return _json({"name": name, "ready": not self.draining})
        generation = self.generation
        variant = pinned or generation.champion
        return _json(open_inference.model_metadata(generation, variant, pinned=pinned is not None))

    def _status(self) -> dict[str, object]:
        config = self.generation.config
        variants = [v.model_dump(mode="json", exclude={"package"}) for v in config.variants]
        return {
            "deployment": config.deployment,
            "model": config.model_name,
            "revision": config.revision,
            "variants": variants,
        }

    def _model(self, path: str) -> tuple[Variant | None, str]:
        """The version that ``/v2/models/{name}[/versions/{version}]`` pins, and the name.

        Raises:
            NotFound: no such path, model or version.
        """
        parts = path.split("/")
        if len(parts) < 4 or parts[1:3] != ["v2", "models"]:
            raise _no_path(path)
        name, rest = parts[3], parts[4:]
        if rest and (len(rest) != 2 or rest[0] != "versions" or not rest[1]):
            raise _no_path(path)
        return self.pinned(name, rest[1] if rest else ""), name

    def pinned(self, name: str, version: str) -> Variant | None:
        """The variant that serves a version; None where none is asked for.

        Raises:
            NotFound: the server has no such model or version.
        """
        generation = self.generation
        if name != generation.config.model_name:
            raise NotFound(
                "serving.unknown_model",
                f"This server has no model '{name[:100]}'.",
                hint=f"It serves '{generation.config.model_name}'.",
            )
        if not version:
            return None
        variant = generation.by_version(version)
        if variant is None:
            served = ", ".join(str(v.version) for v in generation.config.variants)
            raise NotFound(
                "serving.unknown_version",
                f"Version '{version[:40]}' of '{name}' is not served here.",
                hint=f"Served now: {served}.",
            )
        return variant


def _protocol(path: str) -> str | None:
    if path.endswith("/infer"):
        return "open-inference"
    return "mlflow" if path == "/invocations" else None


def _json(content: object, *, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(content))


def _refusal(error: MillwrightError) -> Reply:
    # The protocol wants a sentence under "error"; the code beside it is for programs.
    body = orjson.dumps({"error": str(error), "code": error.code})
    retry_seconds = _RETRY_SECONDS if isinstance(error, Busy) else None
    return Reply(error.status, body, retry_seconds=retry_seconds)


class Busy(MillwrightError):
    """More requests are under way than are allowed."""

    status, exit_code = 429, 5


def _check_token(authorization: str | None, token: str) -> None:
    given = (authorization or "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, b"Bearer " + token.encode()):
        raise Unauthenticated(
            "serving.token",
            "This needs a token, and the one given is not it.",
            hint="Send the header: Authorization: Bearer TOKEN",
        )


def _refuse_another_deployment(current: ServerConfig, new: ServerConfig) -> None:
    for name in ("deployment", "model_name", "spool"):
        if getattr(current, name) != getattr(new, name):
            raise Conflict(
                "serving.another_deployment",
                f"This server's {name} is '{getattr(current, name)}' and cannot become "
                f"'{getattr(new, name)}'.",
                hint="Start a server of its own for it.",
            )


def _no_path(path: str) -> NotFound:
    return NotFound("serving.unknown_path", f"There is nothing at '{path[:100]}'.")


class _WrongMethod(MillwrightError):
    status, exit_code = 405, 2


def _wrong_method(method: str, path: str) -> MillwrightError:
    return _WrongMethod("serving.method", f"'{path[:100]}' does not take {method[:20]}.")
