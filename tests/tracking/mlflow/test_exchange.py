"""Moving in from MLflow and out again: whatever form it keeps its runs in, and as often as one likes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from millwright.kernel.access import LOCAL
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace
from millwright.tracking import NewRun, each_run, list_artifacts, metric_history, service
from millwright.tracking.exchange.exporting import hand_out
from millwright.tracking.exchange.importing import ImportReport, carry_over
from millwright.tracking.exchange.source import opened
from mlflow_server import Served


@pytest.fixture(params=["files", "sqlite"])
def theirs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> tuple[str, Any]:
    """An MLflow store written by MLflow itself, and its client."""
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    if request.param == "files":
        place = str(tmp_path / "mlruns")
        client = mlflow.MlflowClient(tracking_uri=f"file://{place}")
    else:
        place = f"sqlite:///{tmp_path}/mlflow.db"
        client = mlflow.MlflowClient(tracking_uri=place)
    try:
        experiment = client.create_experiment(
            "flights", artifact_location=str(tmp_path / "files"), tags={"team": "ops"}
        )
    except Exception as error:
        pytest.skip(f"this mlflow keeps no {request.param}: {error}")
    for number in range(3):
        run = client.create_run(experiment, run_name=f"run {number}", tags={"n": str(number)})
        client.log_param(run.info.run_id, "depth", number)
        for step in range(5):
            client.log_metric(run.info.run_id, "loss", 1 / (step + 1), step=step, timestamp=step)
        client.log_metric(run.info.run_id, "odd", math.nan, timestamp=1)
        client.set_terminated(run.info.run_id, "FAILED" if number == 2 else "FINISHED")
    client.log_text(run.info.run_id, "hello", "notes/a.txt")
    client.delete_run(client.create_run(experiment, run_name="gone").info.run_id)
    return place, client


def bring(door: Door, place: str, workspace: Workspace) -> ImportReport:
    said: list[str] = []
    return carry_over(door, "p", opened(place), place, workspace.folder("imports"), said.append)


def test_everything_comes_over_once(
    theirs: tuple[str, Any], door: Door, workspace: Workspace
) -> None:
    place, client = theirs
    first = bring(door, place, workspace)
    assert (first.new_runs, first.points, first.artifacts, first.left) == (4, 18, 1, ())
    runs = {run.name: run for run in each_run(door, "p")}
    assert set(runs) == {"run 0", "run 1", "run 2"}
    run = runs["run 2"]
    assert (run.experiment, run.status, run.params) == ("flights", "failed", {"depth": "2"})
    assert run.tags["n"] == "2"
    assert run.metrics["loss"] == 0.2
    assert math.isnan(run.metrics["odd"])
    assert [p.value for p in metric_history(door, run.id, "loss")] == [
        1,
        1 / 2,
        1 / 3,
        1 / 4,
        1 / 5,
    ]
    assert [file.name for file in list_artifacts(door, run.id)] == ["notes/a.txt"]
    again = bring(door, place, workspace)
    assert (again.new_runs, again.points, again.unchanged) == (0, 0, 4)
    client.log_metric(run.id, "loss", 0.01, step=9, timestamp=9)
    later = bring(door, place, workspace)
    assert (later.new_runs, later.points, later.unchanged) == (0, 1, 3)


def test_an_import_that_lost_its_journal_changes_nothing(
    theirs: tuple[str, Any], door: Door, workspace: Workspace
) -> None:
    place, _ = theirs
    bring(door, place, workspace)
    for journal in workspace.folder("imports").iterdir():
        journal.unlink()
    again = bring(door, place, workspace)
    assert (again.new_runs, again.points) == (0, 0)
    assert door.get("/audit/verify")["ok"]


def test_a_server_is_read_and_written_over_rest(served: Served, tmp_path: Path) -> None:
    run = served.run(run_name="there", tags=[{"key": "a", "value": "b"}])
    points = [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(3)]
    served.post("runs/log-batch", {"run_id": run, "metrics": points})
    workspace = Workspace(tmp_path)
    with connect(workspace) as door:
        report = bring(door, served.url, workspace)
        assert (report.new_runs, report.points) == (1, 3)
        found = next(iter(each_run(door, "p")))
        assert (found.id, found.name, found.tags) == (run, "there", {"a": "b"})
        new = NewRun(experiment="mine", params={"x": 1})
        made = door.post("/projects/p/runs", new)
        assert hand_out(door, "p", served.url, str).new_runs == 2
        assert hand_out(door, "p", served.url, str).new_runs == 0
    back = served.post(
        "runs/search",
        {"experiment_ids": ["0"], "filter": f"tags.`millwright.run` = '{run}'"},
    ).json()
    assert back["runs"][0]["data"]["metrics"][0]["value"] == 2.0
    assert made["experiment"] == "mine"


def test_what_is_no_installation_of_mlflow_is_said_to_be_none(tmp_path: Path) -> None:
    from millwright.kernel.errors import InvalidInput, NotFound

    (tmp_path / "empty").mkdir()
    (tmp_path / "x.db").write_text("not a database")
    with pytest.raises(NotFound):
        opened(str(tmp_path / "nothing"))
    for place in (tmp_path / "empty", tmp_path / "x.db"):
        with pytest.raises(InvalidInput):
            opened(str(place))
    with pytest.raises(InvalidInput, match="cannot be read"):
        opened("ftp://x")


def test_deleted_runs_are_purged_for_good(served: Served) -> None:
    kept, gone = served.run(run_name="kept"), served.run(run_name="gone")
    points = [{"key": "m", "value": 1, "timestamp": 1}]
    served.post("runs/log-batch", {"run_id": gone, "metrics": points})
    served.post("runs/delete", {"run_id": gone})
    assert service.purge(served.store, LOCAL, served.project, older_than_ms=60_000) == 0
    assert service.purge(served.store, LOCAL, served.project) == 1
    assert served.get("runs/get", run_id=gone).status_code == 404
    assert served.get("runs/get", run_id=kept).status_code == 200
