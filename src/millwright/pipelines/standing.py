"""A process that stands by with everything loaded and forks a worker for each run it is told of.

``python -m millwright.pipelines.standing SOCKET --workspace DIR [--url URL]`` is started by a control
plane, which says which runs to execute. A fork begins within milliseconds where a fresh interpreter
takes a second to load; the project's own code is loaded in the fork, as it is then. The process has
one thread, so forking it is safe. When the control plane is gone the socket breaks: it ends its
workers and goes, and a worker whose parent is gone ends at once.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from millwright.kernel import process
from millwright.kernel.workspace import Workspace
from millwright.pipelines import nursery
from millwright.pipelines.engine import LEASE_MS
from millwright.pipelines.worker import execute_stored, preload

_PARENT_GONE = 1  # PR_SET_PDEATHSIG
_GRACE_SECONDS = 8.0


class StandingWorker:
    """The control plane's end: tells the process what to execute, and hears what has ended."""

    def __init__(self, workspace: Workspace, url: str | None) -> None:
        self._workspace = workspace
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._heard = b""
        self._begun: dict[str, RunProcess] = {}

    @property
    def is_warm(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def warm(self) -> None:
        """Start the process if it does not stand by already; nobody waits for it."""
        if self.is_warm:
            return
        self.close()
        ours, theirs = socket.socketpair()
        arguments = ["-m", __name__, str(theirs.fileno()), "--workspace", str(self._workspace.root)]
        arguments += [] if self._url is None else ["--url", self._url]
        log = self._workspace.folder("logs") / "standing-worker.log"
        with theirs:
            self._process = process.spawn(arguments, log=log, inherit=[theirs.fileno()])
        self._control = ours

    def begin(self, run_id: str) -> RunProcess:
        """Have a run executed; what it says goes to a file per run."""
        self.warm()
        assert self._control is not None
        begun = self._begun[run_id] = RunProcess(self, run_id)
        try:
            self._control.sendall(run_id.encode() + b"\n")
        except OSError:
            begun.returncode = -signal.SIGKILL
        return begun

    def listen(self, seconds: float = 0.0) -> None:
        """Take note of what began and ended, waiting at most so long for the next news."""
        if self._control is None:
            return
        self._control.settimeout(max(seconds, 1e-6))
        while True:
            try:
                part = self._control.recv(1 << 16)
            except TimeoutError:
                break
            except OSError:
                part = b""
            if not part:
                self._lose()
                break
            self._heard += part
            self._control.settimeout(1e-6)
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            self._note(json.loads(line))

    def close(self) -> None:
        """End the process and every run that it executes."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            process.stop(self._process)
            self._process = None
        self._lose()

    def _note(self, news: dict[str, int | str]) -> None:
        begun = self._begun.get(str(news["run"]))
        if begun is None:
            return
        if "process" in news:
            begun.pid = int(news["process"])
        else:
            begun.returncode = int(news["code"])
            del self._begun[begun.run_id]

    def _lose(self) -> None:
        for begun in self._begun.values():
            begun.returncode = -signal.SIGKILL
        self._begun.clear()
        self._heard = b""


class RunProcess:
    """A worker that executes one run, as much of a process as its control plane needs."""

    def __init__(self, standing: StandingWorker, run_id: str) -> None:
        self._standing = standing
        self.run_id = run_id
        self.pid: int | None = None
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self.returncode is None:
            self._standing.listen()
        return self.returncode

    def stop(self) -> int:
        """End it: SIGTERM, then SIGKILL to all that it started after a grace; its exit code."""
        until = time.monotonic() + _GRACE_SECONDS
        asked = False
        while self.poll() is None and time.monotonic() < until:
            if self.pid is not None and not asked:
                self._signal(signal.SIGTERM)
                asked = True
            self._standing.listen(0.05)
        if self.poll() is None:
            self._signal(signal.SIGKILL)
            self.returncode = -signal.SIGKILL
        assert self.returncode is not None
        return self.returncode

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid is not None:
                (os.killpg if number == signal.SIGKILL else os.kill)(self.pid, number)


def become_run_worker(log: Path) -> None:
    """Make the fork that we are a worker: a group of its own, a log, workers of its own at hand."""
    parent = os.getppid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(_PARENT_GONE, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    nursery.fork_beside()


def main(arguments: list[str] | None = None) -> int:
    """Stand by until the control plane is gone."""
    parser = argparse.ArgumentParser(prog="millwright.pipelines.standing")
    parser.add_argument("socket", type=int)
    parser.add_argument("--workspace", required=True, type=Path)
    parser.add_argument("--url")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace.resolve())
    preload()
    control = socket.socket(fileno=options.socket)
    bell, rung = socket.socketpair()
    rung.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(rung.fileno())
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(bell, selectors.EVENT_READ)
    runs: dict[int, str] = {}
    asked = b""
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if bell in ready:
            bell.recv(1 << 16)
        _tell_ended(control, runs)
        if control not in ready:
            continue
        part = control.recv(1 << 16)
        if not part:
            for child in runs:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
            return 0
        *wanted, asked = (asked + part).split(b"\n")
        for run_id in map(bytes.decode, wanted):
            child = os.fork()
            if child == 0:
                control.close()
                become_run_worker(workspace.folder("logs") / f"worker-{run_id}.log")
                code = execute_stored(workspace, options.url, workspace.root, run_id, LEASE_MS)
                sys.stdout.flush()
                os._exit(code)
            runs[child] = run_id
            _tell(control, {"run": run_id, "process": child})


def _tell_ended(control: socket.socket, runs: dict[int, str]) -> None:
    while runs:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        run_id = runs.pop(child)
        _tell(control, {"run": run_id, "code": os.waitstatus_to_exitcode(status)})


def _tell(control: socket.socket, news: dict[str, int | str]) -> None:
    with contextlib.suppress(OSError):  # nobody is there; the next look sees it
        control.sendall(json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
