"""Traces: whose they are, what spans say, and that they cost nobody an answer."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.serving.application import Application
from millwright.serving.asgi import AsgiServer
from millwright.serving.config import ServerConfig
from millwright.serving.models import Models
from millwright.serving.tracing import parent_of
from millwright.tracking.traces.otlp import OtlpSpan, from_json

PATH = "/v2/models/delays/infer"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    def __init__(self) -> None:
        self.spans: list[OtlpSpan] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                told.spans += from_json(body)
                told.bodies.append(body)
                told.headers.append({k.lower(): v for k, v in self.headers.items()})
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    found = Collector()
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", found.url.split("/")[2])
    yield found
    found.server.shutdown()
    found.server.server_close()


def replies(config: dict[str, Any], *requests: dict[str, Any]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        models = Models(ServerConfig.model_validate(config))
        models.start()
        application = Application(models)
        transport = httpx.ASGITransport(AsgiServer(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            found = [await client.post(PATH, **one) for one in requests]
            application.close()
            return [*found, await client.get("/metrics")]

    return asyncio.run(run())


def test_a_request_is_a_span_of_its_callers_trace_with_its_parts_within(
    collector, make_package, one_champion, ask, monkeypatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret")
    config = one_champion(make_package(), traces={"url": collector.url})
    traceparent = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    good, bad, metrics = replies(
        config,
        {"json": ask(), "headers": traceparent},
        {"json": ask(distance="far"), "headers": traceparent},
    )
    assert (good.status_code, bad.status_code) == (200, 400)
    assert {span.trace for span in collector.spans} == {TRACE}
    root, *parts, refused = collector.spans
    assert (root.parent, root.name) == (SPAN, "POST delays")
    assert root.attributes["http.response.status_code"] == 200
    assert (root.attributes["millwright.version"], root.attributes["millwright.rows"]) == ("1", 1)
    assert [part.name for part in parts] == ["decode", "queue", "model", "encode"]
    assert {part.parent for part in parts} == {root.span}
    at = root.start_ns
    for part in parts:
        assert part.start_ns == at
        at = part.end_ns
    assert at <= root.end_ns
    assert refused.attributes["http.response.status_code"] == 400
    assert len({span.span for span in collector.spans}) == 6
    assert collector.headers[0]["x-key"] == "a secret"
    assert 'millwright_spans_total{outcome="exported"} 6' in metrics.text


def test_opentelemetrys_own_messages_read_what_is_sent(collector, make_package, one_champion, ask):
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    json_format = pytest.importorskip("google.protobuf.json_format")
    replies(one_champion(make_package(), traces={"url": collector.url}), {"json": ask()})
    content = json.loads(collector.bodies[0])
    spans = content["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for span in spans:  # Protobuf's own JSON has bytes in base64, OTLP's has ids in hexadecimal
        for name in {"traceId", "spanId", "parentSpanId"} & set(span):
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    read = json_format.Parse(json.dumps(content), service.ExportTraceServiceRequest())
    (resource,) = read.resource_spans
    assert resource.resource.attributes[0].value.string_value == "delays"
    names = [span.name for span in resource.scope_spans[0].spans]
    assert names == ["POST delays", "decode", "queue", "model", "encode"]
    assert resource.scope_spans[0].spans[0].kind == 2


def test_calls_of_grpc_are_spans_too(collector, make_package, one_champion):
    grpc = pytest.importorskip("grpc")
    from millwright.serving.grpc.messages import message
    from millwright.serving.grpc.service import start_grpc

    def question(**more: Any) -> Any:
        request = message("ModelInferRequest")(model_name="delays", **more)
        said = (("distance", "FP64", b"\0" * 8), ("carrier", "BYTES", b"\2\0\0\0AA"))
        for name, datatype, raw in (*said, ("holiday", "BOOL", b"\1")):
            request.inputs.add(name=name, datatype=datatype, shape=[1])
            request.raw_input_contents.append(raw)
        return request

    async def run() -> None:
        config = one_champion(make_package(), traces={"url": collector.url})
        models = Models(ServerConfig.model_validate(config))
        models.start()
        application = Application(models)
        server, port = await start_grpc(application, "127.0.0.1", 0)
        types = {
            "request_serializer": message("ModelInferRequest").SerializeToString,
            "response_deserializer": lambda content: content,
        }
        metadata = (("traceparent", f"00-{TRACE}-{SPAN}-01"), ("tracestate", "vendor=1"))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            home = "/inference.GRPCInferenceService"
            call = channel.unary_unary(f"{home}/ModelInfer", **types)
            await call(question(), metadata=metadata)
            with pytest.raises(grpc.aio.AioRpcError):
                await call(question(model_version="9"), metadata=metadata)
            stream = channel.stream_stream(f"{home}/ModelStreamInfer", **types)
            assert len([one async for one in stream([question()] * 2, metadata=metadata)]) == 2
        await server.stop(None)
        application.close()
        models.close()

    asyncio.run(run())
    assert {span.trace for span in collector.spans} == {TRACE}
    roots = [span for span in collector.spans if span.parent == SPAN]
    home = "inference.GRPCInferenceService"
    assert [root.name for root in roots] == [
        f"{home}/ModelInfer delays",
        f"{home}/ModelInfer",
        *[f"{home}/ModelStreamInfer delays"] * 2,
    ]
    assert [root.attributes["rpc.grpc.status_code"] for root in roots] == [0, 5, 0, 0]
    assert roots[0].attributes["rpc.method"] == "ModelInfer"
    assert len(collector.spans) == 4 + 3 * 4


def test_who_does_not_record_is_not_recorded_and_the_rest_are_sampled(
    collector, make_package, one_champion, ask
):
    config = one_champion(make_package(), traces={"url": collector.url, "share": 0.0})
    off = {"traceparent": f"00-{TRACE}-{SPAN}-00"}
    replies(config, {"json": ask(), "headers": off}, {"json": ask()})
    assert not collector.spans
    every = one_champion(make_package(name="b"), traces={"url": collector.url})
    replies(every, {"json": ask(), "headers": off}, {"json": ask()}, {"json": ask()})
    roots = [span for span in collector.spans if not span.parent]
    assert len(roots) == 2
    assert len({span.trace for span in roots}) == 2


def test_a_silent_collector_costs_no_answer(make_package, one_champion, ask, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as nobody:
        address = f"127.0.0.1:{nobody.server_port}"
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", address)
    config = one_champion(make_package(), traces={"url": f"http://{address}/v1/traces"})
    reply, metrics = replies(config, {"json": ask()})
    assert reply.status_code == 200
    assert 'millwright_spans_total{outcome="failed"} 5' in metrics.text


@given(st.text(alphabet="0123456789abcdefg-", max_size=60))
def test_a_context_that_is_none_is_no_parent(text):
    found = parent_of({"traceparent": text})
    assert found is None or (len(found.trace), len(found.span)) == (32, 16)


@pytest.mark.parametrize(
    "wrong",
    [
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_what_the_standard_forbids_is_no_parent(wrong):
    assert parent_of({"traceparent": wrong}) is None
    assert parent_of({"traceparent": f"01-{TRACE}-{SPAN}-01-more"}) is not None


def test_without_traces_nothing_of_them_is_imported():
    code = (
        "import sys, millwright.serving.server, millwright.serving.application;"
        "print([name for name in sys.modules if name.endswith('serving.tracing')"
        " or name.startswith('opentelemetry')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
