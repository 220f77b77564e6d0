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
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel import process
from millwright.kernel.errors import MillwrightError
from millwright.kernel.workspace import Workspace
from millwright.pipelines import nursery
from millwright.pipelines.engine import LEASE_MS
from millwright.pipelines.records import PipelineRunDetail
from millwright.pipelines.worker import door_of, execute_stored, execute_through, preload, rehearse

_PARENT_GONE = 1  # PR_SET_PDEATHSIG
_GRACE_SECONDS = 8.0
_SPARES = 2
"""So many workers wait for runs, so that one which comes soon after another has its worker, too."""
_IDLE_SECONDS = 0.1
"""A spare worker is forked once nothing was asked for so long: what just began has the processor."""
_SEND_SECONDS = 1.0


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

    def begin(self, run_id: str, stored: PipelineRunDetail | None = None) -> RunProcess:
        """Have a run executed; what it says goes to a file per run.

        ``stored`` is the run where the caller has read it, so that its worker need not.
        """
        self.warm()
        assert self._control is not None
        begun = self._begun[run_id] = RunProcess(self, run_id)
        try:
            said = None if stored is None else stored.model_dump_json(exclude_defaults=True)
            self._control.settimeout(_SEND_SECONDS)
            self._control.sendall(json.dumps({"run": run_id, "stored": said}).encode() + b"\n")
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


def become_run_worker() -> None:
    """Make the fork that we are a worker: a group of its own, workers of its own at hand."""
    parent = os.getppid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    ctypes.CDLL(None).prctl(_PARENT_GONE, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(70)
    nursery.fork_beside()


def log_to(log: Path) -> None:
    """Have what this process says go to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


@dataclass(frozen=True)
class Spare:
    """A worker forked beforehand, with a connection to the control plane, that waits for a run."""

    process: int
    control: socket.socket

    @classmethod
    def forked(cls, workspace: Workspace, url: str | None, inherited: list[socket.socket]) -> Spare:
        """Fork it; ``inherited`` is what it closes."""
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child:
            theirs.close()
            return cls(child, ours)
        code = 70
        try:
            for one in (ours, *inherited):
                one.close()
            become_run_worker()
            code = _wait_for_run(workspace, url, theirs)
            sys.stdout.flush()
        finally:
            os._exit(code)

    def begin(self, asked: bytes) -> bool:
        """Have it execute a run, which a line names; False where it is gone."""
        with self.control:
            try:
                self.control.sendall(asked + b"\n")
            except OSError:
                return False
        return True


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
    spares: deque[Spare] = deque()

    def fork() -> Spare:
        held = [control, bell, rung, *(one.control for one in spares)]
        return Spare.forked(workspace, options.url, held)

    while True:
        ready = {
            key.fileobj
            for key, _ in selector.select(_IDLE_SECONDS if len(spares) < _SPARES else None)
        }
        if bell in ready:
            bell.recv(1 << 16)
        _tell_ended(control, runs)
        if not ready and len(spares) < _SPARES:
            spares.append(fork())
        if control not in ready:
            continue
        part = control.recv(1 << 16)
        if not part:
            for child in [*runs, *(one.process for one in spares)]:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
            return 0
        *wanted, asked = (asked + part).split(b"\n")
        for line in wanted:
            worker = spares.popleft() if spares else fork()
            if not worker.begin(line):
                worker = fork()
                worker.begin(line)
            run_id = runs[worker.process] = json.loads(line)["run"]
            _tell(control, {"run": run_id, "process": worker.process})


def _wait_for_run(workspace: Workspace, url: str | None, control: socket.socket) -> int:
    """Be ready, execute the run that is named, once one is; the exit code."""
    with ExitStack() as stack:
        door = None if url is None else stack.enter_context(door_of(workspace, url))
        if door is not None:
            with contextlib.suppress(MillwrightError):
                door.get("/health")  # the connection is there when it is needed
        rehearse()
        with control.makefile("rb") as lines:
            line = lines.readline()
        if not line:
            return 0
        asked = json.loads(line)
        run: str | PipelineRunDetail = asked["run"]
        log_to(workspace.folder("logs") / f"worker-{run}.log")
        if asked["stored"] is not None:
            run = PipelineRunDetail.model_validate_json(asked["stored"])
        if door is None:
            return execute_stored(workspace, url, workspace.root, run, LEASE_MS)
        return execute_through(door, workspace, workspace.root, run, LEASE_MS)


def _tell_ended(control: socket.socket, runs: dict[int, str]) -> None:
    with contextlib.suppress(ChildProcessError):  # there is none
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            run_id = runs.pop(ended[0], None)
            if run_id is not None:
                code = os.waitstatus_to_exitcode(ended[1])
                _tell(control, {"run": run_id, "code": code})


def _tell(control: socket.socket, news: dict[str, int | str]) -> None:
    with contextlib.suppress(OSError):  # nobody is there; the next look sees it
        control.sendall(json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
