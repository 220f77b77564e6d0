"""The one port in front of several workers: balances, holds, tries again, and scales.

A prediction changes nothing, so a request whose worker ended before its answer was complete is
asked of another one. Only when that fails too does its caller hear 503. Keys and tokens are checked
here: the workers' sockets lie in a folder of this user's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from millwright.kernel.errors import MillwrightError, Unavailable
from millwright.serving.admission import Admission
from millwright.serving.answering import Answer, InParts
from millwright.serving.bodies import ClientGone, Incoming, read_body, require_type
from millwright.serving.config import ServerConfig, parse_config
from millwright.serving.exposition import family
from millwright.serving.metrics import CONTENT_TYPE
from millwright.serving.replicas.autoscaling import Autoscaler, Wanted
from millwright.serving.replicas.crew import Crew
from millwright.serving.replicas.in_parts import RelayedParts
from millwright.serving.replicas.link import Relayed, WorkerGone
from millwright.serving.replicas.totals import added_up
from millwright.serving.replicas.worker import Worker
from millwright.serving.replies import STREAMS, Reply, failure, json_reply, refusal

TICK_SECONDS = 0.5
_LOOK_TICKS = 10
_ATTEMPTS = 3
_ADMIN_BODY_BYTES = 1024 * 1024
_OWN = frozenset(
    [
        "host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "content-length",
        "expect",
        "te",
        "content-encoding",
        "authorization",
        "upgrade",
        "proxy-authorization",
        "trailer",
    ]
)
"""Headers that are between a caller and this gateway."""
_PLAIN = "/:@!$&'()*+,;=~-._"


class Gateway:
    """Answers every request of one port by asking a worker."""

    def __init__(
        self, config: ServerConfig, *, admin_token: str | None, access_token: str | None
    ) -> None:
        """``running`` starts the workers; the tokens are those of ``Admission``."""
        self.draining = False
        self.in_flight = 0
        self.retried = 0
        self._config = config
        self._admission = Admission(config, admin_token=admin_token, access_token=access_token)
        self._crew: Crew | None = None
        self._scaler = Autoscaler(config.workers)
        self._wanted = Wanted(0, 0.0, 0.0, False)
        self._busy_seconds = 0.0
        self._changed_at = 0.0
        self._changing = asyncio.Lock()

    @property
    def config(self) -> ServerConfig:
        """What is served."""
        return self._config

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have workers, at least one of them ready where any is always wanted.

        Raises:
            SystemExit: the first ended before it answered; the code is its own.
        """
        with tempfile.TemporaryDirectory(prefix="mw-") as folder:
            self._crew = crew = Crew(self._config, Path(folder))
            crew.aim(self._config.workers.least)
            if crew.wanted:
                picked = asyncio.ensure_future(crew.pick())
                while not picked.done():
                    await asyncio.wait({picked}, timeout=0.05)
                    if crew.exit_code is not None:
                        picked.cancel()
                        await crew.close()
                        sys.exit(crew.exit_code)
                picked.result()
            scaling = asyncio.create_task(self._scale(crew))
            try:
                yield
            finally:
                scaling.cancel()
                await crew.close()

    async def respond(self, request: Incoming) -> Answer | InParts | None:
        """The reply to one request; None where the caller hung up before it was complete."""
        self._count(+1)
        try:
            return await self._reply(request)
        except MillwrightError as error:
            return refusal(error)
        except ClientGone:
            return None
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return failure()
        finally:
            self._count(-1)

    async def _reply(self, request: Incoming) -> Answer | InParts:
        method, path = request.method, request.path
        authorization = request.headers.get("authorization")
        most: int | None = None
        if self._admission.asks(path):
            most = await self._admission.admit(authorization)
        if method in ("GET", "HEAD"):
            if path in ("/v2/health/live", "/health"):
                return json_reply({"live": True})
            if path in ("/v2/health/ready", "/ping"):
                ready = not self.draining
                return json_reply({"ready": ready}, status=200 if ready else 503)
            if path == "/metrics":
                return await self._metrics()
        if path == "/admin/config" and method == "POST":
            self._admission.check_admin(authorization)
            return await self._configure(request)
        if path.startswith("/v2/repository/models/") and method == "POST":
            self._admission.check_admin(authorization)
            return await self._tell_all(await self._written(request, admin=True))
        if path.endswith(STREAMS):
            return await self._ask_in_parts(await self._written(request, most=most))
        return await self._ask(await self._written(request, most=most))

    async def _written(
        self, request: Incoming, *, admin: bool = False, most: int | None = None
    ) -> bytes:
        """The request as its worker reads it: nothing of it is passed on unread."""
        body = b""
        if request.method not in ("GET", "HEAD"):
            limit = self._config.max_body_bytes
            body = await read_body(request, limit if most is None else min(limit, most))
        method = "GET" if request.method == "HEAD" else request.method
        lines = [f"{method} {quote(request.path, safe=_PLAIN)} HTTP/1.1", "host: worker"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _OWN]
        if admin:
            lines.append(f"authorization: Bearer {self._of_crew.token}")
        lines.append(f"content-length: {len(body)}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1", "replace") + body

    async def _ask(self, request: bytes) -> Relayed:
        crew = self._of_crew
        for _ in range(_ATTEMPTS):
            worker = await crew.pick()
            worker.in_flight += 1
            try:
                return await worker.ask(request)
            except WorkerGone:
                crew.doubt(worker)
                self.retried += 1
            finally:
                worker.in_flight -= 1
        raise _ended_in_a_row()

    async def _ask_in_parts(self, request: bytes) -> Relayed | RelayedParts:
        """As ``_ask``; of an answer that has begun nothing is asked again."""
        crew = self._of_crew
        for _ in range(_ATTEMPTS):
            worker = await crew.pick()
            self._count(+1)
            worker.in_flight += 1
            try:
                return await worker.ask_in_parts(request, partial(self._over, worker))
            except WorkerGone:
                crew.doubt(worker)
                self.retried += 1
        raise _ended_in_a_row()

    async def _tell_all(self, request: bytes) -> Relayed:
        crew = self._of_crew
        answer = await self._ask(request)
        for worker in crew.ready:
            with contextlib.suppress(WorkerGone):
                answer = await worker.ask(request)
        return answer

    async def _configure(self, request: Incoming) -> Answer:
        """Serve another configuration: what the first worker takes, all of them take."""
        require_type(request.headers, "application/json")
        config = parse_config(await read_body(request, _ADMIN_BODY_BYTES))
        crew = self._of_crew
        async with self._changing:
            passed = config.model_copy(
                update={"keys": (), "oidc": None, "workers": type(config.workers)()}
            )
            body = passed.model_dump_json().encode()
            head = (
                f"POST /admin/config HTTP/1.1\r\nhost: worker\r\n"
                f"authorization: Bearer {crew.token}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n"
            )
            message, answer = head.encode() + body, None
            told: set[Worker] = set()
            # Also those that become ready meanwhile: they started with what is served now.
            while untold := [worker for worker in crew.ready if worker not in told]:
                worker = untold[0]
                told.add(worker)
                try:
                    given = await worker.ask(message)
                except WorkerGone:
                    continue
                if answer is None and given.status != 200:
                    return given  # nothing has changed
                answer = answer or given
                if given.status != 200:
                    await crew.replace(worker)
            self._config = crew.config = config
            self._admission.take(config)
            self._scaler.policy = config.workers
        return answer or json_reply({"revision": config.revision})

    async def _metrics(self) -> Reply:
        crew = self._of_crew
        texts = []
        for worker in crew.ready:
            with contextlib.suppress(WorkerGone):
                given = await worker.ask(b"GET /metrics HTTP/1.1\r\nhost: worker\r\n\r\n")
                texts.append(given.body.decode())
        ready = len(crew.ready)
        counted = {'state="ready"': ready, 'state="starting"': len(crew.workers) - ready}
        own = [
            family("workers", "Workers by state.", counted, kind="gauge"),
            family("workers_wanted", "Workers that the load asks for.", {"": crew.wanted}, "gauge"),
            family(
                "workers_panic",
                "Whether the load rises so fast that the short window decides.",
                {"": int(self._wanted.in_panic)},
                "gauge",
            ),
            family("worker_restarts_total", "Workers that ended unasked.", {"": crew.restarts}),
            family("held_requests", "Requests waiting for a worker.", {"": crew.held}, "gauge"),
            family(
                "retried_requests_total",
                "Requests asked of another worker, theirs having ended.",
                {"": self.retried},
            ),
        ]
        return Reply(200, (added_up(texts) + "".join(own)).encode(), CONTENT_TYPE)

    async def _scale(self, crew: Crew) -> None:
        loop = asyncio.get_running_loop()
        last = self._changed_at = loop.time()
        for turn in range(1, sys.maxsize):
            await asyncio.sleep(TICK_SECONDS)
            self._count(0)
            now = loop.time()
            self._scaler.observe(now, self._busy_seconds / (now - last))
            self._busy_seconds, last = 0.0, now
            self._wanted = self._scaler.wanted(now, len(crew.ready))
            crew.aim(max(self._wanted.workers, int(crew.held > 0)))
            if turn % _LOOK_TICKS == 0:
                await crew.look()

    def _over(self, worker: Worker) -> None:
        worker.in_flight -= 1
        self._count(-1)

    def _count(self, step: int) -> None:
        """Keep the integral of requests under way over time."""
        now = asyncio.get_running_loop().time()
        self._busy_seconds += self.in_flight * (now - self._changed_at)
        self._changed_at = now
        self.in_flight += step

    @property
    def _of_crew(self) -> Crew:
        assert self._crew is not None, "running() has begun"
        return self._crew


def _ended_in_a_row() -> Unavailable:
    return Unavailable(
        "serving.worker_ended",
        f"{_ATTEMPTS} workers in a row ended before they had answered.",
        hint="If it recurs with the same rows, the model does not bear them.",
    )
