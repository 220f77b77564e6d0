"""The application behind granian, through its own interface, RSGI.

The server reads and writes sockets on threads of its own, without Python's lock, so under many
connections this is the faster of the two.

Source: https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.rsgi import ProtocolClosed, ProtocolError
from granian.server.embed import Server

from millwright.kernel.errors import TooLarge
from millwright.serving.answering import Answering, InParts, send_parts
from millwright.serving.bodies import ClientGone
from millwright.serving.listening import BACKLOG

_DISCARD_SECONDS = 2.0
_DISCARD_BYTES = 64 * 1024 * 1024


class _Request:
    """A request whose body granian has, or is still receiving."""

    __slots__ = ("_protocol", "headers", "method", "path")

    def __init__(self, scope: Any, protocol: Any) -> None:
        self.method: str = scope.method
        self.path: str = scope.path
        self.headers = scope.headers
        self._protocol = protocol

    async def whole(self) -> bytes | None:
        if "content-length" not in self.headers:
            return None  # its end is not known: taking it whole would be taking anything
        try:
            body: bytes = await self._protocol()
        except ProtocolClosed as cause:
            raise ClientGone from cause
        return body

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._protocol:
                yield part
        except ProtocolClosed as cause:
            raise ClientGone from cause


class RsgiServer:
    """An application that granian can call."""

    def __init__(self, application: Answering) -> None:
        self._application = application

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer one request."""
        if scope.proto != "http":
            return
        reply = await self._application.respond(_Request(scope, protocol))
        if isinstance(reply, InParts):
            with contextlib.suppress(ProtocolClosed):
                out = protocol.response_stream(reply.status, reply.headers())
                await send_parts(reply, protocol.client_disconnect(), out.send_bytes)
        elif reply is not None:
            if reply.status == TooLarge.status:
                await _discard(protocol)
            protocol.response_bytes(reply.status, reply.headers(), reply.body)


async def _discard(protocol: Any) -> None:
    """Take what is still coming, for a while: who is refused in mid-sentence hears no refusal."""
    taken = 0
    with contextlib.suppress(TimeoutError, ProtocolClosed, ProtocolError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            async for part in protocol:
                taken += len(part)
                if taken > _DISCARD_BYTES:
                    return


def granian_on(application: Answering, bound: socket.socket) -> Any:
    """A granian server of the application on a socket that listens already."""
    held: Any = SocketHolder  # granian's own types lag behind it

    class OnSocket(Server):  # type: ignore[misc]  # granian is optional
        def _init_shared_socket(self) -> None:
            # It takes addresses only, and binds them itself; ours was bound by who started us.
            self._shd = held(os.dup(bound.fileno()), False, BACKLOG)

    return OnSocket(
        RsgiServer(application),
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
