"""A worker's answer that comes bit by bit, passed on as it comes; on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from millwright.serving.answering import InParts
from millwright.serving.replicas.link import Relayed, WorkerGone, head_of

_END = b"\r\n\r\n"
_ENDED = (
    b'event: error\ndata: {"error": "The worker that answered has ended.", '
    b'"code": "serving.worker_ended"}\n\n'
)
_LIMIT = 64 * 1024
_SIZE_DIGITS = 8


class RelayedParts(InParts):
    """What a worker streams. It is read no faster than the caller takes it."""

    def __init__(
        self,
        status: int,
        given: list[tuple[str, str]],
        reader: asyncio.StreamReader,
        hang_up: Callable[[], None],
    ) -> None:
        self.status = status
        self._given = given
        self._reader = reader
        self._hang_up = hang_up
        self._over = False

    def headers(self) -> list[tuple[str, str]]:
        """All headers, as the worker gave them."""
        return self._given

    async def part(self) -> bytes | None:
        """The next chunk; where the worker ended, an event that says so, and no more."""
        if self._over:
            return None
        try:
            size = int((await self._reader.readuntil(b"\r\n"))[: _SIZE_DIGITS + 2], 16)
            chunk = (await self._reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError):
            self._over = True
            return _ENDED
        self._over = size == 0
        return chunk or None

    async def close(self) -> None:
        """Hang up: the worker then closes the generator."""
        self._hang_up()


async def ask_in_parts(
    place: Path, request: bytes, when_over: Callable[[], None]
) -> RelayedParts | Relayed:
    """The answer of the worker at a socket; ``when_over`` is called once, when all of it was
    taken or nothing comes.

    Raises:
        WorkerGone: the worker ended before its answer began.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(place), limit=_LIMIT)
    except OSError as cause:
        when_over()
        raise WorkerGone from cause

    def hang_up() -> None:
        writer.transport.abort()
        when_over()

    try:
        writer.write(request)
        head = await reader.readuntil(_END)
        status, headers, length = head_of(head[: -len(_END)])
        if length is None:
            return RelayedParts(status, headers, reader, hang_up)
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as cause:
        hang_up()
        raise WorkerGone from cause
    except BaseException:
        hang_up()
        raise
    hang_up()
    return Relayed(status, body, headers)
