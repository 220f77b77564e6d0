"""Request bodies: read whole, decompressed, and never larger than allowed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from millwright.kernel.errors import InvalidInput, MillwrightError, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SECONDS_FOR_A_BODY = 30.0


class UnsupportedMedia(MillwrightError):
    """The body is in a form this endpoint does not read."""

    status, exit_code = 415, 2


class ClientGone(Exception):
    """The caller hung up before the request was complete; nobody waits for an answer."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The request's headers by lower-case name; of a repeated one the last counts."""
    return dict(scope["headers"])


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The body of a request, decompressed.

    Raises:
        TooLarge: it is, says it is, or unpacks to more than ``limit`` bytes.
        InvalidInput: it came too slowly or does not decompress.
        UnsupportedMedia: a compression other than gzip and deflate.
        ClientGone: the caller hung up.
    """
    claimed = headers.get(b"content-length")
    if claimed is not None and (not claimed.isdigit() or int(claimed) > limit):
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _rest(body, receive, limit)
    if len(body) > limit:
        raise _too_large(limit)
    encoding = headers.get(b"content-encoding")
    return body if encoding is None else decompress(body, encoding.decode("latin-1"), limit)


def require_type(headers: dict[bytes, bytes], *accepted: str) -> str:
    """The media type of the body, which has to be one of ``accepted``.

    A browser cannot send these types to another site without asking first, so insisting on them
    also keeps foreign web pages away from a server on this machine. A request without any type is
    read as the first of them (Triton's client sends none), unless a web page sent it.

    Raises:
        UnsupportedMedia: another type, or none.
    """
    given = headers.get(b"content-type", b"").decode("latin-1")
    media = given.partition(";")[0].strip().lower()
    if not media and b"origin" not in headers:
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
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidInput("serving.compressed", f"The {encoding} body is cut short or has a tail.")
    return unpacked


async def _rest(start: bytes, receive: Receive, limit: int) -> bytes:
    parts, size = [start], len(start)
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_BODY):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise _too_large(limit)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as cause:
        raise InvalidInput(
            "serving.slow", f"The body did not arrive within {_SECONDS_FOR_A_BODY:.0f} seconds."
        ) from cause


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "serving.too_large_body",
        f"The body is larger than {limit:,} bytes.",
        hint="Send fewer rows per request.",
    )
