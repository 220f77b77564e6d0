"""A process that has everything loaded and forks a worker when it is asked for one.

``python -m millwright.pipelines.nursery SOCKET`` is started by an engine that has a step to isolate;
an engine that is itself a fork has it forked beside it. A fork of it costs milliseconds where a fresh
interpreter costs a good part of a second. It has one thread, so forking it is safe, and it ends with
the engine: its socket breaks, it kills the process groups of its workers and goes.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

_PARENT_GONE = 1  # PR_SET_PDEATHSIG
_PRELOADED = (
    "numpy",
    "pyarrow",
    "millwright.pipelines.isolated",
    "millwright.kernel.objects",
    "millwright.kernel.door",
)


@dataclass(frozen=True)
class Nursery:
    """An engine's end of a nursery."""

    control: socket.socket
    wait: Callable[[], object]
    """Returns when the process has ended."""

    def close(self) -> None:
        """End it and its workers."""
        self.control.close()
        self.wait()


_beside: Nursery | None = None


def fork_beside() -> None:
    """Fork a nursery off this process while it has one thread, for the engine it will become."""
    global _beside
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        ours.close()
        try:
            serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    _beside = Nursery(ours, lambda: os.waitpid(process, 0))


def started(python: str) -> Nursery:
    """A nursery of an interpreter: the one that was forked before, or a new process."""
    global _beside
    if _beside is not None and python == sys.executable:
        found, _beside = _beside, None
        return found
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [python, "-m", __name__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return Nursery(ours, process.wait)


def main() -> int:
    """Load what steps need, then serve the engine that started this."""
    for name in _PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # an environment of the step's own may lack what only some steps use
    return serve(socket.socket(fileno=int(sys.argv[1])))


def serve(control: socket.socket) -> int:
    """Fork a worker for each connection that arrives, until the engine is gone."""
    # The fork server's pages are shared by all workers; the collector would touch and copy them.
    import gc

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    workers: list[int] = []
    while True:
        message, files, *_ = socket.recv_fds(control, 16, 1)
        if not message:
            _end(workers)
            return 0
        process = os.fork()
        if process == 0:
            control.close()
            _become_worker(socket.socket(fileno=files[0]))
        os.close(files[0])
        workers.append(process)
        control.sendall(process.to_bytes(8, "big"))


def _become_worker(connection: socket.socket) -> None:
    parent = os.getppid()
    # A group of its own: ending the step ends whatever it has started, too.
    os.setsid()
    ctypes.CDLL(None).prctl(_PARENT_GONE, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    from millwright.pipelines.isolated import work

    try:
        work(connection)
    finally:
        os._exit(0)


def _end(workers: list[int]) -> None:
    for process in workers:
        try:
            os.killpg(process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


if __name__ == "__main__":
    sys.exit(main())
