"""``mw runs`` and ``mw models`` for a person and for a program."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from millwright.kernel.door import connect
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.workspace import Workspace
from millwright.tracking import MetricPoint, NewRun, create_run, end_run, log_metrics
from millwright.tracking.commands import runs


@pytest.fixture
def ids(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    text = "project: own\ndata: {source: x.csv, target: y}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    made = []
    with connect(workspace) as door:
        for depth, auc in ((3, 0.7), (6, float("nan"))):
            run = create_run(
                door, "own", NewRun(name=f"depth-{depth}", params={"depth": depth, "seed": 7})
            )
            log_metrics(door, run.id, [MetricPoint(key="auc", value=auc)])
            end_run(door, run.id)
            made.append(run.id)
    return made


def call(*arguments: str) -> str:
    result = CliRunner().invoke(runs, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_runs_are_listed_for_people_and_programs(ids: list[str]) -> None:
    shown = call("list", "--order-by", "-metrics.auc")
    assert shown.index("depth-3") < shown.index("depth-6")
    assert "0.7" in shown
    read = json.loads(call("list", "--json"))
    assert [run["id"] for run in read["runs"]] == ids[::-1]
    assert read["runs"][0]["metrics"] == {"auc": "NaN"}


def test_one_run_is_shown_by_the_end_of_its_id(ids: list[str]) -> None:
    shown = call("show", ids[0][-10:])
    assert "depth-3" in shown
    assert "finished" in shown
    assert json.loads(call("show", ids[0], "--json"))["params"]["depth"] == 3
    with pytest.raises(NotFound, match="no run whose id ends in 'zzz'"):
        call("show", "zzz")
    with pytest.raises(InvalidInput, match="2 runs have an id"):
        call("show", "")


def test_only_differing_parameters_are_compared(ids: list[str]) -> None:
    shown = call("compare", *ids)
    assert "depth" in shown
    assert "seed" not in shown
    read = json.loads(call("compare", *ids, "--json"))
    assert read["params"] == {"depth": [3, 6]}
    assert read["metrics"] == {"auc": [0.7, "NaN"]}


def test_an_empty_project_says_what_to_do(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "project: own\ndata: {source: x.csv, target: y}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    assert "mw run" in call("list")
