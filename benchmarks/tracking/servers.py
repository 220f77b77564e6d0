"""A stock MLflow server and the control plane as child processes, and what asks them.

Both write to SQLite in a folder of their own. `ci/peer mlflow` installs the stock server.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
STOCK_PYTHON = ROOT / ".peers/mlflow/bin/python"
OURS = "millwright"
KINDS = ("mlflow-1", "mlflow-4", OURS)
"""The stock server with one worker, with its default of four, and the control plane."""

# Plain sockets: a client that takes as much of two cores as the server would be what is measured.
_CLIENT = """
import json, socket, sys, time
host, run, key, seconds = sys.argv[1:]
name, _, port = host.partition(":")
line = socket.create_connection((name, int(port)))
line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
head = ("POST /api/2.0/mlflow/runs/log-metric HTTP/1.1\\r\\nHost: " + host +
        "\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n")
print("ready", flush=True)
sys.stdin.readline()
end, count = time.perf_counter() + float(seconds), 0
while time.perf_counter() < end:
    body = json.dumps({"run_id": run, "key": key, "value": 0.5, "timestamp": 1, "step": count})
    line.sendall((head % len(body) + body).encode())
    answer = b""
    while b"\\r\\n\\r\\n" not in answer:
        answer += line.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    above, _, below = answer.partition(b"\\r\\n\\r\\n")
    fields = dict(f.split(b": ", 1) for f in above.lower().split(b"\\r\\n")[1:])
    wanted = int(fields[b"content-length"])
    while len(below) < wanted:
        below += line.recv(65536)
    count += 1
print(count, flush=True)
"""


@dataclass
class Server:
    """A running server: its address and its processes."""

    host: str
    process: subprocess.Popen[bytes]
    seconds_to_answer: float
    _line: list[http.client.HTTPConnection] = field(default_factory=list)

    def call(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """One request over a connection that stays open."""
        headers = {"Content-Type": "application/json"}
        where = f"/api/2.0/mlflow/{path}"
        content = None if body is None else json.dumps(body)
        if not self._line:
            self._line.append(http.client.HTTPConnection(self.host))
        connection = self._line[0]
        try:
            connection.request(method, where, content, headers)
            answer = connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            # It hung up while nothing was asked.
            connection.close()
            connection.request(method, where, content, headers)
            answer = connection.getresponse()
        told = answer.read()
        assert answer.status == 200, told[:500]
        return json.loads(told)

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        total = 0.0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory(self) -> tuple[int, float]:
        """How many processes, and their resident megabytes."""
        everything = self._processes()
        return len(everything), sum(p.memory_info().rss for p in everything) / 1e6

    def settle(self, longest: float = 30.0) -> None:
        """Wait until it does nothing of its own accord: what it does beside counts for no call."""
        end = time.perf_counter() + longest
        while time.perf_counter() < end:
            before = self.cpu()
            time.sleep(1)
            if self.cpu() - before < 0.1:
                return

    def _processes(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]


@contextlib.contextmanager
def started(kind: str, folder: Path) -> Iterator[Server]:
    """A server of this kind, from its first answer on."""
    command, port = _command(kind, folder)
    began = time.perf_counter()
    # Stored files that not even root may remove would outlive the folder.
    environment = {**os.environ, "MILLWRIGHT_PROTECT": "mode"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    host = f"127.0.0.1:{port}"
    try:
        while not _answers(host):
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
            time.sleep(0.02)
        yield Server(host, process, time.perf_counter() - began)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def at_once(server: Server, runs: list[str], seconds: float) -> tuple[float, float]:
    """One client per run logs metrics for a time; milliseconds of wall and of CPU per call."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", _CLIENT, server.host, run, f"m{i}", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for i, run in enumerate(runs)
    ]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
    cpu, began = server.cpu(), time.perf_counter()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(b"go\n")
        client.stdin.flush()
    calls = sum(int(client.communicate()[0]) for client in clients)
    wall = time.perf_counter() - began
    return wall / calls * 1e3, (server.cpu() - cpu) / calls * 1e3


def _command(kind: str, folder: Path) -> tuple[list[str], int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    if kind == OURS:
        command = [sys.executable, "-m", "millwright.server", "--workspace", str(folder)]
        return [*command, "--port", str(port)], port
    subprocess.run([str(ROOT / "ci/peer"), "mlflow"], check=True, stdout=subprocess.DEVNULL)
    command = [str(STOCK_PYTHON), "-m", "mlflow", "server", "--port", str(port)]
    command += ["--workers", kind.rpartition("-")[2]]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    return [*command, "--artifacts-destination", str(folder / "artifacts")], port


def _answers(host: str) -> bool:
    try:
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
