"""What MLflow's own client does with experiments, runs and metrics, unmodified."""

from __future__ import annotations

import math
from typing import Any

import pytest

from millwright.tracking import service
from mlflow_server import Served


def test_a_fluent_run_is_logged_and_found(client: Any, served: Served) -> None:
    import mlflow

    experiment = mlflow.set_experiment("flights")
    with mlflow.start_run(run_name="first", description="as usual") as run:
        mlflow.log_params({"depth": 6, "kind": "gbdt"})
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metrics({"loss": 0.25, "acc": 0.75}, step=2)
        mlflow.set_tags({"team": "ops"})
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("loss", 9.0)
    read = client.get_run(run.info.run_id)
    assert read.info.status == "FINISHED"
    assert read.info.run_name == "first"
    assert read.info.experiment_id == experiment.experiment_id
    assert read.data.params == {"depth": "6", "kind": "gbdt"}
    assert read.data.metrics == {"loss": 0.25, "acc": 0.75}
    assert read.data.tags["team"] == "ops"
    assert read.data.tags["mlflow.runName"] == "first"
    assert read.data.tags["mlflow.note.content"] == "as usual"
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    frame = mlflow.search_runs(filter_string="metrics.loss < 1 and params.kind = 'gbdt'")
    assert list(frame["run_id"]) == [run.info.run_id]
    assert frame["metrics.acc"][0] == 0.75
    below = client.search_runs(
        [experiment.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )
    assert [found.info.run_id for found in below] == [child.info.run_id]


def test_a_run_of_mlflow_is_a_run_of_ours_and_the_other_way(client: Any, served: Served) -> None:
    from millwright.kernel.access import LOCAL
    from millwright.tracking import MetricPoint, NewRun

    made = client.create_run("0", run_name="theirs", tags={"a": "b"})
    client.log_param(made.info.run_id, "p", 3)
    client.log_metric(made.info.run_id, "m", 1.5)
    client.set_terminated(made.info.run_id, "KILLED")
    ours = service.get_run(served.store, made.info.run_id)
    assert (ours.name, ours.status, ours.experiment) == ("theirs", "cancelled", "Default")
    assert (ours.params, ours.metrics, ours.tags) == ({"p": "3"}, {"m": 1.5}, {"a": "b"})
    new = NewRun(experiment="mine", name="ours", params={"deep": True, "rate": 0.1})
    run = service.create_run(served.store, LOCAL, served.project, new)
    service.log_metrics(served.store, LOCAL, run.id, [MetricPoint(key="m", value=2.5, step=3)])
    read = client.get_run(run.id)
    assert read.data.params == {"deep": "True", "rate": "0.1"}
    assert read.data.metrics == {"m": 2.5}
    assert client.get_experiment(read.info.experiment_id).name == "mine"


def test_experiments_live_and_die(client: Any) -> None:
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    made = client.create_experiment("one", tags={"team": "ops"})
    assert client.get_experiment_by_name("one").experiment_id == made
    assert client.get_experiment(made).tags == {"team": "ops"}
    with pytest.raises(MlflowException, match="already exists") as refused:
        client.create_experiment("one")
    assert refused.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.rename_experiment(made, "two")
    client.set_experiment_tag(made, "note", "x")
    client.delete_experiment_tag(made, "team")
    assert client.get_experiment(made).name == "two"
    assert client.get_experiment(made).tags == {"note": "x"}
    run = client.create_run(made)
    client.delete_experiment(made)
    assert client.get_experiment(made).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="'active' state"):
        client.create_run(made)
    deleted = client.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert [found.experiment_id for found in deleted] == [made]
    client.restore_experiment(made)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    assert client.get_experiment_by_name("nothing") is None
    with pytest.raises(MlflowException, match="No Experiment with id=999999 exists"):
        client.get_experiment("999999")


def test_deleted_runs_take_no_more_and_come_back(client: Any) -> None:
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    run = client.create_run("0").info.run_id
    client.delete_run(run)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run, "m", 1)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.set_tag(run, "a", "b")
    assert client.search_runs(["0"]) == []
    assert len(client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run)
    client.log_metric(run, "m", 1)
    assert client.get_run(run).data.metrics == {"m": 1.0}


def test_every_kind_of_number_comes_back_as_mlflow_gives_it(client: Any) -> None:
    run = client.create_run("0").info.run_id
    for step, value in enumerate((1.5, math.nan, math.inf, -math.inf, -0.0, 5e-324)):
        client.log_metric(run, "m", value, timestamp=1000 + step, step=step)
    values = [point.value for point in client.get_metric_history(run, "m")]
    largest = 1.7976931348623157e308
    assert values[0] == 1.5
    assert math.isnan(values[1])
    assert values[2:] == [largest, -largest, 0.0, 5e-324]
    client.log_metric(run, "late", math.nan, step=7)
    assert math.isnan(client.get_run(run).data.metrics["late"])


