"""Steps as jobs of a cluster: a small API that starts the pods' commands as real processes.

What is tested is our side of it: the requests, the pod's own program with its way to a real control
plane, and what a lost pod, a failed step and a refusal come to. The cluster itself is not here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import kubernetes_validate
import pytest
from tests.killed_server import control_plane

from millwright.kernel.door import connect
from millwright.kernel.errors import Forbidden, Unavailable
from millwright.kernel.workspace import Workspace
from millwright.pipelines import execute
from millwright.pipelines.executors.address import KubernetesAddress
from millwright.pipelines.executors.cluster_api import ClusterApi
from millwright.pipelines.executors.kubernetes_jobs import job_of


@dataclass
class Cluster:
    """Jobs by name, each with the process of its pod and where that leaves its last words."""

    folder: Path
    jobs: dict[str, tuple[dict[str, Any], subprocess.Popen[bytes], Path]] = field(
        default_factory=dict
    )
    made: list[str] = field(default_factory=list)
    evict: int = 0
    """So many of the next pods are lost before they have said anything."""
    refuse: int = 0

    def create(self, manifest: dict[str, Any]) -> None:
        kubernetes_validate.validate(manifest, "1.32", strict=True)
        name = manifest["metadata"]["name"]
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        words = self.folder / f"{name}.txt"
        variables = {one["name"]: one["value"] for one in container["env"]}
        command = [sys.executable, *container["command"][1:], *container["args"]]
        if self.evict:
            self.evict -= 1
            command = ["sleep", "0"]
        pod = self.folder / name
        pod.mkdir()
        process = subprocess.Popen(
            command,
            cwd=pod,
            env={**os.environ, **variables, "MILLWRIGHT_TERMINATION_LOG": str(words)},
        )
        self.made.append(name)
        self.jobs[name] = (manifest, process, words)

    def pods(self) -> list[dict[str, Any]]:
        return [self._pod(name, *job) for name, job in list(self.jobs.items())]

    def _pod(
        self, name: str, manifest: dict[str, Any], process: subprocess.Popen[bytes], words: Path
    ) -> dict[str, Any]:
        code = process.poll()
        labels = {**manifest["metadata"]["labels"], "batch.kubernetes.io/job-name": name}
        status: dict[str, Any] = {"phase": "Running"}
        if code is not None:
            message = words.read_text() if words.exists() else ""
            ended = {"exitCode": code, "reason": "Evicted", "message": message}
            status = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
        return {"metadata": {"labels": labels}, "status": status}


def handler_of(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if cluster.refuse:
                self.answer(cluster.refuse, {"message": "jobs.batch is forbidden"})
                return
            cluster.create(body)
            self.answer(201, body)

        def do_GET(self) -> None:
            assert "managed-by%3Dmillwright" in self.path or "/jobs/" in self.path
            self.answer(200, {"items": cluster.pods()})

        def do_DELETE(self) -> None:
            name = self.path.partition("/jobs/")[2].partition("?")[0]
            job = cluster.jobs.pop(name, None)
            if job is not None:
                job[1].kill()
                job[1].wait()
            self.answer(200 if job else 404, {})

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, str]]:
    found = Cluster(tmp_path_factory.mktemp("pods"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(found))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    for _, process, _ in found.jobs.values():
        process.kill()
        process.wait()


@pytest.mark.slow
def test_steps_run_in_pods_and_a_lost_pod_is_followed_by_another(
    workspace: Workspace,
    flows: ModuleType,
    cluster: tuple[Cluster, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    there, server = cluster
    there.evict = 1
    here = execute(Workspace(tmp_path_factory.mktemp("here")), "p", flows.sizes, {"rows": 5})
    with control_plane(workspace.root) as (url, _), connect(workspace, url) as door:
        far = execute(
            door,
            "p",
            flows.sizes,
            {"rows": 5},
            executor=f"kubernetes://a?image=shop:1&server={server}",
        )
        tasks = {task.name: task for task in far.run.tasks}
        attempts = door.get(f"/pipeline-runs/{far.run_id}/attempts")

    assert far.status == "succeeded"
    assert {name: task.outputs for name, task in tasks.items()} == {
        task.name: task.outputs for task in here.run.tasks
    }
    # Four steps, one of them twice; nothing is left in the cluster.
    assert len(there.made) == 5
    assert not there.jobs
    assert [one["error"]["kind"] for one in attempts if one["error"]] == ["WorkerLost"]


def test_a_job_says_no_secret_and_takes_them_from_the_cluster() -> None:
    address = KubernetesAddress(namespace="a", image="shop:1", secret="keys", cpu="1", memory="1Gi")
    job = job_of(
        "mw-1", address, url="https://mw", project="p", told="ab" * 32, labels={}, memory_mb=512
    )

    kubernetes_validate.validate(job, "1.32", strict=True)
    (container,) = job["spec"]["template"]["spec"]["containers"]  # type: ignore[index,call-overload]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert container["resources"]["requests"] == {"cpu": "1", "memory": "1024Mi"}


def test_a_refusal_says_what_the_account_needs(cluster: tuple[Cluster, str]) -> None:
    there, server = cluster
    there.refuse = 403
    api = ClusterApi.found(server, "a")
    with pytest.raises(Forbidden, match="needs create, get, list and delete of jobs"):
        api.create_job({})
    there.refuse = 500
    with pytest.raises(Unavailable, match="is forbidden"):
        api.create_job({})
    api.close()


def test_a_kubeconfig_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "current-context: c\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {token: abc}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    api = ClusterApi.found("", "a")
    with pytest.raises(Unavailable, match="does not answer"):
        api.pods_by_job()
    api.close()
