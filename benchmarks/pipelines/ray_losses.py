"""Two Ray nodes, of which a worker and then a whole node are killed while a map runs on them.

``ci/peer ray`` once, then ``.venv/bin/python benchmarks/pipelines/ray_losses.py``: prints as JSON the
run's digests, those of a run on this machine, and how long after each kill the engine knew of it.
Ray's packages stand behind this environment's own, in the workers too.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import millwright as mw

PEER = Path(__file__).parents[2] / ".peers" / "ray"
COUNT = 16
HEALTH = {"period_ms": "2000", "timeout_ms": "2000", "failure_threshold": "3"}


@mw.step
def items(count: int) -> list[int]:
    return list(range(count))


@mw.step(cache=False)
def work(item: int, marks: str, seconds: float) -> int:
    if marks:
        (Path(marks) / f"{item}-{os.getpid()}").touch()
    time.sleep(seconds)
    return item * item


@mw.step
def total(values: list[int]) -> int:
    return sum(values)


@mw.pipeline
def losing(count: int = COUNT, marks: str = "", seconds: float = 0.0) -> int:
    return total(work.map(items(count), marks=marks, seconds=seconds))


def main() -> int:
    """Start the part below with Ray in reach of it and of all that it starts."""
    with tempfile.TemporaryDirectory(prefix="mw-ray-") as folder:
        command = [sys.executable, __file__, "measure", folder]
        return subprocess.run(command, env=with_ray(Path(folder)), check=False).returncode


def with_ray(folder: Path) -> dict[str, str]:
    """An environment in which Ray's packages stand behind this one's, and a token of its own."""
    behind = made(folder / "behind")
    (site,) = PEER.glob("lib/python*/site-packages")
    (behind / "sitecustomize.py").write_text(f"import sys\nsys.path.append({str(site)!r})\n")
    return {
        **os.environ,
        **{f"RAY_health_check_{name}": value for name, value in HEALTH.items()},
        "PYTHONPATH": str(behind),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


def measure(folder: Path) -> dict[str, Any]:
    """Run here, then in the cluster, and compare."""
    from ray.cluster_utils import Cluster

    from millwright.kernel import clock
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import execute, find_pipeline

    pipeline = find_pipeline(f"{__file__}:losing")
    here = execute(Workspace(made(folder / "here")), "p", pipeline, {})
    small = {"object_store_memory": 100 << 20}
    head = {"num_cpus": 0, "include_dashboard": False, **small}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=2, **small) for _ in range(2)]
    marks, killed = made(folder / "marks"), dict[str, int]()

    def harm() -> None:
        _wait_for(marks, 3)
        victim = max(marks.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        killed["worker"] = clock.now_ms()
        os.kill(int(victim.name.partition("-")[2]), signal.SIGKILL)
        _wait_for(marks, 8)
        killed["node"] = clock.now_ms()
        cluster.remove_node(nodes[1], allow_graceful=False)

    threading.Thread(target=harm, daemon=True).start()
    far = execute(
        Workspace(made(folder / "far")), "p", pipeline, {"marks": str(marks), "seconds": 1.0},
        executor=f"ray://{cluster.address}?files=shared",
    )  # fmt: skip
    lost = [
        clock.parse_rfc3339(one["finished"])
        for one in far.door.get(f"/pipeline-runs/{far.run_id}/attempts")
        if one["error"] is not None and one["error"]["kind"] == "WorkerLost"
    ]
    cluster.shutdown()
    return {
        "status": far.status,
        "same_digests": digests(here) == digests(far),
        "lost_steps": len(lost),
        "noticed_worker_s": (min(lost) - killed["worker"]) / 1000,
        "noticed_node_s": (max(lost) - killed["node"]) / 1000,
    }


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _wait_for(folder: Path, count: int) -> None:
    while len(list(folder.iterdir())) < count:
        time.sleep(0.02)


def digests(result: Any) -> dict[str, str]:
    return {
        f"{task.name}.{name}": artifact.digest
        for task in result.run.tasks
        for name, artifact in task.outputs.items()
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]))))
    else:
        sys.exit(main())
