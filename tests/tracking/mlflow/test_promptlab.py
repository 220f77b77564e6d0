"""Runs of the prompt workbench: finished when made, with their parameters and their table."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mlflow_server import Served

ASKED: dict[str, Any] = {
    "experiment_id": "0",
    "prompt_template": "Say {{what}}",
    "prompt_parameters": [{"key": "what", "value": "hello"}],
    "model_route": "small",
    "model_input": "Say hello",
    "mlflow_version": "3.0.0",
}


def created(served: Served, body: dict[str, Any]) -> httpx.Response:
    address = f"{served.url}/ajax-api/2.0/mlflow/runs/create-promptlab-run"
    return served.http.post(address, json=body)


def test_a_run_of_the_workbench_holds_what_was_asked_and_answered(served: Served) -> None:
    served.run()
    more = {
        "run_name": "greeting",
        "model_parameters": [{"key": "temperature", "value": 0.1}],
        "model_output": "hello",
        "model_output_parameters": [{"key": "latency", "value": "100"}],
        "user_id": "ada",
        "start_time": 456,
        "tags": [{"key": "team", "value": "ops"}],
    }
    run = created(served, {**ASKED, **more}).json()["run"]
    info = run["info"]
    shown = (info["run_name"], info["user_id"], info["status"], info["start_time"])
    assert shown == ("greeting", "ada", "FINISHED", 456)
    params = {each["key"]: each["value"] for each in run["data"]["params"]}
    wanted = {"temperature": "0.1", "model_route": "small", "prompt_template": "Say {{what}}"}
    assert params == wanted
    tags = {each["key"]: each["value"] for each in run["data"]["tags"]}
    assert tags["mlflow.runSourceType"] == "PROMPT_ENGINEERING"
    assert tags["team"] == "ops"
    at = {"run_id": info["run_id"], "path": "eval_results_table.json"}
    table = served.http.get(f"{served.url}/get-artifact", params=at).json()
    assert table["columns"] == ["what", "prompt", "output", "latency"]
    assert table["data"] == [["hello", "Say hello", "hello", "100"]]


@pytest.mark.parametrize("absent", sorted(ASKED))
def test_what_is_missing_is_named(served: Served, absent: str) -> None:
    body = {name: value for name, value in ASKED.items() if name != absent}
    answer = created(served, body)
    wanted = f"CreatePromptlabRun request must specify {absent}."
    assert served.refusal(answer) == (400, "INVALID_PARAMETER_VALUE", wanted)


def test_an_unknown_experiment_makes_no_run(served: Served) -> None:
    answer = created(served, {**ASKED, "experiment_id": "987654321"})
    assert served.refusal(answer)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
