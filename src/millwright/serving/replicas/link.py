"""One connection to a worker: a request at a time, kept open for the next."""

from __future__ import annotations

import asyncio
from typing import NamedTuple, cast

from millwright.serving.bodies import length_in

_END = b"\r\n\r\n"
_DROPPED = frozenset(("connection", "content-length", "date", "server", "transfer-encoding"))


class WorkerGone(Exception):
    """The worker ended, or closed the connection, before its answer was complete."""


class Relayed(NamedTuple):
    """A worker's answer, on its way to the caller as it is."""

    status: int
    body: bytes
    given: list[tuple[str, str]]

    def headers(self) -> list[tuple[str, str]]:
        """All headers but the body's length."""
        return self.given


class Link(asyncio.Protocol):
    """Asks one worker. Its answers have a length: they are Millwright's own."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: asyncio.Future[Relayed] | None = None
        self._transport: asyncio.Transport | None = None

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[Relayed]:
        """The answer to a request, which fails with ``WorkerGone`` where none comes."""
        self._waiting = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            self._waiting.set_exception(WorkerGone)
        else:
            self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """A part of an answer came."""
        self._received += data
        head_ends = self._received.find(_END)
        if head_ends < 0 or self._waiting is None:
            return
        status, headers, stated = head_of(bytes(self._received[:head_ends]))
        begins, length = head_ends + len(_END), stated or 0
        if len(self._received) < begins + length:
            return
        body = bytes(self._received[begins : begins + length])
        self._received.clear()
        waiting, self._waiting = self._waiting, None
        if not waiting.done():
            waiting.set_result(Relayed(status, body, headers))

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker hung up."""
        self._transport = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(WorkerGone)


def head_of(content: bytes) -> tuple[int, list[tuple[str, str]], int | None]:
    """The status, the headers to pass on and the length of the body, where the head states one."""
    lines = content.decode("latin-1").split("\r\n")
    length: int | None = None
    status, headers = int(lines[0].split(" ", 2)[1]), []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if name == "content-length":
            length = length_in(value) or 0
        elif name not in _DROPPED:
            headers.append((name, value))
    return status, headers, length
