"""The same requests to a stock MLflow server and to ours: the answers must be the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlflow_both import Both, stock_server
from mlflow_server import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from stock_server(tmp_path_factory.mktemp("stock"))


@pytest.fixture
def both(stock: str, served: Served) -> Both:
    made = Both(stock, served.url)
    theirs, ours = made.send("POST", "experiments/create", {"name": served.project})
    made.name("e", (theirs.json()["experiment_id"], ours.json()["experiment_id"]))
    for number in range(9):
        _run(made, number)
    return made


def _run(both: Both, number: int) -> None:
    body = {
        "experiment_id": "<e>",
        "run_name": f"run-{number % 4}",
        "start_time": 1000 + number // 2,
        "tags": [{"key": "team", "value": ("ops", "Ml")[number % 2]}] if number % 3 else [],
    }
    theirs, ours = both.send("POST", "runs/create", body)
    label = f"r{number}"
    both.name(label, (theirs.json()["run"]["info"]["run_id"], ours.json()["run"]["info"]["run_id"]))
    metrics = [
        {"key": "acc", "value": value, "timestamp": 5, "step": step}
        for step, value in enumerate((0.1, number / 8, "NaN" if number == 5 else number / 10))
    ]
    params = [{"key": "depth", "value": str(number % 3)}, {"key": "a b", "value": f"X{number}"}]
    batch: dict[str, Any] = {"run_id": f"<{label}>", "params": params}
    if number != 4:
        batch["metrics"] = metrics
    both.same("POST", "runs/log-batch", batch)


FILTERS = (
    "",
    "metrics.acc > 0.3",
    "metrics.acc != 0.2",
    "metrics.acc <= 0.6 and params.depth = '1'",
    "metrics.`acc` = 0.2",
    "params.`a b` LIKE 'X%'",
    'params."a b" = "X3"',
    "params.depth != '1'",
    "tags.team = 'ops'",
    "tags.team ILIKE 'M%'",
    "tags.team LIKE 'M%' AND metrics.acc < 0.8",
    "tags.team IS NULL",
    "params.depth IS NOT NULL",
    "attributes.run_name = 'run-1'",
    "run_name LIKE 'run-_'",
    "attributes.status = 'RUNNING'",
    "status != 'RUNNING'",
    "start_time >= 1002",
    "attributes.created < 1003",
    "tags.`mlflow.runName` = 'run-2'",
    "dataset.name = 'x'",
    "metrics.nothing > 1",
    "metrics.acc",
    "metrics.acc > 'x'",
    "params.depth > '1'",
    "params.depth = 1",
    "params.depth = nothing",
    "what.x = '1'",
    "attributes.what = '1'",
    "metrics.acc > 0.1 OR metrics.acc < 2",
    "run_name IN ('run-1')",
    "metrics.acc > 0.1; metrics.acc < 2",
    "metrics.acc LIKE '1'",
    "tags.a = 'it''s'",
)
ORDERS: tuple[list[str], ...] = (
    [],
    ["metrics.acc"],
    ["metrics.acc DESC"],
    ["params.depth ASC", "metrics.acc DESC"],
    ["tags.team DESC"],
    ["start_time ASC", "run_name DESC"],
    ["attributes.status", "metrics.`acc` asc"],
)


def test_searches_answer_alike(both: Both) -> None:
    for text in FILTERS:
        orders = ORDERS if not text or "> 0.3" in text else ORDERS[:2]
        for order_by in orders:
            body = {"experiment_ids": ["<e>"], "filter": text, "order_by": order_by}
            # Runs that tie are ordered by ids, which differ.
            body["order_by"] = [*order_by, "params.`a b` ASC"]
            both.same("POST", "runs/search", body)
    for order_by in (["what"], ["metrics.acc sideways"], ["metrics.acc", "metrics.acc"]):
        both.same("POST", "runs/search", {"experiment_ids": ["<e>"], "order_by": order_by[:1]})
    for size in (0, 50_001):
        both.same("POST", "runs/search", {"experiment_ids": ["<e>"], "max_results": size})


def test_runs_and_experiments_answer_alike(both: Both) -> None:
    one = {"run_id": "<r1>"}
    both.same("GET", "runs/get", one)
    both.same("GET", "metrics/get-history", {**one, "metric_key": "acc"})
    both.same("GET", "metrics/get-history", {**one, "metric_key": "nothing"})
    for max_results in (1, 2, 10):
        interval = {"run_ids": "<r1>", "metric_key": "acc", "max_results": max_results}
        both.same("GET", "metrics/get-history-bulk-interval", interval)
    for path, body in (
        ("runs/set-tag", {**one, "key": "x", "value": "y"}),
        ("runs/set-tag", {**one, "key": "mlflow.runName", "value": "renamed"}),
        ("runs/delete-tag", {**one, "key": "x"}),
        ("runs/delete-tag", {**one, "key": "x"}),
        ("runs/log-parameter", {**one, "key": "depth", "value": "1"}),
        ("runs/log-parameter", {**one, "key": "depth", "value": "other"}),
        ("runs/log-parameter", {**one, "key": "a/../b", "value": "x"}),
        ("runs/log-metric", {**one, "key": "m", "value": "Infinity", "timestamp": "9"}),
        ("runs/log-metric", {**one, "key": "m", "timestamp": 9}),
        ("runs/log-metric", {**one, "value": 1, "timestamp": 9}),
        ("runs/log-metric", {"run_id": "nothing", "key": "m", "value": 1, "timestamp": 9}),
        ("runs/log-batch", {**one, "params": [{"key": "p", "value": "1"}] * 2}),
        ("runs/log-batch", {**one, "metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 1001}),
        ("runs/update", {**one, "status": "FINISHED", "end_time": 77, "run_name": "done"}),
        ("runs/update", {**one, "status": "RUNNING"}),
        ("runs/delete", one),
        ("runs/log-metric", {**one, "key": "m", "value": 1, "timestamp": 9}),
        ("runs/restore", one),
        ("runs/get-nothing", {}),
        ("experiments/create", {}),
        ("experiments/create", {"name": ""}),
        ("experiments/set-experiment-tag", {"experiment_id": "<e>", "key": "k", "value": "v"}),
        ("experiments/delete", {"experiment_id": "<e>"}),
        ("experiments/delete", {"experiment_id": "<e>"}),
        ("runs/create", {"experiment_id": "<e>"}),
        ("experiments/restore", {"experiment_id": "<e>"}),
        ("experiments/delete", {"experiment_id": "987654"}),
    ):
        if path == "runs/get-nothing":
            continue
        both.same("POST", path, body)
        both.same("GET", "runs/get", one)
    both.same("GET", "experiments/get", {"experiment_id": "<e>"})
    both.same("GET", "experiments/get", {"experiment_id": "987654"})
    both.same("GET", "experiments/get-by-name", {"experiment_name": "nothing at all"})
