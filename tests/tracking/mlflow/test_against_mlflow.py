"""The same requests to a stock MLflow server and to ours: the answers must be the same."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlflow_server import Served

pytestmark = pytest.mark.slow
PEER = Path(__file__).parents[3] / ".peers/mlflow/bin/python"
_IDS = ("experiment_id", "run_id", "run_uuid")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PEER.exists():
        pytest.skip("a stock MLflow server is not installed: ci/peer mlflow")
    folder = tmp_path_factory.mktemp("stock")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PEER), "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}", folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


class Both:
    """Sends every request to both servers; ids are exchanged for each server's own."""

    def __init__(self, stock: str, ours: str) -> None:
        self.urls = (stock, ours)
        self.ids: list[dict[str, str]] = [{}, {}]
        self.http = httpx.Client(timeout=120)

    def send(self, method: str, path: str, body: Any) -> tuple[httpx.Response, httpx.Response]:
        answers = []
        for url, ids in zip(self.urls, self.ids, strict=True):
            own = _exchanged(body, ids)
            where = f"{url}/api/2.0/mlflow/{path}"
            if method == "GET":
                answers.append(self.http.get(where, params=own))
            else:
                answers.append(self.http.request(method, where, json=own))
        return answers[0], answers[1]

    def name(self, label: str, values: tuple[str, str]) -> None:
        for ids, value in zip(self.ids, values, strict=True):
            ids[label] = value

    def same(self, method: str, path: str, body: Any = None) -> Any:
        """Both answers alike in status, code and content; ours is returned."""
        theirs, ours = self.send(method, path, body or {})
        assert theirs.status_code == ours.status_code, (path, body, theirs.text, ours.text)
        left, right = theirs.json(), ours.json()
        if theirs.status_code != 200:
            assert left["error_code"] == right["error_code"], (path, body, left, right)
            return right
        left, right = (
            _plain(answer, {v: k for k, v in ids.items()})
            for answer, ids in zip((left, right), self.ids, strict=True)
        )
        assert left == right, (path, body)
        return right


def _exchanged(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _exchanged(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [_exchanged(one, ids) for one in value]
    if isinstance(value, str):
        for label, own in ids.items():
            value = value.replace(f"<{label}>", own)
    return value


def _plain(value: Any, labels: dict[str, str]) -> Any:
    """Without what must differ: ids, places, times of the server, empty fields."""
    if isinstance(value, dict):
        out = {}
        for key, one in value.items():
            if key in ("artifact_uri", "artifact_location", "creation_time", "last_update_time",
                       "user_id", "next_page_token", "effective_trace_archival_retention",
                       "workspace"):  # fmt: skip
                continue
            plain = labels.get(one, one) if key in _IDS else _plain(one, labels)
            if plain not in ({}, [], ""):
                out[key] = plain
        return out
    if isinstance(value, list):
        plain = [_plain(one, labels) for one in value]
        if plain and all(isinstance(one, dict) and "key" in one for one in plain):
            return sorted(plain, key=lambda one: (one["key"], one.get("step", 0), one.get("timestamp", 0), repr(one.get("value"))))  # fmt: skip
        return plain
    return value


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
