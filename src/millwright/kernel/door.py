"""The one door: every client reaches Millwright through its HTTP API.

With a server running, requests go over HTTP. With none, the same application is mounted in this
process and called directly, so access control, validation and audit are the same in both cases.
"""

from __future__ import annotations

import asyncio
import importlib
import json as jsonlib
import os
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from millwright.kernel.errors import Unavailable, from_problem
from millwright.kernel.workspace import Workspace

EMBEDDED_APPLICATION = "millwright.server.application:embedded"
"""Where the in-process application is found; imported only when there is no server."""

_T = TypeVar("_T")
_BLOCK = 1 << 20


class Transport(Protocol):
    """Sends one request and returns the whole answer."""

    def send(self, request: httpx.Request) -> httpx.Response:
        """The answer, whatever its status; raises ``httpx.TransportError`` if there is none."""

    def close(self) -> None:
        """Release what is held."""


class Door:
    """A client of the API: paths in, parsed JSON out, errors as ``MillwrightError``.

    Safe to use from several threads.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        base: str,
        patience_seconds: float = 0.0,
        token: str | None = None,
    ) -> None:
        self._transport = transport
        self._base = base
        self._patience = patience_seconds
        self._token = token or os.environ.get("MILLWRIGHT_TOKEN")

    @property
    def url(self) -> str | None:
        """The server's address; None when mounted in this process."""
        return None if self._base == "http://embedded" else self._base

    @property
    def application(self) -> Any | None:
        """The application that is mounted in this process; None when there is a server."""
        return getattr(self._transport, "application", None)

    def get(self, path: str, /, **query: Any) -> Any:
        """GET ``/api/v1`` + path; parameters that are None are left out."""
        return self._json("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """POST a JSON body (a record, or plain data)."""
        return self._json("POST", path, body=body)

    def put(self, path: str, body: Any = None) -> Any:
        """PUT a JSON body."""
        return self._json("PUT", path, body=body)

    def patch(self, path: str, body: Any = None) -> Any:
        """PATCH with a JSON body."""
        return self._json("PATCH", path, body=body)

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self._json("DELETE", path)

    def mlflow(self, project: str, method: str, path: str, body: Any = None) -> Any:
        """Ask an endpoint of the MLflow protocol, by its path below ``/api/2.0/mlflow/``."""
        answer = self._send(
            method,
            path,
            content=None if method == "GET" else _encode(body),
            headers={} if method == "GET" else {"content-type": "application/json"},
            below=f"/projects/{project}/mlflow/api/2.0/mlflow/",
        )
        return answer.json() if answer.content else None

    def mlflow_file(self, project: str, path: str) -> bytes:
        """The bytes of an artifact of the MLflow protocol; of ``?path=FOLDER``, its listing."""
        below = f"/projects/{project}/mlflow/api/2.0/mlflow-artifacts/artifacts"
        return self._send("GET", path if path.startswith("?") else f"/{path}", below=below).content

    def mlflow_trace(self, project: str, trace: str) -> bytes:
        """The spans of a trace as ``traces.json``."""
        path = f"get-trace-artifact?request_id={trace}"
        below = f"/projects/{project}/mlflow/ajax-api/2.0/mlflow/"
        return self._send("GET", path, below=below).content

    def upload(self, project: str, content: bytes | Path) -> str:
        """Store bytes in the object store of a project and return their digest.

        A file is sent as it is read, so it may be larger than memory.
        """
        headers = {"content-type": "application/octet-stream"}
        payload: bytes | _FileBody
        if isinstance(content, Path):
            payload = _FileBody(content)
            headers["content-length"] = str(content.stat().st_size)
        else:
            payload = content
        answer = self._send("PUT", f"/projects/{project}/objects", content=payload, headers=headers)
        return str(answer.json()["digest"])

    def download(self, path: str) -> bytes:
        """The bytes behind a path."""
        return self._send("GET", path).content

    def fetch(self, project: str, digest: str) -> bytes:
        """The bytes of an object."""
        return self.download(f"/projects/{project}/objects/{digest}")

    def fetch_range(self, project: str, digest: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes of an object from ``start`` on."""
        headers = {"range": f"bytes={start}-{start + length - 1}"}
        answer = self._send("GET", f"/projects/{project}/objects/{digest}", headers=headers)
        whole = answer.status_code != 206
        return answer.content[start : start + length] if whole else answer.content

    def close(self) -> None:
        """Release the connection, or the application mounted in this process."""
        self._transport.close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _json(self, method: str, path: str, *, query: Any = None, body: Any = None) -> Any:
        content, headers = None, {}
        if method in {"POST", "PUT", "PATCH"}:
            content = _encode(body)
            headers["content-type"] = "application/json"
        answer = self._send(method, path, query=query, content=content, headers=headers)
        return answer.json() if answer.content else None

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        content: bytes | _FileBody | None = None,
        headers: dict[str, str] | None = None,
        below: str = "/api/v1",
    ) -> httpx.Response:
        known = {k: v for k, v in (query or {}).items() if v is not None}
        # httpx fills the host in for bytes only, not for what is streamed.
        all_headers = {"host": httpx.URL(self._base).netloc.decode(), **(headers or {})}
        if self._token:
            all_headers["authorization"] = f"Bearer {self._token}"
        request = httpx.Request(
            method,
            f"{self._base}{below}{path}",
            params=known or None,
            content=content if isinstance(content, bytes) else None,
            stream=content if isinstance(content, _FileBody) else None,
            headers=all_headers,
        )
        answer = self._patiently(request)
        if answer.status_code >= 400:
            raise from_problem(answer.status_code, _parsed(answer))
        return answer

    def _patiently(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._transport.send(request)
            except httpx.TransportError as cause:
                # A server that is being restarted answers again within seconds.
                if time.monotonic() >= deadline:
                    raise Unavailable(
                        "door.unreachable",
                        f"Nothing answers at {self._base}.",
                        hint="Start it with: mw up",
                    ) from cause
                time.sleep(0.1)


def connect(
    workspace: Workspace | None = None,
    url: str | None = None,
    *,
    patience_seconds: float = 0.0,
    token: str | None = None,
) -> Door:
    """The door to use: ``url``, ``MILLWRIGHT_URL``, the workspace's running control plane, or the
    application mounted in this process.

    ``patience_seconds``: how long to wait for a server that does not answer (it may be restarting).
    ``token``: who is asking; ``MILLWRIGHT_TOKEN`` when not given.
    """
    # A secret that is not set reaches a job as an empty variable.
    address = url or os.environ.get("MILLWRIGHT_URL") or None
    if address is None:
        workspace = workspace or Workspace.find()
        address = workspace.running_url()
    if address is not None:
        base = address.rstrip("/")
        return Door(OverHttp(base), base=base, patience_seconds=patience_seconds, token=token)
    assert workspace is not None
    module, _, name = EMBEDDED_APPLICATION.partition(":")
    application = getattr(importlib.import_module(module), name)(workspace)
    return Door(InProcess(application), base="http://embedded")


class OverHttp:
    """A pooled connection to a server."""

    def __init__(self, base: str) -> None:
        self._client = httpx.Client(
            timeout=httpx.Timeout(120, connect=5),
            trust_env=False,
            # Loading certificates takes longer than most questions; plain HTTP needs none.
            verify=not base.startswith("http://"),
        )

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send over the network; the answer's body is read whole."""
        return self._client.send(request)

    def close(self) -> None:
        """Close the pooled connections."""
        self._client.close()


class InProcess:
    """The application in this process, on an event loop in a thread of its own."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="door", daemon=True)
        self._thread.start()
        transport = httpx.ASGITransport(application, raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, timeout=None)  # noqa: S113

    def send(self, request: httpx.Request) -> httpx.Response:
        """Call the application and wait for its whole answer."""
        return self._run(self._client.send(request))

    def close(self) -> None:
        """Close the store and end the thread."""
        if self._thread.is_alive():
            self._run(self._client.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self.application.state.store.close()

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class _FileBody(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A file as the body of a request; read anew each time it is sent."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self:
            yield block


def _encode(body: Any) -> bytes:
    if hasattr(body, "model_dump_json"):
        return bytes(body.model_dump_json().encode())
    return jsonlib.dumps(body).encode()


def _parsed(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return answer.text
