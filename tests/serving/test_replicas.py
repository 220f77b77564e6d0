"""Several workers behind one port: scaled by load, balanced, replaced, and nobody's request lost."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading

import httpx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.kernel.errors import Corrupt
from millwright.kernel.serving_config import WorkersConfig
from millwright.serving.replicas.autoscaling import Autoscaler
from millwright.serving.replicas.balancing import less_loaded_of_two
from millwright.serving.replicas.totals import added_up
from watching import wait_until

RESTARTS = "millwright_worker_restarts_total"
loads = st.lists(st.floats(0, 500), min_size=1, max_size=200)


def by_hand(policy: WorkersConfig, seen: list[float], ready: list[int]) -> list[int]:
    """Knative's formula over observations a second apart, written as one reads it."""
    wanted, panic_since, most = [], None, 0
    for now, (_, there) in enumerate(zip(seen, ready, strict=True)):
        stable_part = seen[max(0, now + 1 - int(policy.stable_seconds)) : now + 1]
        panic_part = seen[max(0, now + 1 - int(policy.panic_seconds)) : now + 1]
        stable = math.ceil(sum(stable_part) / len(stable_part) / policy.concurrency)
        panic = math.ceil(sum(panic_part) / len(panic_part) / policy.concurrency)
        if panic >= 2 * max(1, there):
            most = most if panic_since is not None else 0
            panic_since = now
        elif panic_since is not None and now - panic_since >= policy.stable_seconds:
            panic_since = None
        found = max(stable, there // 2)
        if panic_since is not None:
            most = max(most, stable, panic, there)
            found = most
        idle = next((i for i, load in enumerate(reversed(seen[: now + 1])) if load), math.inf)
        if found == 0 and idle < policy.grace_seconds:
            found = 1
        wanted.append(min(max(found, policy.least), policy.most))
    return wanted


@settings(max_examples=60, deadline=None)
@given(loads, st.integers(0, 2), st.integers(3, 20), st.data())
def test_the_number_of_workers_is_what_the_formula_says(seen, least, most, data):
    policy = WorkersConfig(
        least=least, most=most, stable_seconds=20, panic_seconds=4, grace_seconds=7
    )
    ready = data.draw(st.lists(st.integers(0, most), min_size=len(seen), max_size=len(seen)))
    scaler, found = Autoscaler(policy), []
    for now, (load, there) in enumerate(zip(seen, ready, strict=True)):
        scaler.observe(float(now), load)
        found.append(scaler.wanted(float(now), there).workers)
    assert found == by_hand(policy, seen, ready)


@given(loads)
def test_while_in_panic_the_number_does_not_fall(seen):
    scaler, before = Autoscaler(WorkersConfig(least=1, most=50)), None
    for now, load in enumerate(seen):
        scaler.observe(float(now), load)
        there = 1 if before is None else before.workers
        found = scaler.wanted(float(now), there)
        if before is not None and before.in_panic and found.in_panic:
            assert found.workers >= before.workers
        before = found


@given(st.lists(st.integers(0, 99), min_size=2, max_size=12, unique=True), st.integers())
def test_the_most_loaded_worker_is_never_taken(busy, seed):
    assert busy[less_loaded_of_two(busy, random.Random(seed))] != max(busy)


def test_two_choices_keep_loads_close():
    draw, loads = random.Random(1), [0] * 16
    for _ in range(16_000):
        loads[less_loaded_of_two(loads, draw)] += 1
    assert max(loads) - min(loads) <= 8


def test_metrics_of_workers_are_added_up_by_name():
    one = '# HELP a Things.\n# TYPE a counter\na{x="1"} 2\na{x="2"} 1\n# TYPE b gauge\nb 0.5\n'
    two = '# HELP a Things.\n# TYPE a counter\na{x="1"} 3\n# TYPE b gauge\nb 1\n'
    assert added_up([one, two]) == (
        '# HELP a Things.\n# TYPE a counter\na{x="1"} 5\na{x="2"} 1\n# TYPE b gauge\nb 1.5\n'
    )


@pytest.fixture
def program() -> str:
    """A gateway is the same behind each program that reads sockets; starting workers takes long."""
    return "uvicorn"


def metric(server, name: str) -> float:
    lines = server.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[-1])


def nursery_of(server) -> psutil.Process | None:
    """The process that forks workers; None where nobody asked for one yet."""
    return next(iter(psutil.Process(server.process.pid).children()), None)


def workers_of(server) -> list[psutil.Process]:
    nursery = nursery_of(server)
    return [] if nursery is None else nursery.children()


