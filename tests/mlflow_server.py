"""A control plane's application on a real socket, for tests of the MLflow protocol."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

# A refusal is an answer, not a reason to wait and try again.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"


@dataclass(frozen=True)
class Served:
    """One project of a running server."""

    url: str
    project: str
    store: Store
    http: httpx.Client

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """POST to an endpoint of the protocol."""
        return self.http.post(f"{self.url}/api/2.0/mlflow/{path}", json=body or {}, **options)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """GET from an endpoint of the protocol."""
        return self.http.get(f"{self.url}/api/2.0/mlflow/{path}", params=arguments)

    def run(self, **options: Any) -> str:
        """A new run's id."""
        answer = self.post("runs/create", {"experiment_id": "0", **options})
        return str(answer.json()["run"]["info"]["run_id"])

    def refusal(self, answer: httpx.Response) -> tuple[int, str, str]:
        """Status, code and message of an answer that says no."""
        body = answer.json()
        return answer.status_code, body["error_code"], body["message"]


def serving(folder: Path, database: str | None = None) -> Iterator[tuple[str, Store]]:
    """The address and the store of a server that runs until the iterator goes on."""
    import uvicorn

    from millwright.server.application import embedded

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MILLWRIGHT_URL", raising=False)
        if database is not None:
            patch.setenv("MILLWRIGHT_DATABASE_URL", database)
        app = embedded(Workspace(folder))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # Who asks before the server's thread is ready waits in the queue and is not refused.
    listener.listen(128)
    config = uvicorn.Config(app, log_level="critical", lifespan="off", http="httptools")
    running_server = uvicorn.Server(config)
    thread = threading.Thread(
        target=running_server.run, kwargs={"sockets": [listener]}, daemon=True
    )
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.store
    running_server.should_exit = True
    thread.join()
    app.state.store.close()
