"""The application behind an ASGI server such as uvicorn.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from millwright.serving.answering import Answering, InParts, send_parts
from millwright.serving.bodies import ClientGone, Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Request:
    """A request whose body comes as messages."""

    __slots__ = ("_receive", "_start", "headers", "method", "path")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        self._receive = receive
        self._start = b""

    async def whole(self) -> bytes | None:
        body, more = await self._message()
        if not more:
            return body
        self._start = body
        return None

    async def parts(self) -> AsyncIterator[bytes]:
        yield self._start
        more = True
        while more:
            body, more = await self._message()
            yield body

    async def _message(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)


class AsgiServer:
    """An application that ASGI servers can call."""

    def __init__(self, application: Answering) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        reply = await self._application.respond(_Request(scope, receive))
        if reply is None:
            return
        if isinstance(reply, InParts):
            await _stream(reply, receive, send)
            return
        headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers()]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})


async def _stream(reply: InParts, receive: Receive, send: Send) -> None:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async def more(part: bytes) -> None:
        await send({"type": "http.response.body", "body": part, "more_body": True})

    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if await send_parts(reply, gone(), more):
        await send({"type": "http.response.body", "body": b""})
