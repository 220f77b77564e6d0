"""Moving in from MLflow and out again: whatever form it keeps its runs in, and as often as one likes."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from millwright.kernel.access import LOCAL
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace
from millwright.tracking import (
    NewRun,
    each_run,
    list_artifacts,
    log_artifact,
    metric_history,
    service,
)
from millwright.tracking.exchange.exporting import hand_out
from millwright.tracking.exchange.importing import ImportReport, carry_over
from millwright.tracking.exchange.opening import opened
from mlflow_server import Served, serving


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


@pytest.fixture(params=["files", "sqlite"])
def newer(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> str:
    """What MLflow 3 keeps beside runs: a logged model with files, and a trace with feedback."""
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    place = f"sqlite:///{tmp_path}/mlflow.db"
    if request.param == "files":
        place = f"file://{tmp_path}/mlruns"
    try:
        mlflow.set_tracking_uri(place)
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("llm", artifact_location=str(tmp_path / "files"))
    except Exception as error:
        pytest.skip(f"this mlflow keeps no {request.param}: {error}")
    run = client.create_run(experiment)
    model = client.create_logged_model(
        experiment, name="bot", source_run_id=run.info.run_id, params={"k": "1"}, tags={"a": "b"}
    )
    (tmp_path / "weights.txt").write_text("0.5")
    client.log_model_artifact(model.model_id, str(tmp_path / "weights.txt"))
    client.log_metric(run.info.run_id, "acc", 0.75, timestamp=7, model_id=model.model_id)
    client.finalize_logged_model(model.model_id, "READY")
    root = client.start_trace("answer", experiment_id=experiment, inputs={"q": 1})
    inner = client.start_span("look up", root.trace_id, root.span_id)
    client.end_span(root.trace_id, inner.span_id)
    client.end_trace(root.trace_id, outputs={"a": 2})
    client.set_trace_tag(root.trace_id, "team", "ops")
    mlflow.log_feedback(trace_id=root.trace_id, name="good", value=True, rationale="it is")
    client.create_registered_model("bot")
    client.create_model_version("bot", f"models:/{model.model_id}", model_id=model.model_id)
    return place.removeprefix("file://")


def test_logged_models_and_traces_come_over_once(newer: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ours")
    with connect(workspace) as door:
        first = bring(door, newer, workspace)
        assert (first.logged_models, first.traces, first.left) == (1, 1, ())
        ask = {"experiment_ids": [_experiment(door)]}
        model = door.mlflow("p", "POST", "logged-models/search", ask)["models"][0]
        assert (model["info"]["name"], model["info"]["status"]) == ("bot", "LOGGED_MODEL_READY")
        assert model["data"]["params"] == [{"key": "k", "value": "1"}]
        assert [m["value"] for m in model["data"]["metrics"]] == [0.75]
        listed = door.mlflow(
            "p", "GET", f"logged-models/{model['info']['model_id']}/artifacts/directories"
        )
        assert [file["path"] for file in listed["files"]] == ["weights.txt"]
        place = {"mlflow_experiment": {"experiment_id": ask["experiment_ids"][0]}}
        trace = door.mlflow("p", "POST", "traces/search", {"locations": [place]})["traces"][0]
        assert trace["tags"]["team"] == "ops"
        said = trace["assessments"][0]
        assert (said["assessment_name"], said["feedback"]) == ("good", {"value": True})
        whole = door.mlflow("p", "GET", f"traces/get?trace_id={trace['trace_id']}")["trace"]
        assert [span["name"] for span in whole["spans"]] == ["answer", "look up"]
        version = door.mlflow("p", "GET", "model-versions/search?max_results=9")["model_versions"]
        assert version[0]["source"] == f"models:/{model['info']['model_id']}"
        again = bring(door, newer, workspace)
        assert (again.logged_models, again.traces, again.points) == (0, 0, 0)
        for journal in workspace.folder("imports").iterdir():
            journal.unlink()
        assert bring(door, newer, workspace).traces == 0
        found = door.mlflow("p", "POST", "traces/search", {"locations": [place]})["traces"]
        assert [len(each["assessments"]) for each in found] == [1]


def test_logged_models_and_traces_come_over_from_a_server(newer: str, tmp_path: Path) -> None:
    first = Workspace(tmp_path / "first")
    second = Workspace(tmp_path / "second")
    with connect(first) as door:
        bring(door, newer, first)
    for url, _ in serving(tmp_path / "first"):
        with connect(second) as door:
            report = bring(door, f"{url}/projects/p/mlflow", second)
            assert (report.logged_models, report.traces, report.left) == (1, 1, ())
            assert (report.models, report.versions) == (1, 1)


def test_models_traces_and_files_go_out_once(newer: str, served: Served, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ours")
    with connect(workspace) as door:
        bring(door, newer, workspace)
        run = next(iter(each_run(door, "p")))
        log_artifact(door, "p", run.id, "notes/a.txt", b"hello", media_type="text/plain")
        first = hand_out(door, "p", served.url, str)
        assert (first.new_runs, first.logged_models, first.versions, first.traces) == (1, 1, 1, 1)
        assert (first.artifacts, first.left) == (3, ())
        again = hand_out(door, "p", served.url, str)
        assert (again.new_runs, again.logged_models, again.versions, again.traces) == (0, 0, 0, 0)
        assert (again.artifacts, again.left) == (0, ())
    version = served.get("model-versions/search").json()["model_versions"][0]
    assert version["source"].startswith("models:/m-")
    found = served.get("experiments/get-by-name", experiment_name="llm").json()["experiment"]
    place = {"mlflow_experiment": {"experiment_id": found["experiment_id"]}}
    trace = served.post("traces/search", {"locations": [place]}).json()["traces"][0]
    assert [each["assessment_name"] for each in trace["assessments"]] == ["good"]
    spans = served.http.get(
        f"{served.url}/ajax-api/2.0/mlflow/get-trace-artifact",
        params={"request_id": trace["trace_id"]},
    ).json()["spans"]
    assert [span["name"] for span in spans] == ["answer", "look up"]


def _experiment(door: Door) -> str:
    found = door.mlflow("p", "GET", "experiments/get-by-name?experiment_name=llm")
    return str(found["experiment"]["experiment_id"])


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


IMPORT = """
import os, signal, sys, threading
from pathlib import Path
from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.tracking.exchange import importing
from millwright.tracking.exchange.opening import opened

