"""Writers that note what was acknowledged while the control plane is killed, and what is there then."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from millwright.tracking import service

WRITERS = 8
KINDS = ("metric", "param", "tag", "version", "batch")
# Children of a process that has imported everything: what is killed is as real, and starts at once.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["millwright.server.control_plane", "millwright.automation.controllers"]
)


def _serve(folder: Path, database: str | None) -> None:
    from millwright.server.control_plane import Listen, serve

    os.environ["MILLWRIGHT_PROJECT"] = "p"
    if database is not None:
        os.environ["MILLWRIGHT_DATABASE_URL"] = database
    serve(Workspace(folder), Listen(port=0))


@contextmanager
def control_plane(folder: Path) -> Iterator[tuple[str, multiprocessing.process.BaseProcess]]:
    """A control plane in a process of its own, and its address."""
    database = os.environ.get("MILLWRIGHT_DATABASE_URL")
    process = _processes.Process(target=_serve, args=(folder, database))
    process.start()
    try:
        deadline = time.monotonic() + 60
        while (found := Workspace(folder).running()) is None or found[1] != process.pid:
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield found[0], process
    finally:
        process.kill()
        process.join()


@dataclass
class Written:
    """What one server acknowledged: for every writer, kind and number of each write."""

    run: str
    model: str
    done: list[list[tuple[str, int]]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many writes were acknowledged."""
        return sum(map(len, self.done))


def killed_once(folder: Path, wanted: int) -> Written:
    """Write with several clients; kill the server when ``wanted`` writes were acknowledged."""
    with control_plane(folder) as (url, process):
        api = f"{url}/api/2.0/mlflow"
        with httpx.Client(timeout=30) as asking:
            made = asking.post(f"{api}/runs/create", json={"experiment_id": "0"}).json()
            run = made["run"]["info"]["run_id"]
            model = f"model-{run}"
            asking.post(f"{api}/registered-models/create", json={"name": model})
        written = Written(run, model, [[] for _ in range(WRITERS)])
        threads = [
            threading.Thread(target=_write, args=(api, written, worker))
            for worker in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        while written.count < wanted:
            assert process.is_alive()
            time.sleep(0.001)
        process.kill()
        for thread in threads:
            thread.join()
    return written


def _write(api: str, written: Written, worker: int) -> None:
    chance = random.Random(worker)
    with httpx.Client(timeout=10) as asking:
        for number in range(100_000):
            kind = chance.choice(KINDS)
            path, body = _request(written, worker, kind, number)
            try:
                answer = asking.post(f"{api}/{path}", json=body)
            except httpx.TransportError:
                return
            if answer.is_success:
                written.done[worker].append((kind, number))


def _request(
    written: Written, worker: int, kind: str, number: int
) -> tuple[str, dict[str, object]]:
    own, name = {"run_id": written.run}, f"{worker}-{number}"
    point = {"key": f"m{worker}", "value": number, "timestamp": 1, "step": number}
    if kind == "metric":
        return "runs/log-metric", {**own, **point}
    if kind == "param":
        return "runs/log-parameter", {**own, "key": f"p{name}", "value": name}
    if kind == "tag":
        return "runs/set-tag", {**own, "key": f"t{name}", "value": name}
    if kind == "version":
        version = {"name": written.model, "source": "s3://b/x", "description": name}
        return "model-versions/create", version
    both = {"params": [{"key": f"p{name}", "value": name}]}
    return "runs/log-batch", {**own, "metrics": [point], **both}


def missing_and_twice(folder: Path, written: Written) -> tuple[int, int]:
    """How many acknowledged writes are not there, and how many are there more than once."""
    from millwright.registry import service as registry

    store = open_store(Workspace(folder))
    try:
        run = service.get_run(store, written.run)
        versions = Counter(
            each.description for each in registry.get_model(store, "p", written.model).versions
        )
        lost = twice = 0
        for worker, done in enumerate(written.done):
            history = service.metric_history(store, written.run, f"m{worker}", 200_000)
            points = Counter(point.step for point in history)
            twice += sum(count - 1 for count in points.values())
            for kind, number in done:
                name = f"{worker}-{number}"
                there = {
                    "metric": points[number] > 0,
                    "param": run.params.get(f"p{name}") == name,
                    "tag": run.tags.get(f"t{name}") == name,
                    "version": versions[name] > 0,
                    "batch": points[number] > 0 and run.params.get(f"p{name}") == name,
                }
                lost += not there[kind]
        return lost, twice + sum(count - 1 for count in versions.values())
    finally:
        store.close()
