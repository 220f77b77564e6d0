"""Real server processes follow what should be served, whatever is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pyarrow as pa
import pytest

from millwright.deployment import (
    DeploymentController,
    DeploymentView,
    NewCanary,
    NewDeployment,
    NewVariant,
    deploy,
    find_deployment,
    promote,
    put_variant,
    spool_folder,
    start_canary,
    stop_deployment,
    view_deployment,
)
from millwright.kernel import events
from millwright.kernel.serving_config import ServingConfig
from millwright.registry import service as registry
from stored_bytes import damage, lose
from watching import wait_until

P, N, M = "flights", "delays-live", "delays"
QUESTION = {
    "inputs": [
        {"name": "distance", "shape": [1], "datatype": "FP64", "data": [800.0]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": [None]},
    ]
}


@pytest.fixture
def view(store):
    return lambda: view_deployment(store, find_deployment(store, P, N))


@pytest.fixture
def live(store, actor, register, reconcile_until, view):
    """A running deployment of version 1; version 2 is registered too."""
    register(1, champion=True)
    register(2)
    deploy(store, actor, P, N, NewDeployment(model=M))
    reconcile_until(lambda: view().health == "ready")
    return view()


def ask(url: str, **parameters: object) -> dict:
    reply = httpx.post(url, json={**QUESTION, "parameters": parameters}, trust_env=False)
    assert reply.status_code == 200, reply.text
    return reply.json()


def is_ready_again(now: DeploymentView, old_pid: int) -> bool:
    return now.health == "ready" and now.replicas[0].pid != old_pid


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_deployment_comes_to_life_follows_changes_and_ends(
    store, actor, live, view, reconcile_until
):
    [replica] = live.replicas
    assert ask(live.infer_url)["parameters"] == {"variant": "champion", "version": "1"}

    start_canary(store, actor, P, N, NewCanary(version=2, share=0.5))
    assert view().health == "updating"
    reconcile_until(lambda: view().health == "ready")
    answers = {ask(live.infer_url, routing_key=f"k{i}")["model_version"] for i in range(30)}
    assert answers == {"1", "2"}

    promote(store, actor, P, N)
    reconcile_until(lambda: view().health == "ready")
    assert ask(live.infer_url)["parameters"] == {"variant": "champion", "version": "2"}
    assert view().replicas[0].pid == replica.pid, "changes need no restart"

    stop_deployment(store, actor, P, N)
    reconcile_until(lambda: not view().replicas)
    assert is_gone(replica.pid)
    files = sorted(spool_folder(store.workspace, live.id).glob("*.arrow"))
    rows = [row for f in files for row in pa.ipc.open_file(f).read_all().to_pylist()]
    assert len(rows) == 32
    assert sum(row["shadow_score"] is not None for row in rows) == 30
    with store.read() as connection:
        kinds = [event.kind for event in events.read(connection, limit=1000)]
    assert kinds.count("deployment.replica-ready") == 3
    assert "deployment.replica-ended" in kinds


def test_a_killed_server_comes_back_on_the_same_port(live, view, reconcile_until):
    [before] = live.replicas
    os.kill(before.pid, signal.SIGKILL)
    reconcile_until(lambda: is_ready_again(view(), before.pid))
    after = view()
    assert after.endpoint == live.endpoint
    assert ask(after.infer_url)["model_version"] == "1"


def test_a_port_that_a_stranger_took_is_replaced_and_the_new_one_kept(
    store, actor, register, reconcile_until, view
):
    register(1, champion=True)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        deploy(store, actor, P, N, NewDeployment(model=M, port=taken))
        reconcile_until(lambda: view().health == "ready")
    assert view().endpoint != f"http://127.0.0.1:{taken}"
    assert ask(view().infer_url)["model_version"] == "1"


def test_a_damaged_package_is_fetched_again(store, live, view, reconcile_until):
    package = store.workspace.state / "packages" / live.variants[0].version_id
    (package / "model.onnx").write_bytes(b"damaged")
    os.kill(live.replicas[0].pid, signal.SIGKILL)
    reconcile_until(lambda: is_ready_again(view(), live.replicas[0].pid))
    assert ask(live.infer_url)["model_version"] == "1"


def test_what_cannot_be_loaded_leaves_the_old_version_serving(
    store, actor, live, view, reconcile_until
):
    canary = start_canary(store, actor, P, N, NewCanary(version=2))
    digest = registry.get_version(store, P, M, "2").digests["model.onnx"]
    repair = damage(store.objects.of(P), digest)
    reconcile_until(lambda: view().replicas[0].message)
    assert "could not be loaded" in view().replicas[0].message
    assert view().health == "updating"
    assert ask(live.infer_url)["model_version"] == "1"
    repair()
    reconcile_until(lambda: view().health == "ready")
    assert view().revision == canary.revision


def test_a_model_that_never_loads_is_reported_and_retried_ever_more_rarely(
    store, actor, register, view, reconcile_until
):
    version = register(1, champion=True)
    deploy(store, actor, P, N, NewDeployment(model=M))
    digest = registry.get_version(store, P, M, str(version)).digests["model.onnx"]
    lose(store.objects.of(P), digest)
    reconcile_until(lambda: view().health == "failed")
    assert "no object" in view().replicas[0].message
    assert not (store.workspace.state / "packages" / view().variants[0].version_id).exists()


def test_shutdown_leaves_no_process_and_no_claim(store, live, view, controller):
    controller.shutdown()
    assert is_gone(live.replicas[0].pid)
    assert view().health == "waiting"


PARENT = """
import sys, time
from pathlib import Path
from millwright.deployment import DeploymentController
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
controller = DeploymentController(open_store(Workspace(Path(sys.argv[1]))))
while True:
    controller.reconcile()
    time.sleep(0.05)
