"""How requests reach the MLflow endpoints: one ASGI application, without a framework on the way.

Its paths are those of a tracking server at the root (the workspace's own project) and below
``/projects/NAME/mlflow`` (any project). Identity comes from the same
function as everywhere; basic authentication carries the token as the password, because that is what
``MLFLOW_TRACKING_PASSWORD`` sends.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from millwright.kernel.access import Actor, Permission, Role
from millwright.kernel.errors import MillwrightError
from millwright.kernel.routing import Authenticate
from millwright.kernel.store import Store
from millwright.tracking.mlflow.endpoints import Endpoint, EndpointMap, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, invalid, translated
from millwright.tracking.mlflow.project import DefaultProject

_log = logging.getLogger("millwright.mlflow")
_PLACE = re.compile(
    r"(?:/projects/(?P<project>[a-z0-9][a-z0-9_-]{0,99})/mlflow)?"
    # A client whose address ends in a slash sends two.
    r"/*(?P<path>/(?:api|ajax-api)/[23]\.0/(?:preview/)?mlflow(?:-artifacts)?/.*"
    r"|/version|/health|/v1/traces|/ajax-api/3\.0/jobs.*|/graphql|/get-artifact"
    r"|/model-versions/get-artifact)",
    re.DOTALL,
)
_VERSIONED = re.compile(r"/(?:api|ajax-api)/[23]\.0/(?:preview/)?mlflow/", re.DOTALL)
_ARTIFACTS = re.compile(r"/(?:api|ajax-api)/[23]\.0/mlflow-artifacts/")
_THREADS = 16
_LARGE_BODY = 256 << 10
_HEADERS = {b"content-type": b"application/json", b"x-content-type-options": b"nosniff"}
ANYBODY = Actor("anybody", Role.VIEWER)
"""Who asks for what is public."""
_encode = msgspec.json.Encoder().encode
Admit = Callable[[str, dict[str, str]], None]
"""Refuses a method with headers that must not reach an endpoint; raises ``MillwrightError``."""


def is_mlflow(path: str) -> bool:
    """Whether a path is one of a tracking server's.

    >>> is_mlflow("/api/2.0/mlflow/runs/create"), is_mlflow("/projects/a/mlflow/version")
    (True, True)
    >>> is_mlflow("/api/v1/runs"), is_mlflow("/projects/a")
    (False, False)
    """
    return _PLACE.fullmatch(path) is not None


class MlflowGateway:
    """The ASGI application that answers the MLflow protocol."""

    def __init__(
        self,
        *,
        store: Store,
        authenticate: Authenticate,
        endpoints: Iterable[Endpoint],
        admit: Admit,
    ) -> None:
        self._store = store
        self._admit = admit
        self._authenticate = authenticate
        self._map = EndpointMap(list(endpoints))
        self._project = DefaultProject(store)
        self._limiter: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path ``is_mlflow``."""
        place = _PLACE.fullmatch(scope["path"])
        assert place is not None
        try:
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            self._admit(scope["method"], headers)
            answer = await self._answer(scope, receive, headers, place)
        except MlflowError as error:
            answer = _refusal(error)
        except MillwrightError as error:
            answer = _refusal(translated(error))
        except Exception:
            # What went wrong inside is for the log, not for whoever asked.
            _log.exception("an MLflow endpoint failed: %s %r", scope["method"], scope["path"])
            answer = _refusal(MlflowError("INTERNAL_ERROR", "The server could not answer this."))
        await _send(send, scope["method"], answer)

    async def _answer(
        self, scope: Scope, receive: Receive, headers: dict[str, str], place: re.Match[str]
    ) -> Reply:
        path = place["path"]
        found = self._map.find(scope["method"], short(path))
        if found is None:
            raise MlflowError(
                "ENDPOINT_NOT_FOUND", f"This server does not answer {scope['method']} {path[:200]}"
            )
        endpoint, parts = found
        named = place["project"] or headers.get("x-millwright-project") or self._project()
        actor = ANYBODY
        if endpoint.permission is not Permission.PUBLIC:
            actor = (await self._actor(scope, headers)).within(named)
        if not actor.may(endpoint.permission):
            raise MlflowError(
                "PERMISSION_DENIED",
                f"Permission denied: {actor.name} has the role {actor.role} here and this needs the "
                f"permission '{endpoint.permission}'.",
            )
        body = b"" if endpoint.streams else await _body(receive, headers, endpoint.max_bytes)
        _refuse_nul(path, scope["query_string"], headers, body)
        call = MlflowCall(
            store=self._store,
            actor=actor,
            project=named,
            method=scope["method"],
            path=path,
            parts=parts,
            headers=headers,
            query=scope["query_string"].decode("latin-1"),
            body=body,
            receive=receive,
        )
        return await self._handled(endpoint, call)

    async def _handled(self, endpoint: Endpoint, call: MlflowCall) -> Reply:
        if endpoint.is_async and len(call.body) < _LARGE_BODY:
            return _reply(await endpoint.handler(call))
        if endpoint.quick and self._store.database.is_sqlite:
            return _reply(endpoint.handler(call))
        if self._limiter is None:
            self._limiter = CapacityLimiter(_THREADS)
        work = _run_apart if endpoint.is_async else _run
        return await to_thread.run_sync(work, endpoint.handler, call, limiter=self._limiter)

    async def _actor(self, scope: Scope, headers: dict[str, str]) -> Actor:
        given = headers.get("authorization")
        if given is None:
            return self._authenticate(Request(scope), self._store)
        # Looking a token up reads the database.
        known = Request(_with_bearer(scope, given))
        return await to_thread.run_sync(self._authenticate, known, self._store)


