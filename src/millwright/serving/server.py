"""The process: a socket, an application on it, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator

import uvicorn

from millwright.kernel.errors import Forbidden, Unavailable
from millwright.serving.application import Application
from millwright.serving.config import ServerConfig
from millwright.serving.listening import ACCESS_TOKEN, ADMIN_TOKEN
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.variant import load_generation

DRAIN_SECONDS = 5
_SWITCH_SECONDS = 0.0005


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: it would end with the signal's code, we end with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(config: ServerConfig, bound: socket.socket) -> None:
    """Load the models, then answer on ``bound`` until SIGTERM or Ctrl-C.

    On SIGTERM the server stops accepting, finishes what it began (at most five seconds), writes
    the prediction log and returns.

    Raises:
        NotFound, Corrupt, Conflict: the packages cannot be served.
        Forbidden: the address is reachable from other machines and no token is set.
        Unavailable: the spool cannot be created.
    """
    _refuse_open_door(bound)
    generation = load_generation(config, {})
    log = PredictionLog(config.spool, capacity_rows=config.log_buffer_rows)
    try:
        log.start()
    except OSError as cause:
        raise Unavailable(
            "serving.spool",
            f"The prediction log cannot be created in {config.spool}: {cause.strerror}.",
            hint="Free some space or choose another folder.",
        ) from cause
    application = Application(
        generation,
        log,
        admin_token=os.environ.get(ADMIN_TOKEN) or None,
        access_token=os.environ.get(ACCESS_TOKEN) or None,
    )
    # The log's thread must not keep the event loop waiting for the interpreter's usual 5 ms.
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Models and modules live as long as the process: the collector need not look at them again.
    gc.collect()
    gc.freeze()
    # Requests make many small lists and hardly a cycle; looking every 700 objects finds nothing.
    gc.set_threshold(20_000, 50, 100)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_run(application, bound))
    finally:
        log.close()


async def _run(application: Application, bound: socket.socket) -> None:
    settings = uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(settings)

    def drain() -> None:
        application.draining = True
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, drain)
    announcement = asyncio.create_task(_announce(server, application, bound))
    await server.serve(sockets=[bound])
    announcement.cancel()


async def _announce(server: uvicorn.Server, application: Application, bound: socket.socket) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    config = application.generation.config
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(
        f"Serving '{config.model_name}' version {config.champion.version} at "
        f"http://{shown}:{port}\n"
    )
    sys.stdout.flush()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _refuse_open_door(bound: socket.socket) -> None:
    host = bound.getsockname()[0]
    if not ipaddress.ip_address(host).is_loopback and not os.environ.get(ACCESS_TOKEN):
        raise Forbidden(
            "serving.open_door",
            f"The address {host} can be reached from other machines and no token is set.",
            hint=f"Set {ACCESS_TOKEN} to a secret that callers send, or use --host 127.0.0.1.",
        )
