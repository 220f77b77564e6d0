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

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]", "embedded", "testserver")
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_ACCEPTED = {"application/json", "application/octet-stream", "application/cloudevents+json"}
_TELEMETRY = {"application/x-protobuf"}
_MAX_JSON_BYTES = 32 << 20
_MAX_OBJECT_BYTES = 4 << 30


class Admission:
    """Which hosts a server answers to, and what a change must be sent as."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = {*LOOPBACK_HOSTS, *hosts}

    def check(self, method: str, headers: dict[str, str]) -> None:
        """Refuse what must not reach a handler.

        Raises:
            Forbidden: for another host, or from a page of another origin.
            InvalidInput: a change is of a kind that pages can send unasked.
        """
        self._check_origin(headers)
        if _changes(method, headers) and _kind(headers) not in _ACCEPTED:
            raise _wrong_kind(_kind(headers))

    def check_mlflow(self, method: str, headers: dict[str, str]) -> None:
        """As ``check``. MLflow's clients upload files as whatever they are; no page of another
        origin can: a browser asks before any PUT."""
        self._check_origin(headers)
        if method != "PUT" and _changes(method, headers):
            kind = _kind(headers)
            # A page that leaves the type out still says its origin, which was looked at.
            untyped = kind == "" and "origin" not in headers
            if kind not in _ACCEPTED and kind not in _TELEMETRY and not untyped:
                raise _wrong_kind(kind)

    def _check_origin(self, headers: dict[str, str]) -> None:
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


class Guards:
    """ASGI middleware that answers what must not reach a handler."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request, then pass it on with a bound on its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            self._admission.check(scope["method"], headers)
            limit = self._limit(headers)
        except MillwrightError as error:
            await _answer(send, error)
            return
        await _Bounded(receive, send, limit).run(self._app, scope)

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


def _changes(method: str, headers: dict[str, str]) -> bool:
    return method in _CHANGES and (headers.get("content-length", "0") != "0" or method != "DELETE")


def _kind(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


def _wrong_kind(kind: str) -> InvalidInput:
    return InvalidInput(
        "http.content_type",
        "Invalid Content-Type: changes must be sent as application/json.",
        hint="Set the header Content-Type: application/json.",
        value=kind,
    )


async def _answer(send: Send, error: MillwrightError) -> None:
    body = json.dumps(error.problem()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
