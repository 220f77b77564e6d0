"""The application of an inference server: requests to replies, mistakes to sentences.

It knows no server: ``asgi`` and ``rsgi`` hand it requests and take its replies.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from millwright.kernel.errors import MillwrightError
from millwright.kernel.ids import new_id
from millwright.serving import binary_tensors, open_inference
from millwright.serving.admission import Admission
from millwright.serving.bodies import ClientGone, Incoming, read_body, require_type
from millwright.serving.config import ServerConfig, parse_config
from millwright.serving.encoder import FEW_ROWS
from millwright.serving.events import EventStream, write_event
from millwright.serving.explaining import Explainer, write_explanation
from millwright.serving.inference import (
    Answer,
    Arrival,
    Task,
    answer,
    answer_in_batch,
    looked_up,
    read_infer,
    read_invocation,
)
from millwright.serving.metrics import CONTENT_TYPE, Metrics
from millwright.serving.models import Endpoint, Models
from millwright.serving.outcome import Said
from millwright.serving.questions import Question, Written
from millwright.serving.recording import Recorder
from millwright.serving.replies import (
    STREAMS,
    Busy,
    Reply,
    answered,
    failure,
    json_reply,
    no_path,
    refusal,
    wrong_method,
)
from millwright.serving.repository import Repository
from millwright.serving.streaming import Ended, Stream, WritePart
from millwright.serving.variant import Generation, Variant

REFUSAL_SECONDS = 0.2
"""How long a caller waits to hear that it asked too much."""
_ADMIN_BODY_BYTES = 1024 * 1024
_REQUEST_ID_LENGTH = 200
_MODELS = "/v2/models/"
_EXPLAIN = "/explain"
_GENERATE = "/generate"
_ALL_STATS = "/v2/models/stats"


class Application:
    """Answers every request of one server. All state lives on the event loop's thread."""

    def __init__(
        self, models: Models, *, admin_token: str | None = None, access_token: str | None = None
    ) -> None:
        """Serve ``models``.

        Args:
            models: started already.
            admin_token: what ``POST /admin/config`` asks for; None closes it.
            access_token: what every path but health asks for; None asks for nothing.
        """
        self.models = models
        self.metrics = Metrics()
        self.draining = False
        self.version = importlib.metadata.version("millwright")
        self.admission = Admission(
            models.primary.config, admin_token=admin_token, access_token=access_token
        )
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="scoring")
        self.recorder = Recorder()
        self.recorder.take(self.config.traces, self.config.deployment)
        self._repository = Repository(models, self.admission.check_admin)
        self._explainers: WeakKeyDictionary[Variant, Explainer] = WeakKeyDictionary()
        self._places = {f"{_MODELS}{one.name}/infer": one for one in models.endpoints}
        self._places["/invocations"] = models.primary

    @property
    def config(self) -> ServerConfig:
        """What is served where no name is said."""
        return self.models.primary.config

    @property
    def in_flight(self) -> int:
        """Requests for predictions that have no reply yet."""
        return self.models.in_flight

    def respond(self, request: Incoming) -> Coroutine[Any, Any, Reply | EventStream | None]:
        """The reply to one request; None where the caller hung up before it was complete."""
        protocol = _protocol(request.path)
        asked = self._places.get(request.path)
        if asked is not None and asked.is_full and protocol is not None:
            return self._refused(asked, protocol)
        tracer = self.recorder.tracer
        if tracer is not None and protocol is not None:
            return self.recorder.respond(tracer, request, self._respond(request, protocol))
        return self._respond(request, protocol)

    def close(self) -> None:
        """Send the traces that wait."""
        if self.recorder.tracer is not None:
            self.recorder.tracer.close()

    async def _refused(self, endpoint: Endpoint, protocol: str) -> Reply:
        """Refuse a request of which nothing but its path was looked at: that costs the least.

        Who asks again at once would take the time of those whose requests were admitted.
        """
        await asyncio.sleep(REFUSAL_SECONDS)
        self.metrics.refusal(endpoint.name)
        self.metrics.request(protocol, Busy.status, REFUSAL_SECONDS)
        return endpoint.busy

    async def _respond(self, request: Incoming, protocol: str | None) -> Reply | EventStream | None:
        started_ns = time.perf_counter_ns()
        reply: Reply | EventStream
        try:
            reply = await self._reply(request, protocol, started_ns)
        except Busy as error:
            # Who asks again at once would take the time of those whose requests were admitted.
            await asyncio.sleep(REFUSAL_SECONDS)
            reply = refusal(error)
        except MillwrightError as error:
            reply = refusal(error)
        except ClientGone:
            return None
        except Exception:
            traceback.print_exc(file=sys.stderr)
            reply = failure()
        if protocol is not None and type(reply) is not EventStream:
            seconds = (time.perf_counter_ns() - started_ns) / 1e9
            self.metrics.request(protocol, reply.status, seconds)
        return reply

    async def _reply(
        self, request: Incoming, protocol: str | None, started_ns: int
    ) -> Reply | EventStream:
        method, path = request.method, request.path
        most: int | None = None
        if self.admission.asks(path):
            shown = request.headers.get("authorization")
            if self.admission.issuer is None:
                most = self.admission.check_access(shown)
            else:
                most = await self.admission.admit(shown)
        if method == "POST":
            if protocol is not None:
                endpoint, version = self._asked(path)
                endpoint.in_flight += 1
                try:
                    if protocol == "stream":
                        return await self._stream(endpoint, version, request, started_ns, most)
                    return await self._predictions(endpoint, version, request, started_ns, most)
                except MillwrightError:
                    self.metrics.refusal(endpoint.name)
                    raise
                finally:
                    endpoint.in_flight -= 1
            if path == "/admin/config":
                return await self._configure(request)
            return await self._repository.post(path, request) or self._no_post(path)
        if method not in ("GET", "HEAD"):
            raise wrong_method(method, path)
        return await self._get(path)

    async def _predictions(
        self, endpoint: Endpoint, version: str, request: Incoming, started_ns: int, most: int | None
    ) -> Reply:
        endpoint.refuse_if_busy()
        if request.path.endswith(_EXPLAIN):
            return await self._explanation(endpoint, version, request, most)
        headers = request.headers
        if request.path == "/invocations":
            media = require_type(headers, "application/json", "text/csv")
            read: Callable[..., Task] = partial(read_invocation, media=media)
        else:
            read = read_infer
            # No browser sends the extension's header, or these types, to another site without asking
            # first. Triton's asynchronous client says the second of JSON too.
            if binary_tensors.HEADER not in headers:
                require_type(headers, "application/json", "application/octet-stream")
        generation = endpoint.generation
        if generation is None or self.models.many:
            generation = await self.models.ready(endpoint)
        pinned = endpoint.pinned(generation, version) if version else None
        body = await read_body(request, endpoint.most_bytes(most))
        request_id = (headers.get("x-request-id") or "")[:_REQUEST_ID_LENGTH]
        content, raw = binary_tensors.split(headers, body)
        arrival = Arrival(content, started_ns, request_id or None, raw)
        if request.path.endswith(_GENERATE):
            task = read_infer(arrival, generation, pinned)
            if task.answering.stream is not None:
                return Reply(200, await self._whole(endpoint, task))
        return answered(
            await self.predict(endpoint, len(body), lambda: read(arrival, generation, pinned))
        )

    async def _stream(
        self, endpoint: Endpoint, version: str, request: Incoming, started_ns: int, most: int | None
    ) -> EventStream:
        """An answer bit by bit, as events."""
        endpoint.refuse_if_busy()
        require_type(request.headers, "application/json")
        generation = await self.models.ready(endpoint)
        pinned = endpoint.pinned(generation, version)
        body = await read_body(request, endpoint.most_bytes(most))
        request_id = (request.headers.get("x-request-id") or "")[:_REQUEST_ID_LENGTH]
        arrival = Arrival(body, started_ns, request_id or None)
        task = read_infer(arrival, generation, pinned)
        return EventStream(await self.stream(endpoint, task, write_event, "stream"))

    async def stream(
        self, endpoint: Endpoint, task: Task, write: WritePart, protocol: str | None
    ) -> Stream:
        """An answer bit by bit that has begun; it is under way until its last part was taken.

        ``protocol`` is what it is counted under; None where the caller counts it.

        Raises:
            Conflict: the model answers all at once. Whatever it raises before its first part.
        """
        task = await looked_up(task)
        self.metrics.outside(endpoint.name, _outside(task))

        def finish(stream: Stream, ended: Ended, given: Answer) -> None:
            endpoint.in_flight -= 1
            if protocol is not None and not stream.refused:
                seconds = (time.perf_counter_ns() - task.arrival.started_ns) / 1e9
                self.metrics.request(protocol, stream.status, seconds)
            self.metrics.stream(endpoint.name, ended, stream.events)
            if ended == "done":
                self.metrics.answer(endpoint.name, given)

        stream = Stream(task, endpoint.mirror, write, finish)
        endpoint.in_flight += 1
        await stream.begin()
        return stream

    async def _whole(self, endpoint: Endpoint, task: Task) -> bytes:
        """What a model says bit by bit, in one answer: all of its text, or its last scores."""
        said: list[Said] = []

        def keep(_question: Question, _id: str, _variant: Variant, one: Said) -> bytes:
            said.append(one)
            return b""

        stream = await self.stream(endpoint, task, keep, None)
        try:
            while await stream.following() is not None:
                pass
        finally:
            await stream.close()
        texts = [one for one in said if isinstance(one, str)]
        whole = "".join(texts) if texts or not said else said[-1]
        return open_inference.write_part(task.question, task.request_id, task.answering, whole)

    async def _explanation(
        self, endpoint: Endpoint, version: str, request: Incoming, most: int | None
    ) -> Reply:
        require_type(request.headers, "application/json")
        generation = await self.models.ready(endpoint)
        variant = endpoint.pinned(generation, version) or generation.champion
        body = await read_body(request, endpoint.most_bytes(most))
        fields = generation.signature.fields
        budget = endpoint.config.explain_budget_ms / 1000

        question = open_inference.read_question(body, generation.signature)
        rows = question.rows
        if generation.lookups is not None:
            rows = await generation.lookups.filled(rows)

        def explain() -> bytes:
            explainer = self._explainers.get(variant)
            if explainer is None:
                explainer = self._explainers[variant] = Explainer.open(variant, fields)
            if question.timeout_us:
                wanted = question.timeout_us / 1e6
                found = explainer.explain(rows, min(budget, wanted))
            else:
                found = explainer.explain(rows, budget)
            name, number = variant.manifest.model, str(variant.config.version)
            return write_explanation(found, name, number, question.request_id or new_id())

        loop = asyncio.get_running_loop()
        # In a thread: it scores hundreds of rows, and nobody else shall wait for them.
        return Reply(200, await loop.run_in_executor(self._threads, explain))

    async def predict(self, endpoint: Endpoint, size: int, read: Callable[[], Task]) -> Written:
        """Understand a request of ``size`` bytes, score it and log it.

        Raises the errors of ``read``.
        """
        mirror = endpoint.mirror
        if size > endpoint.config.inline_body_bytes:
            loop = asyncio.get_running_loop()
            task = await loop.run_in_executor(self._threads, read)
            if task.generation.lookups is not None:
                task = await looked_up(task)
            outside = _outside(task)
            given = await loop.run_in_executor(self._threads, answer, task, mirror)
        else:
            task = read()
            if task.generation.lookups is not None:
                task = await looked_up(task)
            outside = _outside(task)
            few = task.question.rows.count <= FEW_ROWS
            given = await answer_in_batch(task, mirror) if few else answer(task, mirror)
        self.metrics.answer(endpoint.name, given)
        if self.recorder.tracer is not None:
            self.recorder.note(endpoint.name, given)
        if outside:
            self.metrics.outside(endpoint.name, outside)
            return msgspec.structs.replace(given.written, outside=tuple(outside))
        return given.written

    async def _configure(self, request: Incoming) -> Reply:
        self.admission.check_admin(request.headers.get("authorization"))
        require_type(request.headers, "application/json")
        await self.models.replace(parse_config(await read_body(request, _ADMIN_BODY_BYTES)))
        self.admission.take(self.models.primary.config)
        before = self.recorder.take(self.config.traces, self.config.deployment)
        if before is not None:
            self._threads.submit(before.close)  # it may wait for its collector
        self.metrics.reloads += 1
        return json_reply(self._status())

    def _no_post(self, path: str) -> Reply:
        if path in _PLAIN_PATHS or path.startswith(_MODELS):
            raise wrong_method("POST", path)
        raise no_path(path)

    async def _get(self, path: str) -> Reply:
        if path in ("/v2/health/live", "/health"):
            return json_reply({"live": True})
        if path in ("/v2/health/ready", "/ping"):
            ready = not self.draining
            return json_reply({"ready": ready}, status=200 if ready else 503)
        if path in ("/v2", "/v2/"):
            return json_reply(open_inference.server_metadata(self.version))
        if path == "/version":
            return json_reply({"version": self.version, **self._status()})
        if path == "/metrics":
            return Reply(
                200,
                self.metrics.exposition(self.models, self.recorder.spans),
                CONTENT_TYPE,
            )
        if path.endswith(("/infer", _EXPLAIN, _GENERATE, *STREAMS)) or path in (
            "/invocations",
            "/admin/config",
        ):
            raise wrong_method("GET", path)
        if (
            path.startswith(_MODELS) and path.endswith(("/config", "/stats"))
        ) or path == _ALL_STATS:
            return await self._as_triton(path)
        ready_asked = path.endswith("/ready")
        endpoint, version = self._asked(path.removesuffix("/ready"))
        if ready_asked:
            loaded = endpoint.generation is not None
            if loaded and version:
                endpoint.pinned(_loaded(endpoint), version)
            return json_reply(
                {"name": endpoint.name, "ready": loaded and not self.draining},
                status=200 if loaded else 503,
            )
        generation = await self.models.ready(endpoint)
        pinned = endpoint.pinned(generation, version)
        shown = open_inference.model_metadata(
            generation, pinned or generation.champion, pinned=pinned is not None
        )
        return json_reply(shown)

    async def _as_triton(self, path: str) -> Reply:
        if path == _ALL_STATS:
            return json_reply(self.metrics.statistics(self.models))
        endpoint, version = self._asked(path.rpartition("/")[0])
        if path.endswith("/stats"):
            return json_reply(self.metrics.statistics(self.models, endpoint.name, version))
        return json_reply(open_inference.model_config(await self.models.ready(endpoint)))

    def _status(self) -> dict[str, object]:
        config = self.models.primary.config
        variants = [v.model_dump(mode="json", exclude={"package"}) for v in config.variants]
        return {
            "deployment": config.deployment,
            "model": config.model_name,
            "revision": config.revision,
            "variants": variants,
        }

    def _asked(self, path: str) -> tuple[Endpoint, str]:
        """The endpoint and version of ``/v2/models/{name}[/versions/{version}][/infer]``.

        Raises:
            NotFound: no such path or model.
        """
        known = self._places.get(path)
        if known is not None:
            return known, ""
        if not path.startswith(_MODELS):
            raise no_path(path)
        bare = path.removesuffix("/infer").removesuffix(_EXPLAIN)
        if path.endswith((_GENERATE, *STREAMS)):
            bare = path.rpartition("/")[0]
        parts = bare[len(_MODELS) :].split("/")
        if len(parts) == 1:
            return self.models.named(parts[0]), ""
        if len(parts) != 3 or parts[1] != "versions" or not parts[2]:
            raise no_path(path)
        return self.models.named(parts[0]), parts[2]


_PLAIN_PATHS = frozenset(
    (
        "/v2/health/live",
        "/health",
        "/v2/health/ready",
        "/ping",
        "/v2",
        "/v2/",
        "/version",
        "/metrics",
    )
)


def _protocol(path: str) -> str | None:
    if path.endswith(("/infer", _GENERATE)):
        return "open-inference"
    if path.endswith(_EXPLAIN):
        return "explain"
    if path.endswith(STREAMS):
        return "stream"
    return "mlflow" if path == "/invocations" else None


def _outside(task: Task) -> list[str]:
    """Fields of a task whose values are unlike any in training; raises where those are refused."""
    guard, rows = task.generation.guard, task.question.rows
    if guard is None:
        return []
    outside = guard.outside(rows)
    if outside and task.generation.config.guard == "reject":
        raise guard.refusal(outside, rows)
    return outside


def _loaded(endpoint: Endpoint) -> Generation:
    assert endpoint.generation is not None
    return endpoint.generation
