"""The control plane: the API, the UI and the controllers in one process."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from millwright.automation import ControlLoop
from millwright.kernel.errors import Conflict, Unavailable
from millwright.kernel.hearing import hear_others
from millwright.kernel.locks import exclusive
from millwright.kernel.process import end_soon, watch_lifeline
from millwright.kernel.routing import Authenticate
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.security import authentication_for
from millwright.server.application import create_app, mlflow_door
from millwright.server.early import EarlyApplication
from millwright.server.joined_answers import JoinedAnswers
from millwright.server.opening import open_store
from millwright.server.static import mount_ui

_PREDECESSOR_SECONDS = 25.0


@dataclass(frozen=True)
class Listen:
    """Where the control plane listens, and to which names it answers."""

    host: str = "127.0.0.1"
    port: int = 8600
    allowed_hosts: tuple[str, ...] = ()


def serve(workspace: Workspace, listen: Listen, *, lifeline: bool = False) -> None:
    """Run the control plane until SIGTERM or SIGINT, then end everything it started.

    Raises:
        Conflict: this workspace has a control plane already.
        Unavailable: the port is taken.
        Forbidden: the address is not loopback and nobody could log in.
    """
    with _alone(workspace):
        store = open_store(workspace)
        try:
            if lifeline:
                watch_lifeline(lambda: _end(workspace))
            _run(store, listen)
        finally:
            workspace.address_file.unlink(missing_ok=True)
            store.close()


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace; one whose supervisor was killed is given the time to end in order."""
    path = workspace.folder() / "control-plane.lock"
    busy = f"A control plane is running already in {workspace.root}."
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive(path, wait=False, busy=busy))
                break
            except Conflict:
                # One that says where it is found means to stay.
                if workspace.running() is not None or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)
        yield


def _end(workspace: Workspace) -> None:
    """Our supervisor is gone: say that we are no longer to be found, then end in order."""
    workspace.address_file.unlink(missing_ok=True)
    end_soon()


def _run(store: Store, listen: Listen) -> None:
    authenticate = authentication_for(store, listen.host)
    listener = bind(listen.host, listen.port)
    url = f"http://{_printable(listen.host)}:{listener.getsockname()[1]}"
    hosts = tuple(_hosts(listen))
    app = EarlyApplication(mlflow_door(store, authenticate=authenticate, hosts=hosts))
    loop = ControlLoop(store, url=url)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            loop="uvloop",
            http=JoinedAnswers,
            lifespan="off",
            server_header=False,
            # Who asks is decided by the address that really asks, whatever headers say.
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    hear_others(store)
    failed: list[BaseException] = []

    def rest() -> None:
        try:
            app.make(lambda: _whole(store, authenticate, hosts))
            loop.start()
            _settle_memory()
        except BaseException as error:
            failed.append(error)
            server.should_exit = True

    def ask_to_end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # The server raises the signal that ended it once more when it has ended; by default that
    # would end the process before anything is closed.
    signal.signal(signal.SIGTERM, ask_to_end)
    making = threading.Thread(target=rest, name="application")
    making.start()
    try:
        _announce(store.workspace.address_file, url)
        server.run(sockets=[listener])
    finally:
        store.workspace.address_file.unlink(missing_ok=True)
        making.join()
        loop.stop()
    if failed:
        raise failed[0]


def _whole(store: Store, authenticate: Authenticate, hosts: Iterable[str]) -> ASGIApp:
    app = create_app(store, authenticate=authenticate, hosts=hosts)
    mount_ui(app)
    return app


def _settle_memory() -> None:
    """Look no more through what lives as long as the process, and less often through the rest: by
    default the collector takes a tenth of the time of a request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _hosts(listen: Listen) -> Iterable[str]:
    own = () if listen.host in ("0.0.0.0", "::") else (listen.host,)  # noqa: S104
    return (*own, *listen.allowed_hosts)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one.

    Raises:
        Unavailable: the port is taken, or the address is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as cause:
        listener.close()
        raise Unavailable(
            "server.port_taken",
            f"Port {port} on {host} cannot be used: {cause.strerror}.",
            hint="Stop what uses it, or choose another with --port (0 picks a free one).",
            value=port,
        ) from cause
    return listener


def _announce(path: Path, url: str) -> None:
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}), "utf-8")
    temporary.replace(path)


def _printable(host: str) -> str:
    return f"[{host}]" if ":" in host else host
