"""Traces, spans and assessments: what the real client sends comes back the same."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from mlflow_server import Served


@pytest.fixture
def traced(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import mlflow

    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow.set_experiment("traced")
    mlflow.tracing.reset()
    yield mlflow
    mlflow.tracing.reset()


def one_trace(mlflow: Any) -> str:
    """A trace of two spans, as an application makes it."""

    @mlflow.trace(name="outer", span_type="CHAIN", attributes={"model": "gpt-x"})
    def outer(question: str) -> str:
        with mlflow.start_span("inner", span_type="LLM") as span:
            span.set_inputs({"q": question})
            span.set_outputs([1, 2.5, None, {"ä": True}])
        mlflow.update_current_trace(tags={"who": "me"})
        return question.upper()

    assert outer("why") == "WHY"
    return str(mlflow.get_last_active_trace_id())


def test_a_trace_comes_back_as_it_was_made(traced: Any) -> None:
    identifier = one_trace(traced)
    trace = traced.get_trace(identifier)
    assert [span.name for span in trace.data.spans] == ["outer", "inner"]
    inner = trace.data.spans[1]
    assert (inner.inputs, inner.outputs) == ({"q": "why"}, [1, 2.5, None, {"ä": True}])
    assert (inner.span_type, inner.parent_id) == ("LLM", trace.data.spans[0].span_id)
    assert (trace.info.state, trace.info.tags["who"]) == ("OK", "me")
    assert trace.info.request_preview == '{"question": "why"}'
    assert trace.info.response_preview == '"WHY"'


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("tag.who = 'me'", 1),
        ("tags.who != 'me'", 0),
        ("tag.nobody IS NULL", 1),
        ("tag.who IS NULL", 0),
        ("trace.status = 'OK'", 1),
        ("status IN ('ERROR', 'IN_PROGRESS')", 0),
        ("name LIKE 'out%' AND execution_time >= 0", 1),
        ("span.name = 'inner'", 1),
        ("span.type IN ('LLM', 'TOOL')", 1),
        ("span.attributes.model LIKE '%gpt%'", 1),
        ("span.attributes.model = 'gpt-x'", 1),
        ("span.attributes.model = 'gpt'", 0),
        ("span.attributes.model RLIKE '^gpt'", 1),
        ("text ILIKE '%WHY%'", 1),
        ("feedback.good > 0.5", 0),
        ("expectation.answer = 'x'", 0),
        ("timestamp_ms > 0", 1),
        ("metadata.`mlflow.trace_schema.version` = '3'", 1),
    ],
)
def test_searches_answer_the_grammar(traced: Any, text: str, count: int) -> None:
    one_trace(traced)
    experiment = traced.get_experiment_by_name("traced").experiment_id
    found = traced.search_traces(
        locations=[experiment], filter_string=text, return_type="list", order_by=["timestamp DESC"]
    )
    assert len(found) == count


@pytest.mark.parametrize(
    "text",
    [
        "nobody = 'x'",
        "tag.who > 'x'",
        "status LIKE 5",
        "span.nobody = 'x'",
        "text = 'x'",
        "feedback.good > 'x'",
        "prompt = 'x'",
        "tag.who = 'x' OR tag.who = 'y'",
        "tag.who RLIKE '(a+)+$'",
        "tag.who = 'x'; DROP TABLE traces",
    ],
)
def test_filters_that_make_no_sense_are_refused(served: Served, text: str) -> None:
    body = {"locations": [{"mlflow_experiment": {"experiment_id": "0"}}], "filter": text}
    answer = served.http.post(f"{served.url}/api/3.0/mlflow/traces/search", json=body)
    assert served.refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_assessments_are_given_changed_overridden_and_taken_back(traced: Any) -> None:
    identifier = one_trace(traced)
    good = traced.log_feedback(trace_id=identifier, name="good", value=0.25, rationale="meh")
    answer = traced.log_expectation(trace_id=identifier, name="answer", value={"a": [1]})
    assert traced.get_assessment(identifier, answer.assessment_id).value == {"a": [1]}
    from mlflow.entities import Feedback

    traced.update_assessment(identifier, good.assessment_id, Feedback(name="good", value=0.5))
    read = traced.get_assessment(identifier, good.assessment_id)
    assert (read.value, read.rationale) == (0.5, "meh")
    better = traced.override_feedback(
        trace_id=identifier, assessment_id=good.assessment_id, value=1.0
    )
    assert traced.get_assessment(identifier, good.assessment_id).valid is False
    traced.delete_assessment(identifier, better.assessment_id)
    assert traced.get_assessment(identifier, good.assessment_id).valid is True
    assert len(traced.get_trace(identifier).info.assessments) == 2


def test_traces_are_linked_tagged_and_deleted(traced: Any, client: Any, served: Served) -> None:
    identifier = one_trace(traced)
    experiment = traced.get_experiment_by_name("traced").experiment_id
    run = served.run(experiment_id=experiment)
    client.link_traces_to_run([identifier], run)
    linked = traced.search_traces(locations=[experiment], run_id=run, return_type="list")
    assert [trace.info.trace_id for trace in linked] == [identifier]
    client.set_trace_tag(identifier, "z", "1")
    client.delete_trace_tag(identifier, "z")
    assert "z" not in traced.get_trace(identifier).info.tags
    assert client.delete_traces(experiment, trace_ids=[identifier]) == 1
    assert client.delete_traces(experiment, trace_ids=[identifier]) == 0


SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "GET /",
    "startTimeUnixNano": "1700000000000000000",
    "endTimeUnixNano": "1700000000250000000",
    "attributes": [
        {"key": "n", "value": {"intValue": "7"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}},
        {"key": "mlflow.chat.tokenUsage", "value": {"stringValue": '{"input_tokens": 3}'}},
    ],
    "status": {"code": 2, "message": "boom"},
}


def exported(*spans: dict[str, Any]) -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    scope = {"scopeSpans": [{"spans": list(spans)}], "resource": resource}
    return json.dumps({"resourceSpans": [scope]}).encode()


def sent(served: Served, body: bytes, **headers: str) -> Any:
    known = {"content-type": "application/json", "x-mlflow-experiment-id": "0", **headers}
    return served.http.post(f"{served.url}/v1/traces", content=body, headers=known)


def test_any_opentelemetry_exporter_can_send_spans(served: Served) -> None:
    assert sent(served, exported(SPAN)).status_code == 200
    packed = gzip.compress(
        exported(
            {**SPAN, "spanId": "b7ad6b7169203332", "name": "db", "parentSpanId": SPAN["spanId"]}
        )
    )
    assert sent(served, packed, **{"content-encoding": "gzip"}).status_code == 200
    url = f"{served.url}/api/3.0/mlflow/traces/get?trace_id=tr-{SPAN['traceId']}"
    trace = served.http.get(url).json()["trace"]
    assert [span["name"] for span in trace["spans"]] == ["GET /", "db"]
    info = trace["trace_info"]
    assert (info["state"], info["execution_duration"]) == ("ERROR", "0.250s")
    assert info["tags"]["service.name"] == "shop"
    assert json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"]) == {"input_tokens": 3}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-protobuf"),
        (b"\x0a\xff\xff\xff\xff\x0f", "application/x-protobuf"),
        (b"\xff" * 50, "application/x-protobuf"),
        (b"\x0a\x04\x12\x02\x12\x00", "application/x-protobuf"),
        (b"{", "application/json"),
        (b'{"resourceSpans": 5}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (exported({**SPAN, "traceId": "../../etc"}), "application/json"),
        (exported({**SPAN, "traceId": "00" * 16}), "application/json"),
        (exported({**SPAN, "startTimeUnixNano": "-5"}), "application/json"),
    ],
    ids=["empty", "long", "noise", "hollow", "cut", "number", "deep", "path", "zero", "before"],
)
def test_spans_that_are_none_are_refused(served: Served, body: bytes, kind: str) -> None:
    answer = sent(served, body, **{"content-type": kind})
    assert answer.status_code in (400, 422), answer.text
    said = answer.json()
    assert said["error_code"] == "BAD_REQUEST"
    # Exporters that know a stock server look for the sentence there.
    assert said["detail"] == said["message"]


def test_a_small_body_that_inflates_without_end_is_refused(served: Served) -> None:
    bomb = gzip.compress(b" " * (1 << 20)) * 300
    assert sent(served, bomb, **{"content-encoding": "gzip"}).status_code == 413


def test_the_older_form_of_traces_is_answered(served: Served) -> None:
    begun = served.post(
        "traces", {"experiment_id": "0", "timestamp_ms": 1000, "tags": [{"key": "a", "value": "b"}]}
    ).json()["trace_info"]
    assert begun["status"] == "IN_PROGRESS"
    url = f"{served.url}/api/2.0/mlflow/traces/{begun['request_id']}"
    ended = served.http.patch(url, json={"timestamp_ms": 1500, "status": "OK"}).json()
    assert ended["trace_info"]["execution_time_ms"] == 500
    found = served.get("traces", experiment_ids="0", filter="tag.a = 'b'").json()
    assert [trace["request_id"] for trace in found["traces"]] == [begun["request_id"]]


@pytest.mark.parametrize(
    ("said", "kind", "usage"),
    [
        (
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 3,
                "gen_ai.usage.output_tokens": 4,
                "gen_ai.input.messages": "Hi",
                "gen_ai.response.model": "m",
            },
            "CHAT_MODEL",
            {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        ),
        (
            {
                "openinference.span.kind": "LLM",
                "llm.token_count.total": 9,
                "input.value": "Hi",
                "llm.model_name": "m",
            },
            "LLM",
            {"total_tokens": 9},
        ),
        (
            {
                "traceloop.span.kind": "tool",
                "gen_ai.usage.prompt_tokens": 5,
                "traceloop.entity.input": "Hi",
                "gen_ai.request.model": "m",
            },
            "TOOL",
            {"input_tokens": 5},
        ),
    ],
    ids=["gen-ai", "openinference", "traceloop"],
)
def test_spans_of_other_instrumentations_are_read_as_mlflows(
    served: Served, client: Any, said: dict[str, Any], kind: str, usage: dict[str, int]
) -> None:
    attributes = [
        {"key": key, "value": {"intValue": v} if isinstance(v, int) else {"stringValue": v}}
        for key, v in said.items()
    ]
    fresh = {"traceId": uuid.uuid4().hex, "attributes": attributes}
    assert sent(served, exported({**SPAN, **fresh})).status_code == 200
    trace = client.get_trace(f"tr-{fresh['traceId']}")
    span = trace.data.spans[0]
    assert (span.span_type, span.inputs) == (kind, "Hi")
    assert span.get_attribute("mlflow.llm.model") == "m"
    assert json.loads(trace.info.trace_metadata["mlflow.trace.tokenUsage"]) == usage
    assert set(said) <= set(span.attributes)
