"""What comes in: a request, however it reached us, and its body, never larger than allowed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from millwright.kernel.errors import InvalidInput, MillwrightError, TooLarge

_SECONDS_FOR_A_BODY = 30.0
_LOOK_SECONDS = 1.0
_LENGTH_DIGITS = 18

Headers = Mapping[str, str]
"""A request's headers by lower-case name; of a repeated one the last counts."""


class UnsupportedMedia(MillwrightError):
    """The body is in a form this endpoint does not read."""

    status, exit_code = 415, 2


class ClientGone(Exception):
    """The caller hung up before the request was complete; nobody waits for an answer."""


class Incoming(Protocol):
    """A request as one of the servers hands it over."""

    method: str
    path: str
    headers: Headers

    async def whole(self) -> bytes | None:
        """The body, where it came in one piece; None where ``parts`` has to be asked."""
        ...

    def parts(self) -> AsyncIterator[bytes]:
        """What ``whole`` did not give, piece by piece; raises ``ClientGone``."""
        ...


class _Patience:
    """Gives up on bodies that take too long: one timer for all, since a timer for each request
    costs more than reading it."""

    def __init__(self) -> None:
        self._since: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, request: Incoming, limit: int) -> bytes:
        """The body, as it came; raises as ``read_body``."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(_LOOK_SECONDS, self._look, loop)
        try:
            body = await request.whole()
            return body if body is not None else await _joined(request.parts(), limit)
        except asyncio.CancelledError as cause:
            if task not in self._late:
                raise
            task.uncancel()
            raise InvalidInput(
                "serving.slow", f"The body did not arrive within {_SECONDS_FOR_A_BODY:.0f} seconds."
            ) from cause
        finally:
            del self._since[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        patience_ends = loop.time() - _SECONDS_FOR_A_BODY
        for task, since in self._since.items():
            if since < patience_ends and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._timer = loop.call_later(_LOOK_SECONDS, self._look, loop) if self._since else None


_PATIENCE = _Patience()


async def read_body(request: Incoming, limit: int) -> bytes:
    """The body of a request, decompressed.

    Raises:
        TooLarge: it is, says it is, or unpacks to more than ``limit`` bytes.
        InvalidInput: it came too slowly or does not decompress.
        UnsupportedMedia: a compression other than gzip and deflate.
        ClientGone: the caller hung up.
    """
    claimed = request.headers.get("content-length")
    if claimed is not None:
        length = length_in(claimed)
        if length is None or length > limit:
            raise too_large(limit)
    body = await _PATIENCE.wait(request, limit)
    if len(body) > limit:
        raise too_large(limit)
    encoding = request.headers.get("content-encoding")
    return body if encoding is None else decompress(body, encoding, limit)


def length_in(header: str) -> int | None:
    """The length that a header states; None where it states none.

    >>> length_in("12"), length_in("-1"), length_in("²")
    (12, None, None)
    """
    stated = header.isascii() and header.isdigit() and len(header) <= _LENGTH_DIGITS
    return int(header) if stated else None


def require_type(headers: Headers, *accepted: str) -> str:
    """The media type of the body, which has to be one of ``accepted``.

    A browser cannot send these types to another site without asking first, so insisting on them
    also keeps foreign web pages away from a server on this machine. A request without any type is
    read as the first of them (Triton's client sends none), unless a web page sent it.

    Raises:
        UnsupportedMedia: another type, or none.
    """
    given = headers.get("content-type") or ""
    if given in accepted:
        return given
    media = given.partition(";")[0].strip().lower()
    if not media and "origin" not in headers:
        return accepted[0]
    if media not in accepted:
        raise UnsupportedMedia(
            "serving.media_type",
            f"Expected content type {' or '.join(accepted)}, got {media[:80] or 'none'}.",
            hint=f"Send the header: Content-Type: {accepted[0]}",
        )
    return media


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Unpack at most ``limit`` bytes of a gzip or deflate body; errors as in ``read_body``.

    >>> decompress(zlib.compress(b"row"), "deflate", limit=10)
    b'row'
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise UnsupportedMedia(
            "serving.encoding",
            f"Expected content encoding gzip or deflate, got {encoding[:40]}.",
        )
    unpacker = zlib.decompressobj(wbits=47)  # recognises gzip and zlib by their headers
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as cause:
        raise InvalidInput(
            "serving.compressed", f"The body is not valid {encoding}: {cause}."
        ) from cause
    if len(unpacked) > limit:
        raise too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidInput("serving.compressed", f"The {encoding} body is cut short or has a tail.")
    return unpacked


async def _joined(parts: AsyncIterator[bytes], limit: int) -> bytes:
    taken, size = [], 0
    async for part in parts:
        taken.append(part)
        size += len(part)
        if size > limit:
            raise too_large(limit)
    return b"".join(taken)


def too_large(limit: int) -> TooLarge:
    """The refusal of a body of more bytes than ``limit``."""
    return TooLarge(
        "serving.too_large_body",
        f"The body is larger than {limit:,} bytes.",
        hint="Send fewer rows per request.",
    )
