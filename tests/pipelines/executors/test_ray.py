"""Steps on a Ray cluster of two nodes, of which a worker and a node are killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_node_change_no_digest() -> None:
    if not (ROOT / ".peers" / "ray" / "bin" / "python").exists():
        pytest.skip("ray is not here: ci/peer ray")
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "pipelines" / "ray_losses.py"],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == "succeeded"
    assert found["same_digests"]
    assert found["lost_steps"] >= 2
    assert 0 <= found["noticed_worker_s"] <= 15
    assert 0 <= found["noticed_node_s"] <= 15
