"""Real control planes for the browser: one with a year in it, one that wants a token, one empty."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn

from millwright.kernel.access import LOCAL, Role
from millwright.kernel.routing import Authenticate
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.security import local_user
from millwright.security.authentication import token_holder
from millwright.security.records import TokenRequest
from millwright.security.service import create_token
from millwright.server.application import create_app
from millwright.server.opening import open_store
from millwright.server.static import mount_ui

HERE = Path(__file__).parent
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Installations:
    """Addresses of running control planes."""

    seeded: str
    guarded: str
    empty: str
    token: str


@pytest.fixture(scope="session")
def installations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installations]:
    seeded, empty = tmp_path_factory.mktemp("seeded"), tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, str(HERE / "seed.py"), str(seeded)], check=True)
    store, nothing = open_store(Workspace(seeded)), open_store(Workspace(empty))
    secret = create_token(store, LOCAL, TokenRequest(name="reader", role=Role.VIEWER)).secret
    try:
        with (
            control_plane(seeded) as address,
            serving(store, token_holder) as guarded,
            serving(nothing, local_user) as fresh,
        ):
            yield Installations(seeded=address, guarded=guarded, empty=fresh, token=secret)
    finally:
        store.close()
        nothing.close()


@contextmanager
def control_plane(folder: Path) -> Iterator[str]:
    """The control plane as a process of its own, with its controllers and inference server."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MILLWRIGHT_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "millwright.server", "--workspace", str(folder)], env=environment
    )
    try:
        yield _announced(Workspace(folder), process)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def serving(store: Store, authenticate: Authenticate) -> Iterator[str]:
    """The application with the UI on a free port, without controllers."""
    app = create_app(store, authenticate=authenticate)
    mount_ui(app)
    config = uvicorn.Config(
        app, port=0, log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _wait(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _announced(workspace: Workspace, process: subprocess.Popen[bytes]) -> str:
    def answers() -> str | None:
        assert process.poll() is None, "The control plane ended."
        address = workspace.running_url()
        if address is None:
            return None
        try:
            httpx.get(f"{address}/api/v1/health").raise_for_status()
        except httpx.HTTPError:
            return None
        return address

    found = _wait(answers)
    assert isinstance(found, str)
    return found


def _wait(condition: object) -> object:
    assert callable(condition)
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        threading.Event().wait(0.05)
    raise AssertionError("It did not happen in time.")
