"""Serving stored bytes so that no browser ever runs them."""

from __future__ import annotations

import re

from fastapi.responses import FileResponse, HTMLResponse, Response

from millwright.kernel.store import Store

SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of stored documents: no scripts, no origin, nothing fetched."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def attachment(store: Store, digest: str, *, name: str, media_type: str) -> Response:
    """An object as a download: never rendered, never sniffed, sandboxed if opened all the same."""
    store.objects.size(digest)
    safe = _UNSAFE.sub("_", name.rsplit("/", 1)[-1])[-100:] or "artifact"
    return FileResponse(
        store.objects.path(digest),
        media_type=media_type,
        filename=safe,
        content_disposition_type="attachment",
        headers={
            "content-security-policy": SANDBOX,
            "x-content-type-options": "nosniff",
            "cache-control": "private, max-age=31536000, immutable",
        },
    )


def sandboxed_html(content: str | bytes) -> Response:
    """A stored HTML document (a model card) to show in an iframe: no scripts, no origin."""
    return HTMLResponse(
        content,
        headers={
            "content-security-policy": f"{SANDBOX}; frame-ancestors 'self'",
            "x-content-type-options": "nosniff",
        },
    )
