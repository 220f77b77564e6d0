"""The stock MLflow server and Millwright under the same raw HTTP workloads, in one run.

Prints a table of wall time and server CPU. `ci/peer mlflow` installs the stock server; both write to
SQLite. Databases with many runs are filled with SQL, so that what is measured is the reading.

    python benchmarks/tracking/servers.py [--runs 10000] [--many 100000] [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
KEYS = 10
CLIENT = """
import http.client, json, sys
host, run, key, count = sys.argv[1:]
connection = http.client.HTTPConnection(host)
bodies = [
    json.dumps({"run_id": run, "key": key, "value": i, "timestamp": i, "step": i})
    for i in range(int(count))
]
sys.stdin.readline()
for body in bodies:
    connection.request(
        "POST", "/api/2.0/mlflow/runs/log-metric", body, {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
"""


@dataclass
class Server:
    """A running server: its address and its processes."""

    host: str
    process: subprocess.Popen[bytes]

    def call(self, path: str, body: Any, method: str = "POST") -> Any:
        """One request over a connection that stays open."""
        headers = {"Content-Type": "application/json"}
        where, content = f"/api/2.0/mlflow/{path}", json.dumps(body)
        connection = self.__dict__.setdefault("_c", http.client.HTTPConnection(self.host))
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
        own = psutil.Process(self.process.pid)
        total = 0.0
        for process in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory(self) -> tuple[int, float]:
        """How many processes, and their resident megabytes."""
        own = psutil.Process(self.process.pid)
        all_of_it = [own, *own.children(recursive=True)]
        return len(all_of_it), sum(p.memory_info().rss for p in all_of_it) / 1e6


@contextlib.contextmanager
def started(command: list[str], folder: Path, port: int) -> Iterator[tuple[Server, float]]:
    """A server, as soon as it answers, and how long that took."""
    began = time.perf_counter()
    log = (folder / "server.log").open("ab")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    host = f"127.0.0.1:{port}"
    try:
        while True:
            try:
                connection = http.client.HTTPConnection(host, timeout=60)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.05)
            assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        yield Server(host, process), time.perf_counter() - began
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        log.close()


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stock(folder: Path) -> tuple[list[str], int]:
    """The command of a stock server with one worker, and its port."""
    python = subprocess.run(
        [str(HERE.parents[1] / "ci/peer"), "mlflow"], check=True, capture_output=True, text=True
    ).stdout.strip()
    port = free_port()
    uri = f"sqlite:///{folder}/mlflow.db"
    command = [python, "-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    return [*command, "--artifacts-destination", str(folder / "a"), "--port", str(port)], port


def ours(folder: Path) -> tuple[list[str], int]:
    """The command of our control plane, and its port."""
    port = free_port()
    command = [sys.executable, "-m", "millwright.server", "--workspace", str(folder)]
    return [*command, "--port", str(port)], port


def measured(server: Server, count: int, work: Callable[[int], object]) -> tuple[float, float]:
    """Milliseconds of wall time and of server CPU per call."""
    work(-1)
    cpu, began = server.cpu(), time.perf_counter()
    for number in range(count):
        work(number)
    wall = time.perf_counter() - began
    return wall / count * 1e3, (server.cpu() - cpu) / count * 1e3


def writes(server: Server, count: int) -> dict[str, tuple[float, float]]:
    """The writing workloads."""
    experiment = server.call("experiments/create", {"name": "writes"})["experiment_id"]

    def create(number: int) -> str:
        body = {"experiment_id": experiment, "run_name": f"r{number}", "start_time": 1}
        body["tags"] = [{"key": "mlflow.user", "value": "me"}]
        return str(server.call("runs/create", body)["run"]["info"]["run_id"])

    run = create(-2)
    result = {"create_run": measured(server, count, create)}
    result["log_metric, 1 client"] = measured(
        server,
        count,
        lambda i: server.call(
            "runs/log-metric",
            {"run_id": run, "key": "m", "value": i, "timestamp": 1, "step": i + 1},
        ),
    )

    def batch(number: int) -> None:
        metrics = [
            {"key": f"k{i % 10}", "value": i + 0.5, "timestamp": i, "step": number * 1000 + i}
            for i in range(1000)
        ]
        server.call("runs/log-batch", {"run_id": create(0), "metrics": metrics})

    result["log_batch of 1,000"] = measured(server, max(5, count // 20), batch)
    result["log_metric, 8 clients"] = eight(server, [create(i) for i in range(8)], count)
    return result


def eight(server: Server, runs: list[str], count: int) -> tuple[float, float]:
    """Eight processes at once; milliseconds per call of all of them together."""
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, server.host, run, f"m{i}", str(count)],
            stdin=subprocess.PIPE,
        )
        for i, run in enumerate(runs)
    ]
    time.sleep(1)
    cpu, began = server.cpu(), time.perf_counter()
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(b"go\n")
        client.stdin.flush()
    assert all(client.wait() == 0 for client in clients)
    wall = time.perf_counter() - began
    calls = len(runs) * count
    return wall / calls * 1e3, (server.cpu() - cpu) / calls * 1e3


def fill(path: Path, runs: int, *, stock_schema: bool) -> None:
    """Runs with ten metrics and ten parameters each, and one metric with 100,000 points."""
    chance = random.Random(7)
    db = sqlite3.connect(path)
    if stock_schema:
        owner = db.execute("SELECT experiment_id FROM experiments WHERE name='reads'").fetchone()[0]
        db.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
            "status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, "
            "experiment_id) VALUES (?, ?, 'LOCAL', '', '', 'me', 'FINISHED', ?, ?, '', 'active', "
            "'x', ?)",
            [(f"{i:032x}", f"run-{i}", i, i + 1, owner) for i in range(runs)],
        )
        columns = "run_uuid"
        names = [f"{i:032x}" for i in range(runs)]
    else:
        owner = db.execute("SELECT no FROM experiments WHERE name='reads'").fetchone()[0]
        project = db.execute("SELECT project FROM experiments WHERE no=?", [owner]).fetchone()[0]
        first = db.execute("SELECT COALESCE(MAX(no), 0) + 1 FROM runs").fetchone()[0]
        db.executemany(
            "INSERT INTO runs (no, id, project, experiment_no, name, status, actor, inputs, "
            "created_ms, ended_ms) VALUES (?, ?, ?, ?, ?, 'finished', 'me', '[]', ?, ?)",
            [(first + i, f"{i:032x}", project, owner, f"run-{i}", i, i + 1) for i in range(runs)],
        )
        columns = "run_no"
        names = list(range(first, first + runs))
    _details(db, chance, columns, names, owner, stock_schema=stock_schema)
    db.commit()
    db.close()


def _details(
    db: sqlite3.Connection,
    chance: random.Random,
    column: str,
    names: list[Any],
    owner: int,
    *,
    stock_schema: bool,
) -> None:
    params = [(n, f"p{k}", str(chance.randrange(100))) for n in names for k in range(KEYS)]
    metrics = [(n, f"m{k}", chance.random()) for n in names for k in range(KEYS)]
    points = [(names[0], "long", i, i, chance.random()) for i in range(100_000)]
    tags = [(n, "mlflow.user", "me") for n in names]
    db.executemany(f"INSERT INTO tags ({column}, key, value) VALUES (?,?,?)" if stock_schema
                   else f"INSERT INTO run_tags ({column}, key, value) VALUES (?,?,?)", tags)  # fmt: skip
    if stock_schema:
        db.executemany("INSERT INTO params (run_uuid, key, value) VALUES (?,?,?)", params)
        db.executemany(
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) "
            "VALUES (?,?,?,1,0,0)",
            metrics,
        )
        db.executemany(
            "INSERT INTO metrics (run_uuid, key, step, timestamp, value, is_nan) "
            "VALUES (?,?,?,?,?,0)",
            points,
        )
        return
    db.executemany("INSERT INTO run_params (run_no, key, value, kind) VALUES (?,?,?,'s')", params)
    db.executemany(
        "INSERT INTO run_latest_metrics (run_no, key, value, step, time_ms, is_nan, experiment_no) "
        f"VALUES (?,?,?,0,1,0,{owner})",
        metrics,
    )
    db.executemany(
        "INSERT INTO run_metrics (run_no, key, step, time_ms, value, is_nan) VALUES (?,?,?,?,?,0)",
        points,
    )


def reads(server: Server, *, client: str | None, times: int) -> dict[str, tuple[float, float]]:
    """The reading workloads."""
    found = server.call("experiments/get-by-name?experiment_name=reads", {}, "GET")
    experiment = found["experiment"]["experiment_id"]
    search = {
        "experiment_ids": [experiment],
        "filter": "metrics.m0 > 0.5",
        "order_by": ["metrics.m1 DESC"],
        "max_results": 100,
    }
    result = {"search, metric filter and order": measured(server, times, lambda _: server.call("runs/search", search))}  # fmt: skip
    same = {**search, "order_by": ["metrics.m0 DESC"], "max_results": 1000}
    result["the same metric, 1,000 runs"] = measured(
        server, times, lambda _: server.call("runs/search", same)
    )
    path = f"metrics/get-history?run_id={0:032x}&metric_key=long"
    result["history of 100,000 points"] = measured(
        server, max(2, times // 3), lambda _: server.call(path, {}, "GET")
    )
    if client is not None:
        code = (
            "import mlflow, time, sys; mlflow.set_tracking_uri('http://' + sys.argv[1]); "
            "t = time.perf_counter(); "
            f"f = mlflow.search_runs(['{experiment}'], max_results=10000); "
            "print(time.perf_counter() - t, len(f))"
        )
        cpu = server.cpu()
        printed = subprocess.run(
            [client, "-W", "ignore", "-c", code, server.host],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        result[f"{printed[1]} runs as a DataFrame"] = (
            float(printed[0]) * 1e3,
            (server.cpu() - cpu) * 1e3,
        )
    return result


def one(kind: str, arguments: argparse.Namespace, folder: Path) -> dict[str, tuple[float, float]]:
    """All workloads against one of the two."""
    command, port = (stock if kind == "MLflow" else ours)(folder)
    python = str(HERE.parents[1] / ".peers/mlflow/bin/python")
    with started(command, folder, port) as (server, _):
        result = writes(server, arguments.count)
        server.call("experiments/create", {"name": "reads"})
    path = folder / ("mlflow.db" if kind == "MLflow" else ".millwright/millwright.db")
    fill(path, arguments.runs, stock_schema=kind == "MLflow")
    with started(command, folder, port) as (server, seconds):
        processes, megabytes = server.memory()
        result[f"start to first answer; {processes} processes, {megabytes:.0f} MB"] = (
            seconds * 1e3,
            0.0,
        )
        result |= reads(server, client=python, times=arguments.times)
    return result


def many(arguments: argparse.Namespace, folder: Path) -> None:
    """Our search alone over very many runs: the slowest of twenty."""
    command, port = ours(folder)
    with started(command, folder, port) as (server, _):
        server.call("experiments/create", {"name": "reads"})
    fill(folder / ".millwright/millwright.db", arguments.many, stock_schema=False)
    with started(command, folder, port) as (server, _):
        found = server.call("experiments/get-by-name?experiment_name=reads", {}, "GET")
        body = {
            "experiment_ids": [found["experiment"]["experiment_id"]],
            "filter": "metrics.m0 > 0.5",
            "order_by": ["metrics.m1 DESC"],
            "max_results": 100,
        }
        taken = []
        for _ in range(20):
            began = time.perf_counter()
            server.call("runs/search", body)
            taken.append((time.perf_counter() - began) * 1e3)
    taken.sort()
    print(f"{arguments.many:,} runs: search p50 {taken[10]:.1f} ms, p95 {taken[18]:.1f} ms")


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", choices=["MLflow", "Millwright", "many"])
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory(prefix="mw-tracking-") as name:
        for kind in ("MLflow", "Millwright"):
            if arguments.only in (None, kind):
                folder = Path(name) / kind
                folder.mkdir()
                results[kind] = list(one(kind, arguments, folder).items())
        if arguments.only in (None, "many"):
            folder = Path(name) / "many"
            folder.mkdir()
            many(arguments, folder)
    for kind, rows in results.items():
        print(f"\n{kind:40} {'wall ms':>10} {'CPU ms':>10}")
        for what, (wall, cpu) in rows:
            print(f"{what:40} {wall:10.2f} {cpu:10.2f}")
    if len(results) == 2:
        print("\nHow many times faster (wall, server CPU)")
        for (what, a), (_, b) in zip(results["MLflow"], results["Millwright"], strict=True):
            cpu = f"{a[1] / b[1]:8.1f}" if b[1] else ""
            print(f"{what.split(';')[0]:40} {a[0] / b[0]:8.1f} {cpu}")


if __name__ == "__main__":
    main()
