"""A process that has an inference server loaded, and forks a worker when its gateway asks for one.

``python -m millwright.serving.replicas.nursery SOCKET`` is started by a gateway. A fork answers within
a tenth of a second of processor time, where a fresh interpreter takes most of a second to load, and
shares the memory of what was loaded. The model and the library that runs it are loaded in the fork:
what has threads of its own does not survive forking, and this process has one thread. When the
gateway is gone its socket breaks and it goes; workers hold a lifeline to the gateway itself, so the
end of this process is not theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from millwright.kernel import process

_PRELOADED = (
    "numpy",
    "pyarrow",
    "pyarrow.compute",
    "millwright.serving.__main__",
    "millwright.serving.server",
    "millwright.serving.bounded_head",
)
_MAYBE = ("uvloop",)
_ERRORS = Path("/dev/stderr")
_LONGEST_MESSAGE = 4096
_UNKNOWN_CODE = -signal.SIGKILL
_END_SECONDS = 2.0


class WorkerProcess:
    """A worker's process, as its gateway sees it.

    Attributes:
        pid: of the process.
        returncode: as ``subprocess`` has it; None while it runs.
    """

    def __init__(self, pid: int, life: int, lifeline: int) -> None:
        """``life`` is a pipe that says the exit code and closes when the process ends; the process
        ends when ``lifeline`` is closed."""
        self.pid = pid
        self.returncode: int | None = None
        self._life = life
        self._lifeline = lifeline
        self._over = asyncio.Event()
        self._said = b""

    def watch(self, call: Callable[[], None]) -> None:
        """Call back on the running loop at once when the process ends, however that came."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            part = os.read(self._life, 100)
            self._said += part
            if part:
                return
            loop.remove_reader(self._life)
            os.close(self._life)
            os.close(self._lifeline)
            self.returncode = int(self._said or _UNKNOWN_CODE)
            self._over.set()
            call()

        loop.add_reader(self._life, read)

    async def wait(self) -> None:
        """Return when it has ended."""
        await self._over.wait()

    def terminate(self) -> None:
        """Ask it to finish what it began and end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The gateway's end. Blocks whom it serves; may be asked from any thread."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """``environment`` is what all its workers have beside this process's own."""
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def begin(self, config: Path, bound: socket.socket) -> WorkerProcess:
        """A worker that serves ``config`` on a socket that listens.

        Raises:
            OSError: it could not be started, twice.
        """
        with self._lock:
            try:
                return self._forked(config, bound)
            except (OSError, ValueError):
                self._end()  # it was killed: another one
            return self._forked(config, bound)

    def revive(self) -> None:
        """Start another process where this one ended, so that the next worker need not wait."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._end()
                self._start()

    def close(self) -> None:
        """Let the process go; its workers stay."""
        with self._lock:
            self._end()

    def _forked(self, config: Path, bound: socket.socket) -> WorkerProcess:
        control = self._control or self._start()
        life, theirs = os.pipe()
        hold, lifeline = os.pipe()
        try:
            socket.send_fds(control, [os.fsencode(config)], [bound.fileno(), hold, theirs])
            pid = int(control.recv(100))
        except BaseException:
            os.close(life)
            os.close(lifeline)
            raise
        finally:
            os.close(theirs)
            os.close(hold)
        return WorkerProcess(pid, life, lifeline)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = process.spawn(
                ["-m", __name__, str(theirs.fileno())],
                log=_ERRORS,
                environment=self._environment,
                inherit=[theirs.fileno()],
            )
        self._control = ours
        return ours

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            process.stop(self._process, grace_seconds=_END_SECONDS)
        self._control = self._process = None


def main(descriptor: int) -> int:
    """Fork workers until the gateway is gone."""
    control = socket.socket(fileno=descriptor)
    for name in _PRELOADED:
        importlib.import_module(name)
    for name in _MAYBE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the pages are shared with the forks; the collector would touch and copy them
    bell, rung = socket.socketpair()
    rung.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(rung.fileno())
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(bell, selectors.EVENT_READ)
    lives: dict[int, int] = {}
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if bell in ready:
            bell.recv(1 << 16)
            _tell_ended(lives)
        if control not in ready:
            continue
        content, files, _, _ = socket.recv_fds(control, _LONGEST_MESSAGE, 3)
        if not content:
            return 0
        bound, lifeline, life = files
        child = os.fork()
        if child == 0:
            ours = [one.detach() for one in (control, bell, rung)]
            _work(os.fsdecode(content), bound, lifeline, [*ours, *lives.values()])
        os.close(bound)
        os.close(lifeline)
        lives[child] = life
        control.sendall(str(child).encode())


def _work(config: str, bound: int, lifeline: int, others: Sequence[int]) -> None:
    """Be a worker; never returns. It keeps its life open, should the nursery end before it."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for one in others:
            os.close(one)
        os.dup2(lifeline, 0)
        os.close(lifeline)
        from millwright.serving.__main__ import main as serve

        code = serve(["--config", config, "--socket", str(bound), "--lifeline"])
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _tell_ended(lives: dict[int, int]) -> None:
    with contextlib.suppress(ChildProcessError):  # there is none
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            life = lives.pop(ended[0])
            with contextlib.suppress(OSError):  # the gateway is gone
                os.write(life, str(os.waitstatus_to_exitcode(ended[1])).encode())
            os.close(life)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
