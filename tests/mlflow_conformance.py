"""What every MLflow client, of 2.x as of 3.x, does with a server and what must come back.

Each check is given the client's own module and a name that nobody else uses. Nothing but ``mlflow``
is needed, so it also runs in an environment of another version:

    PYTHON tests/mlflow_conformance.py URL
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Check = Callable[[Any, str], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Enter a check under its name."""
    CHECKS[function.__name__] = function
    return function


def refused(mlflow: Any, code: str, act: Callable[[], object]) -> str:
    """The message with which the server refuses, under this error code."""
    said, found = "nothing", ""
    try:
        act()
    except mlflow.exceptions.MlflowException as refusal:
        said, found = str(refusal), refusal.error_code
    assert found == code, (found, said)
    return said


@check
def a_fluent_run_with_a_child(mlflow: Any, name: str) -> None:
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name="parent", tags={"team": "ops"}) as parent:
        mlflow.log_params({"depth": 6, "kind": "gbdt"})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"acc": 0.5, "odd": math.inf}, step=9)
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("loss", 3)
    client = mlflow.MlflowClient()
    run = client.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"depth": "6", "kind": "gbdt"}
    assert run.data.metrics["loss"] == 0.2
    assert run.data.tags["team"] == "ops"
    assert run.data.tags["mlflow.runName"] == "parent"
    parents = client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"]
    assert parents == parent.info.run_id
    history = client.get_metric_history(parent.info.run_id, "loss")
    assert [point.step for point in history] == [0, 1, 2, 3, 4]
    assert mlflow.last_active_run().info.experiment_id == run.info.experiment_id


@check
def a_failed_run_says_so(mlflow: Any, name: str) -> None:
    mlflow.set_experiment(name)
    try:
        with mlflow.start_run() as run:
            raise KeyError(name)
    except KeyError:
        pass
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"


@check
def searches_and_pages(mlflow: Any, name: str) -> None:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(name)
    entities = mlflow.entities
    for number in range(7):
        run = client.create_run(experiment, run_name=f"r{number}").info.run_id
        metrics = [entities.Metric("m", number, 1, 0)]
        params = [entities.Param("p", str(number % 2))]
        client.log_batch(run, metrics, params, [entities.RunTag("t", f"tag {number}")])
    found = client.search_runs([experiment], "metrics.m > 2 and params.p = '1'", max_results=50)
    assert sorted(run.data.metrics["m"] for run in found) == [3, 5]
    found = client.search_runs([experiment], "tags.t ILIKE 'TAG%'", order_by=["metrics.m DESC"])
    assert [run.data.metrics["m"] for run in found] == [6, 5, 4, 3, 2, 1, 0]
    first = client.search_runs([experiment], order_by=["metrics.m"], max_results=4)
    rest = client.search_runs(
        [experiment], order_by=["metrics.m"], max_results=4, page_token=first.token
    )
    assert [run.data.metrics["m"] for run in [*first, *rest]] == list(range(7))
    assert not rest.token
    frame = mlflow.search_runs([experiment], "attributes.run_name = 'r3'")
    assert list(frame["metrics.m"]) == [3]
    refused(
        mlflow,
        "INVALID_PARAMETER_VALUE",
        lambda: client.search_runs([experiment], "metrics.m = 'text'"),
    )
    named = mlflow.search_experiments(filter_string=f"name = '{name}'")
    assert [each.experiment_id for each in named] == [experiment]


