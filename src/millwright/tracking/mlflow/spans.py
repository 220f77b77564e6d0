"""Spans by OpenTelemetry's protocol (OTLP/HTTP), from any exporter: ``/v1/traces``."""

from __future__ import annotations

import gzip
import io
import zlib

import msgspec

from millwright.kernel.access import Permission
from millwright.tracking.experiment_lookup import active_experiment
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, missing
from millwright.tracking.traces import ingest, service
from millwright.tracking.traces.otlp import OtlpSpan, from_json, from_protobuf
from millwright.tracking.traces.protobuf import Malformed, Unusable

endpoints = Endpoints()
MAX_BYTES = 64 << 20
MAX_INFLATED = 256 << 20
EXPERIMENT_HEADER = "x-mlflow-experiment-id"
RUN_HEADER = "x-mlflow-run-id"


class OtlpRefusal(MlflowError):
    """A refusal with its sentence under ``detail`` as well, where a stock server has it here."""

    def body(self) -> bytes:
        """The answer's JSON."""
        said = msgspec.json.decode(super().body(), type=dict[str, str])
        return msgspec.json.encode({**said, "detail": self.message})


@endpoints.post("/v1/traces", permission=Permission.WRITE, max_bytes=MAX_BYTES)
def export_traces(call: MlflowCall) -> Reply:
    """Take in spans; the header ``x-mlflow-experiment-id`` says of which experiment they are."""
    try:
        return _taken(call)
    except MlflowError as error:
        raise OtlpRefusal(error.code, error.message, error.status) from error


def _taken(call: MlflowCall) -> Reply:
    experiment_id = call.headers.get(EXPERIMENT_HEADER)
    if not experiment_id:
        refused = missing(EXPERIMENT_HEADER)
        raise MlflowError(refused.code, refused.message, status=422)
    spans = _decoded(call)
    if not spans:
        raise MlflowError("BAD_REQUEST", "Invalid OpenTelemetry format - no spans found")
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, experiment_id)
        finished = ingest.log_spans(tx, experiment, spans)
        run = call.headers.get(RUN_HEADER)
        if run and finished:
            service.link(tx, call.project, finished, "run", [run[:300]])
    # An empty ExportTraceServiceResponse has no bytes.
    return Reply(b"", headers={"content-type": "application/x-protobuf"})


def _decoded(call: MlflowCall) -> list[OtlpSpan]:
    kind = call.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in ("application/x-protobuf", "application/json"):
        raise MlflowError(
            "BAD_REQUEST",
            f"Invalid Content-Type: {kind[:100]}. Expected: application/x-protobuf or "
            "application/json",
        )
    body = _inflated(call)
    try:
        return from_json(body) if kind == "application/json" else from_protobuf(body)
    except Malformed as cause:
        if isinstance(cause, Unusable):
            text = f"Cannot convert OpenTelemetry span to MLflow span: {cause}"
            raise MlflowError("BAD_REQUEST", text, status=422) from cause
        text = f"Invalid OpenTelemetry format: {cause}"[:300]
        raise MlflowError("BAD_REQUEST", text) from cause


def _inflated(call: MlflowCall) -> bytes:
    encoding = call.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return call.body
    try:
        if encoding == "gzip":
            with gzip.GzipFile(fileobj=io.BytesIO(call.body)) as file:
                body = file.read(MAX_INFLATED + 1)
        elif encoding == "deflate":
            body = zlib.decompressobj().decompress(call.body, MAX_INFLATED + 1)
        else:
            raise MlflowError("BAD_REQUEST", f"Unsupported Content-Encoding: {encoding[:50]}")
    except (OSError, EOFError, zlib.error) as cause:
        raise MlflowError("BAD_REQUEST", f"Failed to decompress {encoding} payload") from cause
    if len(body) > MAX_INFLATED:
        raise MlflowError("BAD_REQUEST", "The decompressed payload is too large.", status=413)
    return body
