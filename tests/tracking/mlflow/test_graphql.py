"""What MLflow's own web interface asks in GraphQL: the same facts, the same permissions."""

from __future__ import annotations

from typing import Any

import pytest

from mlflow_server import Served


def ask(served: Served, query: str, **more: Any) -> Any:
    answer = served.http.post(f"{served.url}/graphql", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_run_with_what_belongs_to_it(served: Served) -> None:
    run = served.run(run_name="r")
    points = [{"key": "m", "value": 1.5, "timestamp": 7, "step": 2}]
    points += [{"key": "odd", "value": "NaN", "timestamp": 8}]
    served.post("runs/log-batch", {"run_id": run, "metrics": points})
    served.post("registered-models/create", {"name": "G"})
    made = {"name": "G", "source": f"runs:/{run}/model", "run_id": run}
    assert served.post("model-versions/create", made).status_code == 200
    found = ask(
        served,
        """query Run($id: String!) @component(name: "page") {
             mlflowGetRun(input: {runId: $id}) {
               run { ...Facts data { metrics { key value timestamp step } }
                     experiment { name } modelVersions { name version } } } }
           fragment Facts on MlflowRun { info { status runName } }""",
        variables={"id": run},
    )
    assert found["errors"] is None
    assert found["data"]["mlflowGetRun"]["run"] == {
        "info": {"status": "RUNNING", "runName": "r"},
        "data": {
            "metrics": [
                {"key": "m", "value": 1.5, "timestamp": "7", "step": "2"},
                {"key": "odd", "value": None, "timestamp": "8", "step": "0"},
            ]
        },
        "experiment": {"name": "Default"},
        "modelVersions": [{"name": "G", "version": "1"}],
    }


def test_searches_histories_and_files(served: Served) -> None:
    first, second = (served.run(start_time=number) for number in (1, 2))
    points = [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(3)]
    served.post("runs/log-batch", {"run_id": first, "metrics": points})
    served.http.post(
        f"{served.url}/ajax-api/2.0/mlflow/upload-artifact",
        params={"run_uuid": first, "path": "deep/a.txt"},
        content=b"hello",
    )
    history = f'mlflowGetMetricHistoryBulkInterval(input: {{runIds: ["{first}"], metricKey: "m"}})'
    listed = f'mlflowListArtifacts(input: {{runId: "{first}"}})'
    found = ask(
        served,
        'mutation { mlflowSearchRuns(input: {experimentIds: ["0"]}) { runs { info { runId } } } '
        f"history: {history} {{ metrics {{ value }} }} "
        f"{listed} {{ files {{ path isDir fileSize }} }} }}",
    )["data"]
    ids = [run["info"]["runId"] for run in found["mlflowSearchRuns"]["runs"]]
    assert ids == [second, first]
    assert [point["value"] for point in found["history"]["metrics"]] == [0, 1, 2]
    files = found["mlflowListArtifacts"]["files"]
    assert files == [{"path": "deep", "isDir": True, "fileSize": "0"}]


def test_what_is_refused_is_said_beside_what_was_found(served: Served) -> None:
    served.run()
    found = ask(
        served,
        '{ a: mlflowGetExperiment(input: {experimentId: "0"}) { experiment { name } } '
        'b: mlflowGetExperiment(input: {experimentId: "999"}) { experiment { name } } '
        "c: __schema { types } }",
    )
    assert found["data"]["a"] == {"experiment": {"name": "Default"}}
    assert (found["data"]["b"], found["data"]["c"]) == (None, None)
    assert found["errors"][0] == "No Experiment with id=999 exists"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{" + " ".join(f"a{i}: test {{ o }}" for i in range(11)) + "}", "at most 10 root fields"),
        ("{ test {" + " ".join(f"a{i}: o" for i in range(11)) + "} }", "at most 10 aliases"),
        ("{ test " + "{ a " * 12 + "}" * 12 + "}", "maximum depth of 10"),
        ("{" * 100_000, "Syntax Error"),
        ("{ test {" + " ".join(f"f{i}" for i in range(1_001)) + "} }", "selections of 1000"),
        ("{ ...A } fragment A on T { ...A }", "circular"),
        ("query { test(a: " + "[" * 5_000, "nested too deeply"),
        ('{ test(a: "', "Unexpected character"),
        ("", "Must provide an operation"),
    ],
    ids=["roots", "aliases", "deep", "braces", "wide", "circle", "list", "cut", "empty"],
)
def test_queries_that_ask_for_too_much_are_refused(served: Served, query: str, said: str) -> None:
    found = ask(served, query)
    assert found["data"] is None
    assert said in found["errors"][0]