@check
def what_is_refused(mlflow: Any, name: str) -> None:
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(name)
    taken = refused(mlflow, "RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment(name))
    assert "already exists" in taken
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "p", 1)
    changed = refused(mlflow, "INVALID_PARAMETER_VALUE", lambda: client.log_param(run, "p", 2))
    assert "Changing param values is not allowed" in changed
    refused(mlflow, "RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("0" * 32))
    refused(mlflow, "RESOURCE_DOES_NOT_EXIST", lambda: client.get_experiment("987654"))
    client.delete_run(run)
    refused(mlflow, "INVALID_PARAMETER_VALUE", lambda: client.log_metric(run, "m", 1))
    client.restore_run(run)
    client.log_metric(run, "m", 1)
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    client.restore_experiment(experiment)
    client.rename_experiment(experiment, f"{name} again")
    assert client.get_experiment_by_name(f"{name} again").experiment_id == experiment


@check
def artifacts_up_and_down(mlflow: Any, name: str) -> None:
    client = mlflow.MlflowClient()
    run = client.create_run(client.create_experiment(name)).info.run_id
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "up"
        (folder / "inner").mkdir(parents=True)
        (folder / "a.txt").write_text("a")
        (folder / "inner/b.bin").write_bytes(os.urandom(6 << 20))
        client.log_artifacts(run, str(folder), "files")
        client.log_text(run, "words", "notes/one.txt")
        client.log_dict(run, {"a": 1}, "notes/two.json")
        listed = [(each.path, each.is_dir) for each in client.list_artifacts(run, "files")]
        assert listed == [("files/a.txt", False), ("files/inner", True)]
        down = Path(client.download_artifacts(run, "files", place))
        assert (down / "inner/b.bin").read_bytes() == (folder / "inner/b.bin").read_bytes()
    assert client.list_artifacts(run, "nothing") == []
    uri = f"runs:/{run}/notes/two.json"
    assert mlflow.artifacts.load_dict(uri) == {"a": 1}


@check
def datasets_are_inputs(mlflow: Any, name: str) -> None:
    client = mlflow.MlflowClient()
    run = client.create_run(client.create_experiment(name)).info.run_id
    entities = mlflow.entities
    dataset = entities.Dataset("flights", "abc", "local", "{}")
    tag = entities.InputTag("mlflow.data.context", "training")
    client.log_inputs(run, [entities.DatasetInput(dataset, [tag])])
    read = client.get_run(run).inputs.dataset_inputs
    assert [each.dataset.name for each in read] == ["flights"]
    assert read[0].tags[0].value == "training"


@check
def a_registered_model_lives(mlflow: Any, name: str) -> None:
    client = mlflow.MlflowClient()
    client.create_registered_model(name, tags={"a": "b"}, description="said")
    refused(mlflow, "RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model(name))
    for _ in range(3):
        client.create_model_version(name, "s3://bucket/model", tags={"t": "1"})
    client.set_registered_model_alias(name, "champion", "2")
    version = client.get_model_version_by_alias(name, "champion")
    assert (version.version, version.aliases) in (("2", ["champion"]), (2, ["champion"]))
    client.set_model_version_tag(name, "2", "k", "v")
    client.update_model_version(name, "2", "told")
    version = client.get_model_version(name, "2")
    assert (version.tags, version.description) == ({"t": "1", "k": "v"}, "told")
    client.transition_model_version_stage(name, "1", "Staging")
    assert [str(each.version) for each in client.get_latest_versions(name, ["Staging"])] == ["1"]
    found = client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"])
    assert [str(each.version) for each in found] == ["3", "2", "1"]
    assert [each.name for each in client.search_registered_models(f"name = '{name}'")] == [name]
    client.delete_registered_model_alias(name, "champion")
    refused(
        mlflow,
        "INVALID_PARAMETER_VALUE",
        lambda: client.get_model_version_by_alias(name, "champion"),
    )
    client.delete_model_version(name, "3")
    refused(mlflow, "RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version(name, "3"))
    client.rename_registered_model(name, f"{name}-new")
    assert client.get_registered_model(f"{name}-new").description == "said"
    client.delete_registered_model(f"{name}-new")
    refused(mlflow, "RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model(f"{name}-new"))


@check
def a_pyfunc_model_is_logged_registered_and_loaded(mlflow: Any, name: str) -> None:
    try:
        import sklearn  # noqa: F401
        from mlflow import sklearn as flavor
        from sklearn.linear_model import LinearRegression
    except ImportError:
        return
    mlflow.set_experiment(name)
    model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    with mlflow.start_run():
        logged = flavor.log_model(model, "model", registered_model_name=name)
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert abs(float(loaded.predict([[4.0]])[0]) - 9.0) < 1e-9
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(name, "champion", "1")
    again = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert abs(float(again.predict([[4.0]])[0]) - 9.0) < 1e-9


@check
def autologging_records_a_fit(mlflow: Any, name: str) -> None:
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return
    mlflow.set_experiment(name)
    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    read = mlflow.get_run(run.info.run_id).data
    assert read.params["C"] == "0.5"
    assert read.metrics["training_accuracy_score"] == 1.0


@check
def a_trace_is_sent_and_found(mlflow: Any, name: str) -> None:
    experiment = mlflow.set_experiment(name).experiment_id
    with mlflow.start_span("outer") as outer:
        outer.set_inputs({"question": "why"})
        with mlflow.start_span("inner"):
            pass
        outer.set_outputs("because")
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()
    client = mlflow.MlflowClient()
    deadline = time.monotonic() + 20
    while not (found := client.search_traces(experiment_ids=[experiment])):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    names = [span.name for span in found[0].data.spans]
    assert sorted(names) == ["inner", "outer"]


@check
def the_command_line_reads_and_writes(mlflow: Any, name: str) -> None:
    environment = {**os.environ, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}

    def run(*words: str) -> str:
        command = [sys.executable, "-W", "ignore", "-m", "mlflow", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("experiments", "create", "-n", name)
    assert name in run("experiments", "search")


def main() -> None:
    """Run every check against the server and print what became of each."""
    import mlflow

    mlflow.set_tracking_uri(sys.argv[1])
    told = {}
    for name, function in CHECKS.items():
        try:
            function(mlflow, f"{name}-{mlflow.__version__}")
            told[name] = "ok"
        except Exception:
            told[name] = traceback.format_exc()
    sys.stdout.write(json.dumps({"version": mlflow.__version__, "checks": told}))


if __name__ == "__main__":
    main()
