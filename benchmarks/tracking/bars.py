"""Every bar of tracking: a stock MLflow server and the control plane under the same requests.

Each workload runs for some seconds, so a slow server ends as soon as a fast one. Results are kept
in a file and measured once: a run that was broken off goes on where it was, and ``--only`` takes
up single workloads. Printed are milliseconds of wall time and of server CPU per call, and how many
times faster we are than the better of one and four workers.

    python benchmarks/tracking/bars.py [--only log_metric] [--kinds millwright] [--again]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from filling import FIRST_RUN, fill
from servers import KINDS, OURS, ROOT, STOCK_PYTHON, Server, at_once, started

Cost = tuple[float, float]
"""Milliseconds of wall time and of server CPU per call."""
Work = Callable[[Server, Path, float], Cost]
CLIENTS = 8
_FRAME = """
import time, sys, mlflow
mlflow.set_tracking_uri("http://" + sys.argv[1])
began = time.perf_counter()
found = mlflow.search_runs(experiment_names=["reads"], max_results=100000)
print(time.perf_counter() - began, time.process_time(), len(found))
"""


def measured(server: Server, seconds: float, work: Callable[[int], object]) -> Cost:
    """Call until the time is over, three times at least."""
    work(0)
    cpu, began, count = server.cpu(), time.perf_counter(), 0
    while count < 3 or time.perf_counter() - began < seconds:
        count += 1
        work(count)
    wall = time.perf_counter() - began
    return wall / count * 1e3, (server.cpu() - cpu) / count * 1e3


def experiment(server: Server, name: str) -> str:
    """The id of an experiment of this name, made where there is none."""
    found = server.call("experiments/search", {"max_results": 100, "filter": f"name = '{name}'"})
    for known in found.get("experiments", []):
        return str(known["experiment_id"])
    return str(server.call("experiments/create", {"name": name})["experiment_id"])


def new_run(server: Server, owner: str) -> str:
    """A run, made as the client makes one."""
    tags = [{"key": "mlflow.user", "value": "me"}]
    body = {"experiment_id": owner, "run_name": "r", "start_time": 1, "tags": tags}
    return str(server.call("runs/create", body)["run"]["info"]["run_id"])


def create_run(server: Server, folder: Path, seconds: float) -> Cost:
    owner = experiment(server, "writes")
    return measured(server, seconds, lambda _: new_run(server, owner))


def log_metric_alone(server: Server, folder: Path, seconds: float) -> Cost:
    body = {"run_id": new_run(server, experiment(server, "writes")), "key": "m", "value": 1}
    return measured(
        server,
        seconds,
        lambda i: server.call("runs/log-metric", {**body, "timestamp": 1, "step": i}),
    )


def log_metric(server: Server, folder: Path, seconds: float) -> Cost:
    owner = experiment(server, "writes")
    return at_once(server, [new_run(server, owner) for _ in range(CLIENTS)], seconds)


def log_batch(server: Server, folder: Path, seconds: float) -> Cost:
    run = new_run(server, experiment(server, "writes"))

    def one(number: int) -> None:
        metrics = [
            {"key": f"k{i % 10}", "value": i + 0.5, "timestamp": i, "step": number * 1000 + i}
            for i in range(1000)
        ]
        server.call("runs/log-batch", {"run_id": run, "metrics": metrics})

    return measured(server, seconds, one)


def register(server: Server, folder: Path, seconds: float) -> Cost:
    name = f"model-{time.time_ns()}"
    server.call("registered-models/create", {"name": name})
    body = {"name": name, "source": "s3://bucket/model"}
    return measured(server, seconds, lambda _: server.call("model-versions/create", body))


def fetch_by_alias(server: Server, folder: Path, seconds: float) -> Cost:
    name = f"model-{time.time_ns()}"
    server.call("registered-models/create", {"name": name})
    for _ in range(3):
        server.call("model-versions/create", {"name": name, "source": "s3://bucket/model"})
    body = {"name": name, "alias": "champion", "version": "2"}
    server.call("registered-models/alias", body)
    path = f"registered-models/alias?{urlencode({'name': name, 'alias': 'champion'})}"
    return measured(server, seconds, lambda _: server.call(path, None, "GET"))


def upload(server: Server, folder: Path, seconds: float) -> Cost:
    """As percents of the speed of writing the same bytes to the same disk and flushing them.

    Copies and uploads take turns, because what writing costs changes with what the machine does.
    """
    connection = http.client.HTTPConnection(server.host, timeout=300)
    sent, copied = [], []
    for number in range(6):
        content = os.urandom(100 << 20)
        began = time.perf_counter()
        _copy(folder / f"copy-{number}.bin", content)
        copied.append(time.perf_counter() - began)
        began = time.perf_counter()
        path = f"/api/2.0/mlflow-artifacts/artifacts/bench/{number}.bin"
        connection.request("PUT", path, content)
        answer = connection.getresponse()
        answer.read()
        sent.append(time.perf_counter() - began)
        assert answer.status == 200, answer.status
    middle, plain = statistics.median(sent), statistics.median(copied)
    print(f"  upload {middle * 1e3:.0f} ms, copy {plain * 1e3:.0f} ms", flush=True)
    return 100 * middle / plain, 0.0


def _copy(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        for start in range(0, len(content), 1 << 20):
            file.write(content[start : start + (1 << 20)])
        file.flush()
        os.fsync(file.fileno())


def start(server: Server, folder: Path, seconds: float) -> Cost:
    return server.seconds_to_answer * 1e3, server.cpu() * 1e3


def memory(server: Server, folder: Path, seconds: float) -> Cost:
    """Resident megabytes, and how many processes."""
    processes, megabytes = server.memory()
    return megabytes, float(processes)


def search(server: Server, folder: Path, seconds: float) -> Cost:
    body = _query(server)
    return measured(server, seconds, lambda _: server.call("runs/search", body))


def search_thousand(server: Server, folder: Path, seconds: float) -> Cost:
    body = {**_query(server), "order_by": ["metrics.m0 DESC"], "max_results": 1000}
    return measured(server, seconds, lambda _: server.call("runs/search", body))


def history(server: Server, folder: Path, seconds: float) -> Cost:
    path = f"metrics/get-history?run_id={FIRST_RUN}&metric_key=long"
    return measured(server, seconds, lambda _: server.call(path, None, "GET"))


def frame(server: Server, folder: Path, seconds: float) -> Cost:
    """The unmodified client makes a DataFrame of all runs."""
    cpu = server.cpu()
    command = [str(STOCK_PYTHON), "-W", "ignore", "-c", _FRAME, server.host]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, own, count = done.stdout.split()
    print(f"  {count} runs; the client's own CPU with its imports {float(own):.1f} s", flush=True)
    return float(wall) * 1e3, (server.cpu() - cpu) * 1e3


def p95(server: Server, folder: Path, seconds: float) -> Cost:
    """The second slowest of forty searches, and the mean CPU."""
    body, taken, cpu = _query(server), [], server.cpu()
    for _ in range(40):
        began = time.perf_counter()
        server.call("runs/search", body)
        taken.append((time.perf_counter() - began) * 1e3)
    return sorted(taken)[38], (server.cpu() - cpu) / 40 * 1e3


def _query(server: Server) -> dict[str, Any]:
    return {
        "experiment_ids": [experiment(server, "reads")],
        "filter": "metrics.m0 > 0.5",
        "order_by": ["metrics.m1 DESC"],
        "max_results": 100,
    }


WRITING: dict[str, Work] = {
    "create_run": create_run,
    "log_metric_alone": log_metric_alone,
    "log_metric": log_metric,
    "log_batch": log_batch,
    "register": register,
    "fetch_by_alias": fetch_by_alias,
    "upload": upload,
}
READING: dict[str, Work] = {
    "start": start,
    "memory": memory,
    "search": search,
    "search_thousand": search_thousand,
    "history": history,
    "frame": frame,
}
MANY: dict[str, Work] = {"search_100k_p95": p95}
TOLD = {
    "create_run": "create_run",
    "log_metric_alone": "log_metric, 1 client",
    "log_metric": f"log_metric, {CLIENTS} clients",
    "log_batch": "log_batch of 1,000",
    "register": "register a version",
    "fetch_by_alias": "fetch a version by alias",
    "upload": "upload of 100 MiB, % of a copy's time",
    "start": "start to first answer",
    "memory": "resident MB (CPU column: processes)",
    "search": "search, metric filter and order",
    "search_thousand": "the same metric, 1,000 runs",
    "history": "history of 100,000 points",
    "frame": "all runs as a DataFrame",
    "search_100k_p95": "search over 100,000 runs, p95",
}


class Results:
    """What was measured, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.known: dict[str, dict[str, Cost]] = {}
        if path.exists():
            self.known = json.loads(path.read_text())

    def missing(self, kind: str, among: dict[str, Work], wanted: list[str]) -> dict[str, Work]:
        """The workloads that are wanted and were not measured yet."""
        done = self.known.get(kind, {})
        return {n: work for n, work in among.items() if n in wanted and n not in done}

    def forget(self, kinds: list[str], wanted: list[str]) -> None:
        """Measure these again."""
        for kind in kinds:
            self.known[kind] = {
                name: cost for name, cost in self.known.get(kind, {}).items() if name not in wanted
            }

    def take(self, server: Server, kind: str, folder: Path, works: dict[str, Work]) -> None:
        """Measure, and keep each result at once."""
        if set(works) - {"start"}:
            server.settle()
        for name, work in works.items():
            cost = work(server, folder, 4.0)
            self.known.setdefault(kind, {})[name] = cost
            self._path.write_text(json.dumps(self.known, indent=1))
            print(f"{kind:11} {TOLD[name]:38} {cost[0]:10.2f} {cost[1]:10.2f}", flush=True)


