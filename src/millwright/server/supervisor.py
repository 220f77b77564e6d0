"""`mw up`: keeps a control plane running, in one process tree that ends together."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

from millwright.kernel.errors import Unavailable
from millwright.kernel.process import spawn, stop
from millwright.kernel.workspace import Workspace
from millwright.server.control_plane import Listen

_START_SECONDS = 60.0
_RESTARTS_PER_MINUTE = 5


class Supervisor:
    """Starts the control plane as a child, waits until it answers, restarts it when it dies.

    Use as a context manager; on leaving, the child and everything it started has ended. Should
    this process be killed, the child sees its lifeline break and ends by itself.
    """

    def __init__(self, workspace: Workspace, listen: Listen) -> None:
        self._workspace = workspace
        self._listen = listen
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self.failure: str | None = None
        self.restarts = 0

    @property
    def log(self) -> Path:
        """Where the control plane writes its output."""
        return self._workspace.folder("logs") / "control-plane.log"

    def __enter__(self) -> Supervisor:
        self._start()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._process is not None:
            stop(self._process, grace_seconds=15)
        if self._watcher is not None:
            self._watcher.join()

    @property
    def url(self) -> str:
        """The address it answers at."""
        url = self._workspace.running_url()
        if url is None:
            raise Unavailable(
                "server.down", "The control plane is not running.", hint=f"See {self.log}."
            )
        return url

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it cannot be kept running any more; False when the time is up first."""
        if self._watcher is None:
            return True
        self._watcher.join(seconds)
        return not self._watcher.is_alive()

    def _start(self) -> None:
        arguments = ["-m", "millwright.server", "--workspace", str(self._workspace.root)]
        arguments += ["--host", self._listen.host, "--port", str(self._listen.port), "--lifeline"]
        for name in self._listen.allowed_hosts:
            arguments += ["--allow-host", name]
        start = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(arguments, log=self.log)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers(self._process.pid):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise self._failed(start)
            time.sleep(0.02)
        # A restarted control plane must be found where the first one was.
        port = int(self.url.rpartition(":")[2])
        self._listen = Listen(self._listen.host, port, self._listen.allowed_hosts)

    def _answers(self, process: int) -> bool:
        # The address file may still be that of a predecessor, or of somebody else's control plane.
        found = self._workspace.running()
        return found is not None and found[1] == process

    def _failed(self, log_start: int) -> Unavailable:
        assert self._process is not None
        stop(self._process)
        said = self.log.read_bytes()[log_start:].decode(errors="replace").strip()
        lines = [line for line in said.splitlines() if line.strip()]
        sentence = next((x.removeprefix("Error: ") for x in lines if x.startswith("Error: ")), None)
        hint = next((x.strip().removeprefix("Next: ") for x in lines if "Next: " in x), None)
        return Unavailable(
            "server.start",
            sentence or "The control plane did not start.",
            hint=hint or f"See {self.log}.",
        )

    def _watch(self) -> None:
        deaths: list[float] = []
        while not self._stopping.is_set():
            assert self._process is not None
            code = self._process.wait()
            if self._stopping.is_set():
                return
            deaths = [t for t in deaths if t > time.monotonic() - 60] + [time.monotonic()]
            if len(deaths) > _RESTARTS_PER_MINUTE:
                self.failure = f"The control plane keeps ending (exit code {code}). See {self.log}."
                return
            try:
                self._start()
                self.restarts += 1
            except Unavailable as error:
                self.failure = str(error)
                return
