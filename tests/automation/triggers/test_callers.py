"""What the guide tells users of Airflow and Prefect to write starts one run, in the real ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.killed_server import control_plane

from millwright.kernel.workspace import Workspace

ROOT = Path(__file__).parents[3]
FLOW = """
import millwright as mw

@mw.step
def shout(day: str) -> str:
    return day.upper()

@mw.pipeline
def refresh(day: str) -> str:
    return shout(day)
"""
DAG = """
import pendulum
from airflow.sdk import DAG

with DAG(dag_id="calling", schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC")):
{task}
"""
FLOWS_OF_PREFECT = """
from prefect import flow

@flow
def calling() -> str:
    return retrain("2026-03-29", "run-1", TOKEN), retrain("2026-03-29", "run-1", TOKEN)

print("runs", *calling())
"""

pytestmark = pytest.mark.slow


def told(name: str) -> str:
    """The example for an orchestrator in the guide."""
    guide = (ROOT / "docs" / "guide" / "schedules.md").read_text("utf-8")
    found = re.search(rf"^```python\n(# {name}\n.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].replace("projects/shop", "projects/p")


@pytest.fixture
def server(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """A control plane with the trigger ``retrain``, its address and a token."""
    (workspace.root / "flow.py").write_text(FLOW)
    with control_plane(workspace.root) as (url, _):
        config = {"pipeline": "flow.py:refresh", "when": "webhook", "params": {"day": "{data.day}"}}
        httpx.put(f"{url}/api/v1/projects/p/triggers/retrain", json=config).raise_for_status()
        body = {"name": "caller", "role": "editor"}
        answer = httpx.post(f"{url}/api/v1/tokens", json=body)
        answer.raise_for_status()
        yield url, str(answer.json()["secret"])


def runs(url: str, token: str) -> list[str]:
    bearer = {"Authorization": f"Bearer {token}"}
    found = httpx.get(f"{url}/api/v1/projects/p/pipeline-runs", headers=bearer).json()
    return [run["id"] for run in found["pipeline_runs"] if run["name"] == "refresh"]


def called(command: list[str | Path], folder: Path, **more: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_prefect_task_that_is_tried_twice_starts_one_run(
    server: tuple[str, str], tmp_path: Path
) -> None:
    url, token = server
    python = ROOT / ".peers" / "prefect" / "bin" / "python"
    if not python.exists():
        pytest.skip("prefect is not here: ci/peer prefect")
    code = told("Prefect").replace("https://millwright.example.org", url)
    (tmp_path / "calling.py").write_text(f"{code}\nTOKEN = {token!r}\n{FLOWS_OF_PREFECT}")

    said = called(
        [python, "calling.py"],
        tmp_path,
        PREFECT_HOME=str(tmp_path / "prefect"),
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    )

    first, again = said.split("runs ")[1].split()
    assert first == again
    assert runs(url, token) == [first]


def test_an_airflow_operator_starts_a_run(server: tuple[str, str], tmp_path: Path) -> None:
    url, token = server
    airflow = ROOT / ".peers" / "airflow" / "bin" / "airflow"
    if not airflow.exists():
        pytest.skip("airflow is not here: ci/peer airflow")
    dags = tmp_path / "dags"
    dags.mkdir()
    task = "\n".join(f"    {line}" for line in told("Airflow").splitlines())
    (dags / "calling.py").write_text(DAG.format(task=task))
    there = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_MILLWRIGHT": json.dumps(
            {"conn_type": "http", "host": url, "password": token}
        ),
    }

    called([airflow, "db", "migrate"], tmp_path, **there)
    called([airflow, "dags", "test", "calling"], tmp_path, **there)

    assert len(runs(url, token)) == 1
