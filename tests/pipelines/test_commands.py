"""`mw pipelines` tells what ran and why."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from click.testing import CliRunner

from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import execute
from millwright.pipelines.commands import pipelines

PROJECT = "project: p\ndata: {source: a.csv, target: y}\n"


def say(*arguments: str) -> str:
    result = CliRunner().invoke(pipelines, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


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