def test_a_killed_worker_costs_no_request_and_is_replaced(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), tmp_path / "spool", workers={"least": 2, "most": 2})
    server = start_server(config)
    ready = 'millwright_workers{state="ready"}'
    wait_until(lambda: metric(server, ready) == 2)
    stop, statuses = threading.Event(), []

    def keep_asking() -> None:
        with httpx.Client(trust_env=False, timeout=20) as http:
            while not stop.is_set():
                reply = http.post(f"{server.url}/v2/models/delays/infer", json=ask())
                statuses.append(reply.status_code)

    threads = [threading.Thread(target=keep_asking) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for number in (1, 2):
            os.kill(workers_of(server)[0].pid, signal.SIGKILL)
            wait_until(lambda n=number: metric(server, RESTARTS) == n)
            wait_until(lambda: metric(server, ready) == 2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    assert metric(server, 'millwright_requests_total{protocol="open-inference",code="200"}') > 0


def test_workers_are_back_within_two_seconds_and_outlive_the_process_that_forked_them(
    start_server, make_package, one_champion, ask
):
    server = start_server(one_champion(make_package(), workers={"least": 2, "most": 2}))
    ready = 'millwright_workers{state="ready"}'
    wait_until(lambda: metric(server, ready) == 2)
    first, _ = workers_of(server)
    used = sum(first.cpu_times()[:2])
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: metric(server, RESTARTS) == 1 and metric(server, ready) == 2)
    # Processor time: what else runs on the machine is none of the worker's.
    assert sum(workers_of(server)[-1].cpu_times()[:2]) < max(0.5, used)
    nursery, before = nursery_of(server), workers_of(server)
    os.kill(nursery.pid, signal.SIGKILL)
    assert server.infer(ask()).status_code == 200, "workers do not need it"
    os.kill(before[0].pid, signal.SIGKILL)
    wait_until(lambda: metric(server, RESTARTS) == 2 and metric(server, ready) == 2)
    assert nursery_of(server) != nursery
    assert server.infer(ask()).status_code == 200
    server.process.kill()
    psutil.wait_procs([before[1], *workers_of(server)], 15)
    assert not before[1].is_running(), "nobody outlives the gateway"


def test_with_nobody_asking_there_is_no_worker_and_the_first_request_waits_for_one(
    start_server, make_package, one_champion, ask
):
    workers = {"least": 0, "most": 2, "grace_seconds": 0.2, "stable_seconds": 1, "panic_seconds": 1}
    server = start_server(one_champion(make_package(), workers=workers))
    assert not workers_of(server)
    assert server.get("/v2/health/ready").status_code == 200
    assert server.infer(ask()).status_code == 200
    assert len(workers_of(server)) == 1
    wait_until(lambda: not workers_of(server))
    assert server.infer(ask()).status_code == 200


def test_all_workers_take_a_configuration_and_keys_are_checked_once(
    start_server, make_package, one_champion, ask
):
    import hashlib

    key = {"name": "web", "sha256": hashlib.sha256(b"open").hexdigest()}
    config = one_champion(make_package(), workers={"least": 2, "most": 2}, keys=[key])
    server = start_server(config)
    assert server.infer(ask()).status_code == 401
    bearer = {"authorization": "Bearer open"}
    assert server.infer(ask(), **bearer).json()["model_version"] == "1"
    variant = {**config["variants"][0], "version": 2, "version_id": "v2"}
    variant["package"] = str(make_package(name="second", seed=2))
    changed = {**config, "revision": 1, "variants": [variant]}
    assert server.infer(changed, "/admin/config", **bearer).status_code == 401
    reply = server.infer(changed, "/admin/config", authorization="Bearer secret")
    assert reply.status_code == 200, reply.text
    said = {server.infer(ask(), **bearer).json()["model_version"] for _ in range(20)}
    assert said == {"2"}
    broken = {**changed, "variants": [{**variant, "package": "/nowhere", "version_id": "v3"}]}
    reply = server.infer(broken, "/admin/config", authorization="Bearer secret")
    assert reply.status_code == 404
    assert server.infer(ask(), **bearer).json()["model_version"] == "2"


def test_hostile_requests_are_refused_at_the_gateway(start_server, make_package, one_champion, ask):
    config = one_champion(make_package(), workers={"least": 1, "most": 2}, max_body_bytes=10_000)
    server = start_server(config)
    assert server.infer(b"[" * 20_000).status_code == 413
    assert server.infer(b"{}").status_code == 400
    smuggled = server.client.post(
        f"{server.url}/v2/models/delays/infer",
        content=b"0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        headers={"content-type": "application/json"},
    )
    assert smuggled.status_code == 400
    assert server.get("/v2/models/nobody%0d%0ax:y").status_code == 404
    assert server.infer(ask()).status_code == 200


def test_a_package_that_does_not_load_ends_the_server_with_the_workers_code(
    tmp_path, make_package, one_champion
):
    package = make_package()
    (package / "model.onnx").write_bytes(b"damaged")
    file = tmp_path / "config.json"
    file.write_text(json.dumps(one_champion(package, workers={"least": 2, "most": 2})))
    said = subprocess.run(
        [sys.executable, "-m", "millwright.serving", "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == Corrupt.exit_code
    assert "model.onnx" in said.stderr