def test_the_latest_is_the_highest_step_then_time_then_value(client: Any) -> None:
    run = client.create_run("0").info.run_id
    for value, timestamp, step in ((5, 10, 2), (9, 99, 1), (1, 10, 2), (7, 11, 2)):
        client.log_metric(run, "m", value, timestamp=timestamp, step=step)
    assert client.get_run(run).data.metrics == {"m": 7.0}
    client.log_metric(run, "m", 7, timestamp=11, step=2)
    history = client.get_metric_history(run, "m")
    assert [(p.timestamp, p.step, p.value) for p in history] == [
        (10, 2, 1.0),
        (10, 2, 5.0),
        (11, 2, 7.0),
        (99, 1, 9.0),
    ]


def test_a_parameter_keeps_its_first_value(client: Any) -> None:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException

    run = client.create_run("0").info.run_id
    client.log_param(run, "depth", 3)
    client.log_param(run, "depth", 3)
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_param(run, "depth", 4)
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_batch(
            run, [Metric("m", 1, 1, 1)], [Param("new", "1"), Param("depth", "4")], [RunTag("t", "")]
        )
    read = client.get_run(run).data
    assert (read.params, read.metrics, "t" in read.tags) == ({"depth": "3"}, {}, False)


def test_datasets_and_models_are_inputs_and_outputs(client: Any) -> None:
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelInput,
        LoggedModelOutput,
    )

    run = client.create_run("0").info.run_id
    dataset = Dataset("flights", "abc", "local", "{}", schema="s", profile="p")
    tags = [InputTag("mlflow.data.context", "training")]
    model = LoggedModelInput("m-1")
    client.log_inputs(run, [DatasetInput(dataset, tags)], [model])
    client.log_inputs(run, [DatasetInput(dataset, tags)])
    client.log_outputs(run, [LoggedModelOutput("m-2", 4)])
    read = client.get_run(run)
    assert [use.dataset.to_dictionary() for use in read.inputs.dataset_inputs] == [
        dataset.to_dictionary()
    ]
    assert [use.model_id for use in read.inputs.model_inputs] == ["m-1"]
    assert [(use.model_id, use.step) for use in read.outputs.model_outputs] == [("m-2", 4)]
    other = client.create_run("0").info.run_id
    for text in ("dataset.name = 'flights'", "datasets.context LIKE 'train%'"):
        assert [found.info.run_id for found in client.search_runs(["0"], text)] == [run]
    assert [r.info.run_id for r in client.search_runs(["0"], "dataset.digest = 'x'")] == []
    assert other != run


def test_a_run_goes_on_after_its_end(client: Any) -> None:
    import mlflow

    mlflow.set_experiment("again")
    with mlflow.start_run() as run:
        pass
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("m", 1)
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
    assert client.get_run(run.info.run_id).info.status == "FINISHED"


def test_histories_are_paged_and_sampled(client: Any, served: Served) -> None:
    from mlflow.entities import Metric

    run = client.create_run("0").info.run_id
    client.log_batch(run, [Metric("m", i, i, i) for i in range(1000)])
    page = served.get("metrics/get-history", run_id=run, metric_key="m", max_results=400).json()
    rest = served.get(
        "metrics/get-history", run_id=run, metric_key="m", page_token=page["next_page_token"]
    ).json()
    assert [p["step"] for p in page["metrics"] + rest["metrics"]] == list(range(1000))
    answer = served.http.get(
        f"{served.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
        params={"run_ids": run, "metric_key": "m", "max_results": 10},
    ).json()
    steps = [point["step"] for point in answer["metrics"]]
    assert (len(steps), steps[0], steps[-1]) == (10, 0, 999)
    zoomed = served.get(
        "metrics/get-history-bulk-interval",
        run_ids=run,
        metric_key="m",
        start_step=100,
        end_step=104,
    ).json()
    assert [point["step"] for point in zoomed["metrics"]] == [100, 101, 102, 103, 104]
    bulk = served.get("metrics/get-history-bulk", run_id=run, metric_key="m").json()
    assert len(bulk["metrics"]) == 1000


def test_autolog_of_scikit_learn_is_recorded(client: Any) -> None:
    import mlflow

    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)
    read = client.get_run(run.info.run_id)
    assert read.data.params["C"] == "0.5"
    assert read.data.metrics["training_accuracy_score"] == 1.0
