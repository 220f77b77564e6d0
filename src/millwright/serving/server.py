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
from collections.abc import Awaitable, Callable, Iterator

import uvicorn

from millwright.kernel.errors import Forbidden, InvalidInput, Unavailable
from millwright.serving.answering import Answering
from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.bounded_head import BoundedHead
from millwright.serving.config import ServerConfig
from millwright.serving.listening import ACCESS_TOKEN, ADMIN_TOKEN, BACKLOG, OPEN
from millwright.serving.models import Models

DRAIN_SECONDS = 5
_Run = Callable[[Answering, socket.socket], Awaitable[None]]
_SWITCH_SECONDS = 0.0005
_LOOK_SECONDS = 0.01


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to us: it would end with the signal's code, we end with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    config: ServerConfig,
    bound: socket.socket,
    program: str | None = None,
    grpc_port: int | None = None,
) -> None:
    """Load the models, then answer on ``bound`` until SIGTERM or Ctrl-C.

    ``program`` reads and writes the sockets, by default what the configuration says. With a
    ``grpc_port`` (0 takes a free one) the same models answer gRPC on it too.

    On SIGTERM the server stops accepting, finishes what it began (at most five seconds), writes
    the prediction log and returns.

    Raises:
        NotFound, Corrupt, Conflict: the packages cannot be served.
        Forbidden: the address is reachable from other machines and no token is set.
        Unavailable: the spool cannot be created, or the program is not installed.
    """
    _refuse_open_door(bound, has_keys=bool(config.keys or config.oidc))
    run = _run_granian if (program or config.engine) == "granian" else _run_uvicorn
    # The log's thread must not keep the event loop waiting for the interpreter's usual 5 ms.
    sys.setswitchinterval(_SWITCH_SECONDS)
    if config.workers.is_one:
        _serve_here(config, bound, run, grpc_port)
    else:
        _serve_by_workers(config, bound, run, grpc_port)


def _serve_here(
    config: ServerConfig, bound: socket.socket, run: _Run, grpc_port: int | None
) -> None:
    """Answer in this process."""
    models = Models(config)
    try:
        models.start()
    except OSError as cause:
        raise Unavailable(
            "serving.spool",
            f"The prediction log cannot be created in {config.spool}: {cause.strerror}.",
            hint="Free some space or choose another folder.",
        ) from cause
    application = Application(
        models,
        admin_token=os.environ.get(ADMIN_TOKEN) or None,
        access_token=os.environ.get(ACCESS_TOKEN) or None,
    )
    # Models and modules live as long as the process: the collector need not look at them again.
    gc.collect()
    gc.freeze()
    # Requests make many small lists and hardly a cycle; looking every 700 objects finds nothing.
    gc.set_threshold(20_000, 50, 100)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_beside_grpc(run, application, bound, grpc_port))
    finally:
        application.close()
        models.close()


def _serve_by_workers(
    config: ServerConfig, bound: socket.socket, run: _Run, grpc_port: int | None
) -> None:
    """Answer by asking workers, as many as the load wants."""
    from millwright.serving.replicas.gateway import Gateway

    if grpc_port is not None:
        raise InvalidInput(
            "serving.grpc_workers",
            "gRPC is answered by one process, and several workers are asked for.",
            hint="Leave --grpc-port out, or serve with one worker.",
        )

    async def all_of_it() -> None:
        gateway = Gateway(
            config,
            admin_token=os.environ.get(ADMIN_TOKEN) or None,
            access_token=os.environ.get(ACCESS_TOKEN) or None,
        )
        async with gateway.running():
            await run(gateway, bound)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(all_of_it())


async def _beside_grpc(
    run: _Run, application: Application, bound: socket.socket, port: int | None
) -> None:
    """Answer HTTP, and gRPC where a port is given for it."""
    if port is None:
        await run(application, bound)
        return
    try:
        from millwright.serving.grpc.service import start_grpc
    except ImportError as cause:
        raise Unavailable(
            "serving.no_grpc",
            "gRPC is not installed.",
            hint="Install it with: pip install 'millwright[grpc]'",
        ) from cause
    host = bound.getsockname()[0]
    server, taken = await start_grpc(application, host, port)
    sys.stdout.write(f"gRPC at {host}:{taken}\n")
    try:
        await run(application, bound)
    finally:
        await server.stop(DRAIN_SECONDS)


async def _run_granian(application: Answering, bound: socket.socket) -> None:
    try:
        from millwright.serving.rsgi import granian_on
    except ImportError as cause:
        raise Unavailable(
            "serving.no_granian",
            "The server granian is not installed.",
            hint="Install it with: pip install 'millwright[granian]' - or leave --server out.",
        ) from cause
    server = granian_on(application, bound)
    draining: list[asyncio.Task[None]] = []

    async def drain() -> None:
        # granian would close connections whose requests are still coming in.
        application.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while application.in_flight:
                    await asyncio.sleep(_LOOK_SECONDS)
        server.stop()

    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, lambda: draining.append(loop.create_task(drain())))
    _announce(application, bound)
    await server.serve()


async def _run_uvicorn(application: Answering, bound: socket.socket) -> None:
    settings = uvicorn.Config(
        AsgiServer(application),
        http=BoundedHead,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
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
    # Callers that come from now on wait in the socket's queue for the moment until uvicorn accepts.
    _announce(application, bound)
    await server.serve(sockets=[bound])


def _announce(application: Answering, bound: socket.socket) -> None:
    config = application.config
    if bound.family == socket.AF_UNIX:
        return  # a worker: its gateway speaks for it
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


def _refuse_open_door(bound: socket.socket, *, has_keys: bool) -> None:
    if bound.family == socket.AF_UNIX:
        return  # a worker: only who may look into its folder reaches it
    host = bound.getsockname()[0]
    guarded = has_keys or os.environ.get(ACCESS_TOKEN) or os.environ.get(OPEN) == "1"
    if not ipaddress.ip_address(host).is_loopback and not guarded:
        raise Forbidden(
            "serving.open_door",
            f"The address {host} can be reached from other machines and no token is set.",
            hint=f"Set {ACCESS_TOKEN} to a secret that callers send, or use --host 127.0.0.1; where"
            f" the network is the guard, say so with {OPEN}=1.",
        )
