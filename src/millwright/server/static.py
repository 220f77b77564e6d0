"""Serving the built UI: hashed files cached for good, one page for every client route.

The page may run only its own scripts and styles: everything else is refused by its content
security policy. Mantine writes its colour variables into a ``<style>`` element, which a fresh nonce
per answer lets through without opening the door to any other inline style.
"""

from __future__ import annotations

import mimetypes
import secrets
from pathlib import Path

import anyio
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from millwright.kernel.errors import MillwrightError, NotFound

UI_FOLDER = Path(__file__).parent / "ui"
_NONCE = "__MW_NONCE__"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
_NOT_THE_UI = ("/api/", "/v2/", "/invocations")
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Millwright</title></head>
<body>
<h1>The UI is not built</h1>
<p>The control plane is running and its API answers under /api/v1, but this installation has no UI.</p>
<p>With Node 20 or newer installed, build it from the checkout:</p>
<pre>npm --prefix web ci &amp;&amp; npm --prefix web run build</pre>
<p>The command line shows the same information: <code>mw status</code>.</p>
</body></html>
"""


def mount_ui(app: FastAPI, folder: Path = UI_FOLDER) -> None:
    """Serve the UI at every path that no route of the application has taken.

    Call it after all routes are added. Unknown paths of the API stay errors in the API's own form.
    """
    app.mount("/", StaticUi(folder), name="ui")


class StaticUi:
    """An ASGI application that serves one folder of built files and nothing outside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file, the page, or an error."""
        if scope["type"] != "http":
            return
        response = await self._respond(scope)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response:
        path = str(scope["path"])
        if path.startswith(_NOT_THE_UI):
            return _problem(NotFound("http.unknown_path", f"There is nothing at {path}."))
        if scope["method"] not in ("GET", "HEAD"):
            return JSONResponse(
                {"error": {"code": "http.method", "message": "Only GET is answered here."}},
                status_code=405,
                headers={"allow": "GET, HEAD"},
            )
        name = path.lstrip("/")
        if name not in ("", "index.html") and self._has(name):
            return await self._file(name, Headers(scope=scope))
        if name.startswith("assets/"):
            return _problem(NotFound("http.unknown_path", f"There is nothing at {path}."))
        return await self._page()

    async def _file(self, name: str, headers: Headers) -> Response:
        accepted = headers.get("accept-encoding", "")
        answer_headers = {
            **_HEADERS,
            "content-type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "cache-control": _IMMUTABLE if name.startswith("assets/") else _REVALIDATE,
            "vary": "accept-encoding",
        }
        chosen = name
        for encoding, suffix in _ENCODINGS:
            if encoding in accepted and self._has(name + suffix):
                chosen = name + suffix
                answer_headers["content-encoding"] = encoding
                break
        content = await anyio.Path(self._folder / chosen).read_bytes()
        return Response(content, headers=answer_headers)

    def _has(self, name: str) -> bool:
        try:
            path = (self._folder / name).resolve()
            return path.is_relative_to(self._folder) and path.is_file()
        except (OSError, ValueError):
            # A name with a null byte, or longer than the file system takes.
            return False

    async def _page(self) -> Response:
        nonce = secrets.token_urlsafe(16)
        headers = {
            **_HEADERS,
            "cache-control": "no-store",
            "content-security-policy": _POLICY.format(nonce=nonce),
        }
        if not self._has("index.html"):
            return Response(_NOT_BUILT, media_type="text/html", headers=headers)
        page = await anyio.Path(self._folder / "index.html").read_text("utf-8")
        return Response(page.replace(_NONCE, nonce), media_type="text/html", headers=headers)


def _problem(error: MillwrightError) -> Response:
    return JSONResponse(error.problem(), status_code=error.status)