"""


def test_when_the_controller_is_killed_its_servers_end_and_the_next_takes_over_the_port(
    store, actor, register, workspace, view, reconcile_until
):
    register(1, champion=True)
    deploy(store, actor, P, N, NewDeployment(model=M))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(workspace.root)])
    try:
        wait_until(lambda: view().health == "ready", seconds=40)
        first = view()
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: is_gone(first.replicas[0].pid))
    assert view().health == "waiting", "a dead process is not believed"
    reconcile_until(lambda: view().health == "ready")
    assert view().endpoint == first.endpoint


def test_a_package_appears_whole_or_not_at_all(store, register):
    from millwright.deployment.packages import materialise
    from millwright.kernel.errors import NotFound

    register(1)
    version = registry.get_version(store, P, M, "1")
    folder = materialise(store, version)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "model.onnx"}
    assert materialise(store, version) == folder
    register(2)
    second = registry.get_version(store, P, M, "2")
    lose(store.objects.of(P), second.digests["model.onnx"])
    with pytest.raises(NotFound):
        materialise(store, second)
    assert sorted(Path(folder.parent).iterdir()) == [folder]


def test_a_controller_survives_one_deployment_that_cannot_run(
    store, actor, register, live, view, reconcile_until
):
    third = register(3)
    digest = registry.get_version(store, P, M, str(third)).digests["model.onnx"]
    lose(store.objects.of(P), digest)
    deploy(store, actor, P, "broken", NewDeployment(model=M, version=third))
    controller = DeploymentController(store)
    controller.reconcile()
    controller.shutdown()
    assert ask(live.infer_url)["model_version"] == "1"


def test_settings_reach_the_server_and_workers_come_and_go(
    store, actor, live, view, reconcile_until
):
    serving = ServingConfig.model_validate({"cache_rows": 10, "workers": {"least": 2, "most": 2}})
    deploy(store, actor, P, N, NewDeployment(model=M, serving=serving))
    reconcile_until(lambda: is_ready_again(view(), live.replicas[0].pid))
    assert view().endpoint == live.endpoint
    for _ in range(4):
        ask(live.infer_url)
    said = httpx.get(f"{live.endpoint}/metrics", trust_env=False).text
    assert 'millwright_workers{state="ready"}' in said
    assert "millwright_cache_requests_total{" in said
    put_variant(store, actor, P, N, "b", NewVariant(version=2, weight=9.0))
    reconcile_until(lambda: view().health == "ready")
    answers = {ask(live.infer_url, routing_key=f"k{i}")["model_version"] for i in range(40)}
    assert answers == {"1", "2"}
