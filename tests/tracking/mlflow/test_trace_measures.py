"""Charts over traces: the same numbers as a stock server gives for the same traces."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from mlflow_server import Served

BEGAN = 1_700_000_000_000
HOUR = 3_600_000


def trace(served: Served, experiment: str, number: int) -> str:
    """A trace of one span an hour after the one before, with tokens, a price and a judgement."""
    identifier = f"tr-{uuid.uuid4().hex}"
    at = BEGAN + number * HOUR
    info = {
        "trace_id": identifier,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_time": f"2023-11-14T{22 + number:02}:13:20Z"
        if number < 2
        else f"2023-11-15T{number - 2:02}:13:20Z",
        "execution_duration": f"{number + 1}.0s",
        "state": "ERROR" if number == 3 else "OK",
        "tags": {"mlflow.traceName": "odd" if number % 2 else "even"},
        "trace_metadata": {
            "mlflow.trace.session": f"session {number % 2}",
            "mlflow.trace.tokenUsage": json.dumps({"input_tokens": 10 * number}),
        },
    }
    told = {"trace": {"trace_info": info}}
    assert served.http.post(f"{served.url}/api/3.0/mlflow/traces", json=told).status_code == 200
    span = {
        "traceId": identifier.removeprefix("tr-"),
        "spanId": uuid.uuid4().hex[:16],
        "name": "call",
        "startTimeUnixNano": str(at * 1_000_000),
        "endTimeUnixNano": str((at + 250) * 1_000_000),
        "status": {"code": 1},
        "attributes": [
            {"key": key, "value": {"stringValue": value}}
            for key, value in {
                "mlflow.llm.model": "small",
                "mlflow.llm.cost": json.dumps({"total_cost": 0.5 * number}),
                "mlflow.spanType": "LLM",
            }.items()
        ],
    }
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = served.http.post(
        f"{served.url}/v1/traces",
        content=json.dumps(sent),
        headers={"content-type": "application/json", "x-mlflow-experiment-id": experiment},
    )
    assert answer.status_code == 200, answer.text
    return identifier


@pytest.fixture
def asked(served: Served, client: Any) -> Any:
    """Questions about four traces and their judgements."""
    experiment = client.create_experiment("measured")
    identifiers = [trace(served, experiment, number) for number in range(4)]
    for identifier, value in zip(identifiers, (True, "yes", 0.25, "fine"), strict=True):
        import mlflow

        mlflow.log_feedback(trace_id=identifier, name="good", value=value)

    def ask(view: str, metric: str, *ways: str | float, **more: Any) -> list[Any]:
        aggregations = [
            {"aggregation_type": way}
            if isinstance(way, str)
            else {"aggregation_type": "PERCENTILE", "percentile_value": way}
            for way in ways
        ]
        body = {"experiment_ids": [experiment], "view_type": view, "metric_name": metric}
        answer = served.http.post(
            f"{served.url}/api/3.0/mlflow/traces/metrics",
            json={**body, "aggregations": aggregations, **more},
        )
        found = answer.json()
        if answer.status_code != 200:
            return [answer.status_code, found["error_code"]]
        return [(*point["dimensions"].values(), point["values"]) for point in found["data_points"]]

    return ask


def test_traces_spans_and_judgements_are_counted_and_measured(asked: Any) -> None:
    assert asked("TRACES", "trace_count", "COUNT") == [({"COUNT": 4},)]
    by = asked("TRACES", "trace_count", "COUNT", dimensions=["trace_name", "trace_status"])
    assert by == [
        ("even", "OK", {"COUNT": 2}),
        ("odd", "ERROR", {"COUNT": 1}),
        ("odd", "OK", {"COUNT": 1}),
    ]
    assert asked("TRACES", "session_count", "COUNT") == [({"COUNT": 2},)]
    assert asked("TRACES", "latency", "AVG", 50, 90) == [
        ({"AVG": 2500, "P50.0": 2500, "P90.0": pytest.approx(3700)},)
    ]
    assert asked("TRACES", "input_tokens", "SUM", "MAX") == [({"SUM": 60, "MAX": 30},)]
    assert asked("SPANS", "latency", "MIN", dimensions=["span_name"]) == [("call", {"MIN": 250})]
    assert asked("SPANS", "total_cost", "SUM", dimensions=["span_model_name"]) == [
        ("small", {"SUM": 3})
    ]
    assert asked("ASSESSMENTS", "assessment_value", "AVG") == [({"AVG": 0.75},)]
    values = asked("ASSESSMENTS", "assessment_count", "COUNT", dimensions=["assessment_value"])
    assert [value for value, _ in values] == ['"fine"', '"yes"', "0.25", "true"]


def test_they_are_put_in_buckets_filtered_and_bounded(asked: Any) -> None:
    times = {"time_interval_seconds": 7200, "start_time_ms": BEGAN, "end_time_ms": BEGAN + 2 * HOUR}
    assert asked("TRACES", "trace_count", "COUNT", **times) == [
        ("2023-11-14T22:00:00+00:00", {"COUNT": 2}),
        ("2023-11-15T00:00:00+00:00", {"COUNT": 1}),
    ]
    odd = ["trace.tag.`mlflow.traceName` = 'odd'", "trace.status = 'OK'"]
    for view, metric in (("TRACES", "trace_count"), ("SPANS", "span_count")):
        assert asked(view, metric, "COUNT", filters=odd) == [({"COUNT": 1},)]
    named = ["assessment.name = 'bad'"]
    assert asked("ASSESSMENTS", "assessment_count", "COUNT", filters=named) == [({"COUNT": 0},)]
    by = {"filters": named, "dimensions": ["assessment_name"]}
    assert asked("ASSESSMENTS", "assessment_count", "COUNT", **by) == []
    first = asked("TRACES", "trace_count", "COUNT", dimensions=["trace_name"], max_results=1)
    assert first == [("even", {"COUNT": 2})]


@pytest.mark.parametrize(
    ("view", "metric", "way", "more"),
    [
        ("RUNS", "trace_count", "COUNT", {}),
        ("TRACES", "span_count", "COUNT", {}),
        ("TRACES", "latency", "SUM", {}),
        ("TRACES", "latency", 101, {}),
        ("TRACES", "trace_count", "COUNT", {"dimensions": ["span_name"]}),
        ("TRACES", "trace_count", "COUNT", {"time_interval_seconds": 60}),
        ("TRACES", "trace_count", "COUNT", {"filters": ["span.name = 'x'"]}),
        ("TRACES", "trace_count", "COUNT", {"filters": ["trace.status != 'x'"]}),
        ("TRACES", "trace_count", "COUNT", {"filters": ["trace.tag = 'x'"]}),
        ("TRACES", "trace_count", "COUNT", {"max_results": 0}),
    ],
)
def test_what_cannot_be_charted_is_refused(
    asked: Any, view: str, metric: str, way: str | float, more: dict[str, Any]
) -> None:
    assert asked(view, metric, way, **more) == [400, "INVALID_PARAMETER_VALUE"]
