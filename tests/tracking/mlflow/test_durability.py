"""What was acknowledged survives a kill, and concurrent writers are committed together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from millwright.kernel.access import LOCAL
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from millwright.tracking import MetricPoint, NewRun, service
from millwright.tracking.service.group_commit import writer_of
from mlflow_server import Served

WRITERS = 4


@contextmanager
def control_plane(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A control plane in a process of its own, and its address."""
    environment = {**os.environ, "MILLWRIGHT_PROJECT": "p"}
    command = [sys.executable, "-m", "millwright.server", "--workspace", str(folder), "--port", "0"]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        workspace = Workspace(folder)
        deadline = time.monotonic() + 60
        while (found := workspace.running()) is None or found[1] != process.pid:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield found[0], process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def write_until_it_dies(url: str, run: str, worker: int, done: list[int]) -> None:
    """Log points one by one; ``done`` gets the step of each that was acknowledged."""
    with httpx.Client(timeout=10) as asking:
        for step in range(100_000):
            body = {"run_id": run, "key": f"m{worker}", "value": step, "timestamp": 1, "step": step}
            try:
                answer = asking.post(f"{url}/api/2.0/mlflow/runs/log-metric", json=body)
            except httpx.TransportError:
                return
            if answer.is_success:
                done.append(step)


def killed_once(folder: Path, wanted: int) -> tuple[str, list[list[int]]]:
    """Write with several clients, kill the server when ``wanted`` writes were acknowledged."""
    done: list[list[int]] = [[] for _ in range(WRITERS)]
    with control_plane(folder) as (url, process):
        with httpx.Client(timeout=30) as asking:
            made = asking.post(f"{url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"})
        run = made.json()["run"]["info"]["run_id"]
        threads = [
            threading.Thread(target=write_until_it_dies, args=(url, run, worker, done[worker]))
            for worker in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        while sum(map(len, done)) < wanted:
            time.sleep(0.002)
        process.kill()
        for thread in threads:
            thread.join()
    return run, done


def test_an_acknowledged_point_survives_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    run, done = killed_once(tmp_path, 150)
    store = open_store(Workspace(tmp_path))
    for worker, steps in enumerate(done):
        found = [p.step for p in service.metric_history(store, run, f"m{worker}", 100_000)]
        assert set(steps) <= set(found)
        assert len(found) == len(set(found))
        assert len(found) <= len(steps) + 1
    store.close()


def test_one_refused_write_takes_no_other_with_it(store: Store) -> None:
    run = service.create_run(store, LOCAL, "p", NewRun(params={"depth": 1}))
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            if number % 3 == 0:
                service.log_params(store, LOCAL, run.id, {"depth": number + 2})
            elif number % 3 == 1:
                service.log_metrics(
                    store, LOCAL, run.id, [MetricPoint(key=f"m{number}", value=1, time_ms=1)]
                )
            else:
                service.set_tags(store, LOCAL, run.id, {f"t{number}": "x"})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = service.get_run(store, run.id)
    assert len(errors) == 10
    assert read.params == {"depth": 1}
    assert len(read.metrics) == 10
    assert len(read.tags) == 10


def test_points_are_summed_up_in_the_event_log(store: Store) -> None:
    from millwright.kernel import events

    run = service.create_run(store, LOCAL, "p", NewRun())
    for step in range(50):
        point = MetricPoint(key="m", value=step, step=step, time_ms=1)
        service.log_metrics(store, LOCAL, run.id, [point])
    writer_of(store).close()
    with store.read() as connection:
        logged = events.read(connection, kind="run.metrics-logged", limit=100)
        assert events.verify(connection).ok
    assert len(logged) < 25
    assert sum(event.payload["points"] for event in logged) == 50


def test_a_request_sent_twice_is_one_point(served: Served) -> None:
    run = served.run()
    body = {"run_id": run, "key": "m", "value": "0.5", "timestamp": "7", "step": "3"}
    for _ in range(3):
        assert served.post("runs/log-metric", body).is_success
    history = served.get("metrics/get-history", run_id=run, metric_key="m").json()
    assert history == json.loads(
        '{"metrics": [{"key": "m", "value": 0.5, "timestamp": 7, "step": 3}]}'
    )
