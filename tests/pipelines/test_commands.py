"""`mw pipelines` tells what ran and why."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import execute, queue_run
from millwright.pipelines.commands import pipelines
from millwright.pipelines.own_file import run_own, show_explanation

FLOWS = Path(__file__).parent / "flows.py"
PROJECT = "project: p\ndata: {source: a.csv, target: y}\n"


def say(*arguments: str) -> str:
    result = CliRunner().invoke(pipelines, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.fixture
def project(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (workspace.root / "millwright.yaml").write_text(PROJECT)
    monkeypatch.chdir(workspace.root)
    return workspace


STEPS = """
import millwright as mw

BASE = 1

def added(value: int) -> int:
    return value + BASE

@mw.step
def first(value: int) -> int:
    return added(value)

@mw.step(cache=False)
def never() -> int:
    return 1

@mw.step
def second(value: int, other: int) -> int:
    return value + other

@mw.pipeline
def explained_flow(value: int = 1, other: int = 5) -> int:
    never()
    return second(first(value), other)
"""


def test_explain_says_of_each_step_that_would_run_which_component_differs(
    project: Workspace,
) -> None:
    file = project.root / "explained_flow.py"

    def told(*parameters: str) -> dict[str, str]:
        for name in [name for name in sys.modules if name == "explained_flow"]:
            del sys.modules[name]
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            show_explanation(str(file), parameters, as_json=True)
        return {
            one["node"]: "known" if one["known"] else "; ".join(one["why"])
            for one in json.loads(output.getvalue())
        }

    file.write_text(STEPS)
    assert told()["first"] == "it has not run in this project"
    run_own(str(file), (), as_json=True)
    assert told() == {
        "first": "known",
        "second": "known",
        "never": "it is never taken from the cache",
    }
    assert told("other=6")["second"] == "the parameter other changed"
    assert told("value=2")["first"] == "the parameter value changed"
    assert told("value=2")["second"] == "it depends on what first will make"
    file.write_text(STEPS.replace("value + BASE", "value - BASE"))
    assert told()["first"] == "the code of explained_flow:added changed"
    file.write_text(STEPS.replace("BASE = 1", "BASE = 2"))
    assert told()["first"] == "the code of explained_flow:added changed"
    file.write_text(STEPS + "\n# a comment\n\ndef unused() -> None: ...\n")
    assert told()["second"] == "known"


def test_questions_are_listed_and_answered_and_the_run_is_resumed(
    project: Workspace, flows: ModuleType
) -> None:
    folder = str(project.root)
    assert "Nobody is asked anything" in say("approvals")
    with connect(project) as door:
        yes = execute(door, "p", flows.asked, {"folder": folder}).run_id
        no = execute(door, "p", flows.asked, {"folder": folder}).run_id
    assert {one["run_id"] for one in json.loads(say("approvals", "--json"))} == {yes, no}
    assert f"mw pipelines resume {yes}" in say("approve", yes, "--reason", "looks good")
    said = json.loads(say("reject", no, "--reason", "too risky", "--json"))
    assert (said["decision"], said["reason"]) == ("rejected", "too risky")
    assert "looks good" in say("approvals", "--all")
    shutil.copy(FLOWS, project.root / "flows.py")
    assert json.loads(say("resume", yes, "--json")) == {"run_id": yes, "status": "succeeded"}
    assert "failed" in say("show", no)


def test_pools_are_made_and_a_queued_run_is_cancelled(
    project: Workspace, flows: ModuleType
) -> None:
    assert "There is no pool" in say("pool")
    assert "0 of 2 slots" in say("pool", "gpu", "--slots", "2")
    assert json.loads(say("pool", "--json"))[0]["slots"] == 2
    with connect(project) as door:
        run = queue_run(door, "p", flows.sizes, {})
    assert f"Run {run.id} is cancelled" in say("cancel", run.id)
    assert CliRunner().invoke(pipelines, ["cancel", run.id]).exit_code != 0


def test_runs_and_the_reasons_of_their_steps_are_shown(
    workspace: Workspace, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace.root / "millwright.yaml").write_text(PROJECT)
    monkeypatch.chdir(workspace.root)
    assert "No pipeline has run here yet" in say("list")
    with connect(workspace) as door:
        execute(door, "p", flows.sizes, {"share": 0.5})
        run = execute(door, "p", flows.sizes, {"share": 0.8}).run
    assert run.id in say("list")
    shown = say("show", run.id)
    assert "cached     read" in shown
    assert "because the parameter share changed" in shown
    assert len(json.loads(say("list", "--json"))["pipeline_runs"]) == 2
    assert json.loads(say("show", run.id, "--json"))["status"] == "succeeded"


def test_a_file_with_a_pipeline_is_all_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alone.py").write_text(STEPS.replace("explained_flow", "alone"))

    run_own("alone.py", (), as_json=True)

    (run,) = json.loads(say("list", "--json"))["pipeline_runs"]
    assert (run["name"], run["status"], run["project"]) == ("alone", "succeeded", "default")
