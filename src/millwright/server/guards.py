"""What every request must be before a handler sees it: the right host, origin and content type.

A browser can be made to send requests to a server on the user's own machine. Three checks close
that: the Host must be one we answer to (DNS rebinding), a foreign Origin is refused, and changes
must be JSON or octet streams, which a browser cannot send across origins without asking first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from millwright.kernel.errors import Forbidden, InvalidInput, MillwrightError, TooLarge
from millwright.tracking import is_mlflow, translated

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]", "embedded", "testserver")
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_ACCEPTED = {"application/json", "application/octet-stream", "application/cloudevents+json"}
_TELEMETRY = {"application/x-protobuf"}
_MAX_JSON_BYTES = 64 << 20
_MAX_OBJECT_BYTES = 4 << 30


class Guards:
    """ASGI middleware that answers what must not reach a handler."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = {*LOOPBACK_HOSTS, *hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on with a bound on its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        mlflow = is_mlflow(scope["path"])
        try:
            self._check(scope["method"], headers, mlflow=mlflow)
            limit = _MAX_OBJECT_BYTES if mlflow else self._limit(headers)
        except MillwrightError as error:
            await _answer(send, error, mlflow=mlflow)
            return
        await _Bounded(receive, send, limit).run(self._app, scope)

    def _check(self, method: str, headers: dict[str, str], *, mlflow: bool) -> None:
        host = _name(headers.get("host", ""))
        if host not in self._hosts:
            raise Forbidden(
                "http.host",
                f"This server does not answer for the host {host!r}.",
                hint="Start it with --allow-host NAME if that is its name.",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            raise Forbidden("http.origin", "Requests from other origins are not accepted.")
        if method in _CHANGES and (headers.get("content-length", "0") != "0" or method != "DELETE"):
            kind = headers.get("content-type", "").split(";")[0].strip().lower()
            # MLflow's clients upload files as whatever they are. No page of another origin can: a
            # browser asks before any PUT.
            if kind not in _ACCEPTED and not (mlflow and (method == "PUT" or kind in _TELEMETRY)):
                raise InvalidInput(
                    "http.content_type",
                    "Changes must be sent as application/json.",
                    hint="Set the header Content-Type: application/json.",
                    value=kind,
                )

    def _limit(self, headers: dict[str, str]) -> int:
        binary = headers.get("content-type", "").startswith("application/octet-stream")
        limit = _MAX_OBJECT_BYTES if binary else _MAX_JSON_BYTES
        claimed = headers.get("content-length", "0")
        if claimed.isdigit() and int(claimed) > limit:
            raise _too_large(limit)
        return limit


class _Bounded:
    """One request whose body ends at a limit, whatever length it claimed."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._seen = 0
        self._answered = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._next_part, self._reply)

    async def _next_part(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise _too_large(self._limit)
        return message

    async def _reply(self, message: Message) -> None:
        if self._seen <= self._limit:
            await self._send(message)
        elif not self._answered:
            # The framework calls any trouble with a body a bad request; this one has a name.
            self._answered = True
            await _answer(self._send, _too_large(self._limit))


def _name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host


def _too_large(limit: int) -> TooLarge:
    return TooLarge("http.too_large", f"The request is larger than {limit >> 20} MiB.")


async def _answer(send: Send, error: MillwrightError, *, mlflow: bool = False) -> None:
    body = translated(error).body() if mlflow else json.dumps(error.problem()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
