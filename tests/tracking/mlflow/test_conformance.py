"""The same checks through the real clients of MLflow 3 and MLflow 2."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance import CHECKS
from mlflow_server import Served

ROOT = Path(__file__).parents[3]
# Each starts a Python that imports all of MLflow.
SLOW = {"the_command_line_reads_and_writes", "a_pyfunc_model_is_logged_registered_and_loaded"}


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in SLOW])
def test_this_client_finds_what_it_expects(client: Any, name: str) -> None:
    import mlflow

    CHECKS[name](mlflow, name)


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["mlflow", "mlflow2"])
def test_the_whole_clients_of_both_versions_find_what_they_expect(
    served: Served, peer: str
) -> None:
    python = ROOT / ".peers" / peer / "bin/python"
    if not python.exists():
        pytest.skip(f"that client is not installed: ci/peer {peer}")
    command = [str(python), "-W", "ignore", str(ROOT / "tests/mlflow_conformance.py"), served.url]
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout[done.stdout.index('{"version"') :])
    assert told["version"].startswith("2." if peer == "mlflow2" else "3.")
    failed = {name: text for name, text in told["checks"].items() if text != "ok"}
    assert not failed, "\n".join(failed.values())
