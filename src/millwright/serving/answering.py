"""What a server of sockets needs of what answers: an application, or a gateway to several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from millwright.serving.bodies import Incoming
from millwright.serving.config import ServerConfig


class Answer(Protocol):
    """What goes back to a caller."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...

    def headers(self) -> list[tuple[str, str]]:
        """All headers but the body's length."""
        ...


class InParts:
    """What goes back to a caller bit by bit. A class and no protocol: every reply is asked for it."""

    status: int
    """The HTTP status."""

    def headers(self) -> list[tuple[str, str]]:
        """All headers."""
        raise NotImplementedError

    async def part(self) -> bytes | None:
        """The next part of the body; None where there is no more."""
        raise NotImplementedError

    async def close(self) -> None:
        """Say that nobody takes any more. Called once, however it ended."""
        raise NotImplementedError


class Answering(Protocol):
    """Answers every request of one port."""

    draining: bool
    """Whether it is about to end: load balancers then send callers elsewhere."""

    @property
    def config(self) -> ServerConfig:
        """What is served."""
        ...

    @property
    def in_flight(self) -> int:
        """Requests for predictions that have no reply yet."""
        ...

    async def respond(self, request: Incoming) -> Answer | InParts | None:
        """The reply to one request; None where the caller hung up before it was complete."""
        ...


async def send_parts(
    reply: InParts, gone: Awaitable[object], send: Callable[[bytes], Awaitable[object]]
) -> bool:
    """Send a stream part by part, until it ends or ``gone`` says that nobody listens.

    Returns whether it was sent whole. The stream is closed either way.
    """
    leaving = asyncio.ensure_future(gone)
    try:
        while True:
            coming = asyncio.ensure_future(reply.part())
            await asyncio.wait({coming, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                coming.cancel()
                return False
            part = coming.result()
            if part is None:
                return True
            await send(part)
    finally:
        leaving.cancel()
        await reply.close()