importing.BATCH_RUNS = 3
workspace, place, milliseconds = Workspace(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
with connect(workspace) as door:
    if milliseconds:
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        threading.Timer(milliseconds / 1000, kill).start()
    folder = workspace.folder("imports")
    importing.carry_over(door, "p", opened(place), place, folder, str)
"""


def everything(door: Door) -> dict[str, tuple[Any, ...]]:
    found = {}
    for run in each_run(door, "p"):
        points = [(p.step, p.value) for p in metric_history(door, run.id, "loss")]
        names = [file.name for file in list_artifacts(door, run.id)]
        found[run.id] = (run.name, run.status, run.params, run.tags, points, names)
    return found


@pytest.mark.slow
def test_an_import_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    place = f"sqlite:///{tmp_path}/mlflow.db"
    client = mlflow.MlflowClient(tracking_uri=place)
    try:
        experiment = client.create_experiment("e", artifact_location=str(tmp_path / "files"))
    except Exception as error:
        pytest.skip(f"this mlflow keeps no SQLite: {error}")
    for number in range(20):
        run = client.create_run(experiment, run_name=f"run {number}").info.run_id
        metrics = [mlflow.entities.Metric("loss", step / 7, step, step) for step in range(100)]
        client.log_batch(run, metrics, [mlflow.entities.Param("n", str(number))])
        client.log_text(run, f"text {number}", "notes/a.txt")
        client.set_terminated(run)
    ends = []
    for milliseconds in (250, 700, 0):
        command = [sys.executable, "-c", IMPORT, str(tmp_path / "killed"), place, str(milliseconds)]
        ends.append(subprocess.run(command, timeout=120, check=False).returncode)
    assert ends[-1] == 0
    assert ends[0] == -signal.SIGKILL
    whole = Workspace(tmp_path / "whole")
    with connect(whole) as door:
        bring(door, place, whole)
        wanted = everything(door)
    with connect(Workspace(tmp_path / "killed")) as door:
        assert everything(door) == wanted
        assert len(wanted) == 20
        assert door.get("/audit/verify")["ok"]
        again = bring(door, place, Workspace(tmp_path / "killed"))
        assert (again.new_runs, again.points, again.unchanged) == (0, 0, 20)


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
