"""Serving stored bytes so that no browser ever runs them."""

from __future__ import annotations

import re

from fastapi.responses import HTMLResponse, Response, StreamingResponse

from millwright.kernel.byte_ranges import ByteRange, Unsatisfiable, parse_range
from millwright.kernel.store import Store

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of stored documents: no scripts, no origin, nothing fetched."""
_AT_ONCE_BYTES = 1 << 20
_MOST_BYTES = 64 << 20
"""A longer range is answered with its beginning, as the RFC allows; the caller asks again."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def attachment(
    store: Store,
    project: str,
    digest: str,
    *,
    name: str,
    media_type: str,
    wanted: str | None = None,
) -> Response:
    """An object as a download: never rendered, never sniffed, sandboxed if opened all the same.

    ``wanted`` is the ``Range`` header of the request: only those bytes are read and sent.
    """
    objects = store.objects.of(project)
    size = objects.size(digest)
    safe = _UNSAFE.sub("_", name.rsplit("/", 1)[-1])[-100:] or "artifact"
    headers = {
        "content-disposition": f'attachment; filename="{safe}"',
        "content-length": str(size),
        "content-security-policy": SANDBOX,
        "x-content-type-options": "nosniff",
        "cache-control": "private, max-age=31536000, immutable",
        "accept-ranges": "bytes",
    }
    try:
        part = parse_range(wanted, size)
    except Unsatisfiable:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    if part is not None:
        content = objects.read_range(digest, part.start, min(part.stop - part.start, _MOST_BYTES))
        part = ByteRange(part.start, part.start + len(content))
        headers |= {
            "content-range": part.content_range(size),
            "content-length": str(len(content)),
        }
        return Response(content, status_code=206, media_type=media_type, headers=headers)
    if size <= _AT_ONCE_BYTES:
        return Response(objects.read(digest), media_type=media_type, headers=headers)
    return StreamingResponse(objects.stream(digest), media_type=media_type, headers=headers)


def sandboxed_html(content: str | bytes) -> Response:
    """A stored HTML document (a model card) to show in an iframe: no scripts, no origin."""
    return HTMLResponse(
        content,
        headers={
            "content-security-policy": f"{SANDBOX}; frame-ancestors 'self'",
            "x-content-type-options": "nosniff",
        },
    )