def _refuse_nul(path: str, query: bytes, headers: dict[str, str], body: bytes) -> None:
    """PostgreSQL has no such character in text, and no name or filter needs it."""
    is_json = headers.get("content-type", "").startswith("application/json")
    if "\x00" in path or b"%00" in query or (is_json and b"\\u0000" in body):
        raise invalid("The request holds the character NUL.")


def _run(handler: Any, call: MlflowCall) -> Reply:
    return _reply(handler(call))


def _run_apart(handler: Any, call: MlflowCall) -> Reply:
    """As ``_run`` for a coroutine, on a loop of this thread's own: to check and answer hundreds of
    thousands of tags takes seconds, in which nobody else would be answered."""

    async def whole() -> Reply:
        return _reply(await handler(call))

    return asyncio.run(whole())


def _reply(answer: Any) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(_encode(answer))


def short(path: str) -> str:
    """The path as endpoint tables have it: without version and without the ajax twin's prefix."""
    below = _VERSIONED.match(path)
    if below is not None:
        return path[below.end() :]
    return _ARTIFACTS.sub("/api/2.0/mlflow-artifacts/", path, count=1)


def _with_bearer(scope: Scope, given: str) -> Scope:
    kind, _, credentials = given.partition(" ")
    if kind.lower() != "basic":
        return scope
    try:
        password = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return scope
    others = [(k, v) for k, v in scope["headers"] if k != b"authorization"]
    return {**scope, "headers": [*others, (b"authorization", f"Bearer {password}".encode())]}


async def _body(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    claimed = headers.get("content-length", "0")
    if claimed.isdigit() and int(claimed) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MlflowError("BAD_REQUEST", "The client went away.")
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> MlflowError:
    return MlflowError(
        "INVALID_PARAMETER_VALUE", f"The request is larger than {limit >> 20} MiB.", status=413
    )


def _refusal(error: MlflowError) -> Reply:
    return Reply(error.body(), error.status)


async def _send(send: Send, method: str, reply: Reply) -> None:
    headers = dict(_HEADERS)
    for name, value in reply.headers.items():
        headers[name.lower().encode("latin-1")] = value.encode("latin-1")
    if isinstance(reply.content, bytes):
        headers[b"content-length"] = b"%d" % len(reply.content)
    raw = list(headers.items())
    await send({"type": "http.response.start", "status": reply.status, "headers": raw})
    if isinstance(reply.content, bytes):
        await send({"type": "http.response.body", "body": reply.content})
        return
    async for part in _parts(reply.content):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _parts(content: Iterator[bytes] | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(content, AsyncIterator):
        async for part in content:
            yield part
        return
    while True:
        following = await to_thread.run_sync(list, itertools.islice(content, 1))
        if not following:
            return
        yield following[0]
