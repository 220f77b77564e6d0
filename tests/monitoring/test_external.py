"""Models that other servers serve are watched by what those report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from millwright.kernel.clock import rfc3339
from millwright.kernel.errors import InvalidInput
from millwright.monitoring import MonitorController, list_windows
from millwright.monitoring.commands import monitor
from millwright.monitoring.external.client import Columns, send_predictions, send_table
from millwright.monitoring.external.payloads import Payload, payload_of, predictions_of
from millwright.monitoring.external.records import ExternalPrediction
from monitoring.conftest import SIGNATURE, START, WEEK, draw, scores_of
from monitoring.test_prometheus import served

PLACE = "/api/v1/projects/flights/deployments/flights"


def log(rows: int = 600, warmer: float = 0.0, week: int = 0) -> pa.Table:
    rng = np.random.default_rng(4)
    times = START + week * WEEK + rng.integers(0, WEEK - 8 * 3_600_000, rows)
    columns: dict[str, Any] = {
        "key": [f"e{week}-{place}" for place in range(rows)],
        "asked": pa.array(times, pa.timestamp("ms", tz="UTC")),
        "p": scores_of(rng, rows),
        "ms": np.full(rows, 7.5),
        **draw(rng, rows, warmer),
    }
    truth = (rng.random(rows) < columns["p"]).astype(int)
    return pa.table(columns | {"late": pa.array(truth, mask=rng.random(rows) < 0.3)})


NAMED = Columns(identifier="key", time="asked", score="p", latency="ms", truth="late")


def test_a_folder_of_parquet_becomes_windows_with_drift_and_performance(
    world: Any, door: Any, controller: MonitorController, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "served"
    folder.mkdir()
    pq.write_table(log(), folder / "0.parquet")
    pq.write_table(log(300, warmer=1.5, week=1), folder / "1.parquet")
    monkeypatch.chdir(world.store.workspace.root)
    asked = ["ingest", "flights", str(folder), "--project", "flights", "--id", "key", "--json"]
    asked += ["--time", "asked", "--score", "p", "--latency", "ms", "--truth", "late"]
    told = CliRunner().invoke(monitor, asked, catch_exceptions=False)
    sent = json.loads(told.stdout)
    assert sent["rows"] == sent["accepted"] == 900
    assert 500 < sent["labels"] < 700
    world.traffic(2, 30)
    controller.reconcile()
    first, second, _ = list_windows(world.store, world.project, "flights")
    assert (first.n, second.n) == (600, 300)
    assert first.n_labelled > 350
    assert first.performance[0].metric == "roc_auc"
    assert first.latency.p95_ms == 7.5
    assert [column.feature for column in second.features if column.drifted] == ["distance", "temp"]
    # The same again, as after a lost answer, is not counted again.
    again = send_table(door, "flights", "flights", folder, NAMED)
    assert (again["rows"], again["accepted"]) == (900, 0)
    with pytest.raises(InvalidInput, match="no column 'when'"):
        send_table(door, "flights", "flights", folder, Columns(identifier="key", time="when"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"version": 9}, "no version 9"),
        ({"features": {"distance": "far"}}, "'distance' is a number"),
        ({"event_time": "yesterday"}, "yesterday"),
        ({"quantiles": {"2": 1.0}}, "no level"),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(
    world: Any, door: Any, wrong: dict[str, Any], said: str
) -> None:
    good = {"prediction_id": "a", "event_time": rfc3339(START), "score": 0.5}
    rows = [ExternalPrediction.model_validate(good)]
    rows.append(ExternalPrediction.model_validate(good | {"prediction_id": "b"} | wrong))
    with pytest.raises(InvalidInput, match=said):
        send_predictions(door, "flights", "flights", rows)
    assert send_predictions(door, "flights", "flights", rows[:1]) == 1


def event(half: str, identifier: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": identifier,
        "ce-source": "http://localhost:9081/",
        "ce-type": f"org.kubeflow.serving.inference.{half}",
        "ce-time": rfc3339(START),
        "ce-inferenceservicename": "flights",
        "content-type": "application/json",
    }
    return {"headers": headers, "content": json.dumps(body)}


def test_kserves_payloads_are_put_together_whichever_half_comes_first(
    world: Any, controller: MonitorController
) -> None:
    asked = {"instances": [[900.0, 8.0, "UA", 4.0], {"distance": 300.0, "carrier": "B6"}]}
    answered = {"predictions": [0.25, [0.3, 0.7]]}
    with served(world.store) as address, httpx.Client(base_url=address) as client:
        for identifier, halves in (("one", ("request", "response")), ("two", ("response",))):
            for half in (*halves, "request"):
                body = asked if half == "request" else answered
                found = client.post(f"{PLACE}/payloads", **event(half, identifier, body))
                assert found.status_code == 202, found.text
        structured = {
            "specversion": "1.0",
            "id": "three",
            "type": "org.kubeflow.serving.inference.request",
            "data": {"inputs": [{"name": "distance", "shape": [1], "data": [500.0]}]},
        }
        assert client.post(f"{PLACE}/payloads", json=structured).json()["accepted"] == 0
        outputs = {"outputs": [{"name": "p", "shape": [1, 2], "data": [0.4, 0.6]}]}
        found = client.post(f"{PLACE}/payloads", **event("response", "three", outputs))
        assert found.json()["accepted"] == 1
        assert client.post(f"{PLACE}/payloads", json={"a": 1}).status_code == 400
    controller.reconcile()
    (window,) = list_windows(world.store, world.project, "flights")
    assert window.n == 5
    assert not list((world.spool / "payloads").glob("*.res*"))


def test_rows_and_answers_must_be_as_many() -> None:
    body = {"inputs": [{"name": "x", "shape": [2, 4], "data": [[1, 2, "UA", 4], [5, 6, "B6", 8]]}]}
    asked = Payload("a", "request", rfc3339(START), body)
    answered = Payload("a", "response", "", {"predictions": [0.1, 0.2]})
    rows = predictions_of(asked, answered, SIGNATURE)
    assert [row.features["carrier"] for row in rows] == ["UA", "B6"]
    assert [row.prediction_id for row in rows] == ["a:0", "a:1"]
    with pytest.raises(InvalidInput, match="2 rows were asked about and 1 answers came"):
        predictions_of(asked, Payload("a", "response", "", {"predictions": [1]}), SIGNATURE)
    with pytest.raises(InvalidInput, match="no JSON"):
        payload_of({}, b"\xff")