def measure(results: Results, kind: str, wanted: list[str], runs: int) -> None:
    """The workloads of one kind that are missing."""
    with tempfile.TemporaryDirectory(prefix="mw-tracking-") as name:
        folder = Path(name)
        writing = results.missing(kind, WRITING, wanted)
        reading = results.missing(kind, READING, wanted)
        many = results.missing(kind, MANY, wanted) if kind == OURS else {}
        database = folder / (".millwright/millwright.db" if kind == OURS else "mlflow.db")
        if writing or reading:
            with started(kind, folder) as server:
                experiment(server, "reads")
                if writing:
                    results.take(server, kind, folder, writing)
        if reading:
            fill(database, runs, stock=kind != OURS)
            with started(kind, folder) as server:
                results.take(server, kind, folder, reading)
        if many:
            other = folder / "many"
            other.mkdir()
            with started(kind, other) as server:
                experiment(server, "reads")
            fill(other / ".millwright/millwright.db", 10 * runs, stock=False)
            with started(kind, other) as server:
                results.take(server, kind, other, many)


def show(known: dict[str, dict[str, Cost]]) -> None:
    """The table: ours, the better stock server, and the ratios."""
    ours = known.get(OURS, {})
    columns = ("ours ms", "CPU ms", "MLflow ms", "CPU ms", "wall x", "CPU x")
    print(f"\n{'':38}" + "".join(f"{name:>11}" for name in columns))
    for name, told in TOLD.items():
        if name not in ours:
            continue
        stock = [known[kind][name] for kind in KINDS[:2] if name in known.get(kind, {})]
        line = f"{told:38}{ours[name][0]:11.2f}{ours[name][1]:11.2f}"
        if stock:
            wall, cpu = min(cost[0] for cost in stock), min(cost[1] for cost in stock)
            line += f"{wall:11.2f}{cpu:11.2f}{wall / ours[name][0]:11.1f}"
            line += f"{cpu / ours[name][1]:11.1f}" if ours[name][1] else ""
        print(line)


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--only", action="append", choices=list(TOLD))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--again", action="store_true", help="measure although it was measured")
    parser.add_argument("--results", type=Path, default=ROOT / ".peers/tracking-bars.json")
    given = parser.parse_args()
    results, wanted = Results(given.results), given.only or list(TOLD)
    if given.again:
        results.forget(given.kinds, wanted)
    for kind in given.kinds:
        measure(results, kind, wanted, given.runs)
    show(results.known)


if __name__ == "__main__":
    main()
