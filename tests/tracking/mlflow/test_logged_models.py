"""Logged models of MLflow 3, through the real client."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_server import Served


def test_a_model_is_logged_measured_searched_and_registered(client: Any, served: Served) -> None:
    import mlflow

    run = served.run()
    model = client.create_logged_model(
        "0", name="forest", source_run_id=run, params={"depth": "3"}, tags={"t": "u"}
    )
    assert str(model.status) == "PENDING"
    assert str(client.finalize_logged_model(model.model_id, "READY").status) == "READY"
    client.log_metric(run, "acc", 0.9, step=1, model_id=model.model_id)
    client.log_metric(
        run, "acc", 0.8, step=2, model_id=model.model_id, dataset_name="d", dataset_digest="1"
    )
    read = client.get_logged_model(model.model_id)
    assert (read.params, read.tags["t"]) == ({"depth": "3"}, "u")
    assert sorted(metric.value for metric in read.metrics) == [0.8, 0.9]

    def found(text: str, **options: Any) -> list[str]:
        return [m.name for m in client.search_logged_models(["0"], filter_string=text, **options)]

    assert found("metrics.acc > 0.85 AND params.depth = '3'") == ["forest"]
    assert found("tags.t LIKE 'x%'") == []
    assert found("name IN ('forest', 'tree')", order_by=[{"field_name": "metrics.acc"}]) == [
        "forest"
    ]
    assert found("", datasets=[{"dataset_name": "other"}]) == []
    version = mlflow.register_model(f"models:/{model.model_id}", "late")
    assert version.run_id == run
    assert "late" in client.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
    client.delete_logged_model(model.model_id)
    assert found("") == []


@pytest.mark.parametrize(
    "body",
    [
        {"experiment_id": "0", "name": "a/b"},
        {"experiment_id": "99999"},
        {"name": "x"},
        {"experiment_id": "0", "params": [{"value": "x"}]},
        {"experiment_id": "0", "tags": [{"key": "k" * 300, "value": "x"}]},
    ],
)
def test_models_that_make_no_sense_are_refused(served: Served, body: dict[str, Any]) -> None:
    answer = served.post("logged-models", body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    "text",
    [
        "metrics.acc LIKE 'x'",
        "metrics.acc > 'x'",
        "nonsense.acc > 1",
        "nobody = 'x'",
        "params.a > 'x'",
        "name = 'a' OR name = 'b'",
        "name IN ()",
    ],
)
def test_filters_that_make_no_sense_are_refused(served: Served, text: str) -> None:
    answer = served.post("logged-models/search", {"experiment_ids": ["0"], "filter": text})
    assert served.refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")
