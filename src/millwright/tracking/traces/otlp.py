"""OpenTelemetry's export of spans (OTLP/HTTP), from Protocol Buffers and from JSON.

Pure. The messages are those of https://github.com/open-telemetry/opentelemetry-proto (trace/v1);
field numbers below are theirs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from millwright.tracking.traces.protobuf import (
    MAX_DEPTH,
    Malformed,
    Unusable,
    as_bytes,
    as_double,
    as_int,
    as_signed,
    as_text,
    fields,
)

MOST_SPANS = 50_000
_INT64 = 1 << 63


@dataclass(slots=True)
class Event:
    """Something that happened within a span."""

    name: str = ""
    time_ns: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Link:
    """A reference to a span of any trace; ids in hexadecimal."""

    trace: str = ""
    span: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class OtlpSpan:
    """One span as it was exported; ids in hexadecimal, times in nanoseconds since 1970."""

    trace: str = ""
    span: str = ""
    parent: str = ""
    name: str = ""
    start_ns: int = 0
    end_ns: int = 0
    status: int = 0
    message: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)


def from_protobuf(body: bytes) -> list[OtlpSpan]:
    """The spans of an ``ExportTraceServiceRequest``; raises ``Malformed``."""
    spans: list[OtlpSpan] = []
    for number, value in fields(body):
        if number == 1:
            _resource_spans(as_bytes(value), spans)
    return spans


def from_json(body: bytes) -> list[OtlpSpan]:
    """The spans of the same request in JSON, ids in hexadecimal; raises ``Malformed``."""
    try:
        data = json.loads(body)
        spans: list[OtlpSpan] = []
        for group in data.get("resourceSpans", []):
            resource = _json_attributes(group.get("resource", {}).get("attributes", []))
            for scope in group.get("scopeSpans", []):
                for each in scope.get("spans", []):
                    spans.append(_json_span(each, resource))
                    if len(spans) > MOST_SPANS:
                        raise Malformed(f"a request has at most {MOST_SPANS} spans")
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as cause:
        raise Malformed(str(cause)) from cause
    return spans


def _resource_spans(data: bytes, spans: list[OtlpSpan]) -> None:
    resource: dict[str, Any] = {}
    first = len(spans)
    for number, value in fields(data):
        if number == 1:
            for inner, attribute in fields(as_bytes(value)):
                if inner == 1:
                    _attribute(as_bytes(attribute), resource)
        elif number == 2:
            for inner, span in fields(as_bytes(value)):
                if inner == 2:
                    spans.append(_span(as_bytes(span)))
                    if len(spans) > MOST_SPANS:
                        raise Malformed(f"a request has at most {MOST_SPANS} spans")
    for each in spans[first:]:
        each.resource = resource


def _span(data: bytes) -> OtlpSpan:
    span = OtlpSpan()
    for number, value in fields(data):
        if number == 1:
            span.trace = as_bytes(value).hex()
        elif number == 2:
            span.span = as_bytes(value).hex()
        elif number == 4:
            span.parent = as_bytes(value).hex()
        elif number == 5:
            span.name = as_text(value)
        elif number == 7:
            span.start_ns = as_int(value)
        elif number == 8:
            span.end_ns = as_int(value)
        elif number == 9:
            _attribute(as_bytes(value), span.attributes)
        elif number == 11:
            span.events.append(_event(as_bytes(value)))
        elif number == 13:
            span.links.append(_link(as_bytes(value)))
        elif number == 15:
            _status(as_bytes(value), span)
    return _checked(span)


def _event(data: bytes) -> Event:
    event = Event()
    for number, value in fields(data):
        if number == 1:
            event.time_ns = as_int(value)
        elif number == 2:
            event.name = as_text(value)
        elif number == 3:
            _attribute(as_bytes(value), event.attributes)
    return event


def _link(data: bytes) -> Link:
    link = Link()
    for number, value in fields(data):
        if number == 1:
            link.trace = as_bytes(value).hex()
        elif number == 2:
            link.span = as_bytes(value).hex()
        elif number == 4:
            _attribute(as_bytes(value), link.attributes)
    return link


def _status(data: bytes, span: OtlpSpan) -> None:
    for number, value in fields(data):
        if number == 2:
            span.message = as_text(value)
        elif number == 3:
            span.status = as_int(value)


def _attribute(data: bytes, into: dict[str, Any], depth: int = 0) -> None:
    key, found = "", None
    for number, value in fields(data):
        if number == 1:
            key = as_text(value)
        elif number == 2:
            found = _any(as_bytes(value), depth + 1)
    into[key] = found


def _any(data: bytes, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Malformed("a value is nested too deeply")
    for number, value in fields(data):
        if number == 1:
            return as_text(value)
        if number == 2:
            return bool(as_int(value))
        if number == 3:
            return as_signed(value)
        if number == 4:
            return as_double(value)
        if number == 5:
            return [_any(as_bytes(v), depth + 1) for n, v in fields(as_bytes(value)) if n == 1]
        if number == 6:
            inner: dict[str, Any] = {}
            for n, entry in fields(as_bytes(value)):
                if n == 1:
                    _attribute(as_bytes(entry), inner, depth + 1)
            return inner
        if number == 7:
            return as_bytes(value).hex()
    return None


def _json_span(data: dict[str, Any], resource: dict[str, Any]) -> OtlpSpan:
    status = data.get("status") or {}
    code = status.get("code", 0)
    codes = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
    return _checked(
        OtlpSpan(
            trace=_hex(data.get("traceId", "")),
            span=_hex(data.get("spanId", "")),
            parent=_hex(data.get("parentSpanId") or ""),
            name=str(data.get("name", "")),
            start_ns=int(data.get("startTimeUnixNano", 0)),
            end_ns=int(data.get("endTimeUnixNano", 0) or 0),
            status=codes.get(code, 0) if isinstance(code, str) else int(code),
            message=str(status.get("message", "")),
            attributes=_json_attributes(data.get("attributes", [])),
            events=[
                Event(
                    str(each.get("name", "")),
                    int(each.get("timeUnixNano", 0)),
                    _json_attributes(each.get("attributes", [])),
                )
                for each in data.get("events", [])
            ],
            links=[
                Link(
                    _hex(each.get("traceId", "")),
                    _hex(each.get("spanId", "")),
                    _json_attributes(each.get("attributes", [])),
                )
                for each in data.get("links", [])
            ],
            resource=resource,
        )
    )


def _json_attributes(given: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(each["key"]): _json_any(each.get("value") or {}, 0) for each in given}


def _json_any(value: dict[str, Any], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Malformed("a value is nested too deeply")
    if "stringValue" in value:
        return str(value["stringValue"])
    if "boolValue" in value:
        return bool(value["boolValue"])
    if "intValue" in value:
        return int(value["intValue"])
    if "doubleValue" in value:
        return float(value["doubleValue"])
    if "arrayValue" in value:
        return [_json_any(each, depth + 1) for each in value["arrayValue"].get("values", [])]
    if "kvlistValue" in value:
        entries = value["kvlistValue"].get("values", [])
        return {str(e["key"]): _json_any(e.get("value") or {}, depth + 1) for e in entries}
    return value.get("bytesValue")


def _hex(text: str) -> str:
    return bytes.fromhex(text).hex()


def _checked(span: OtlpSpan) -> OtlpSpan:
    if len(span.trace) != 32 or len(span.span) != 16 or span.trace.strip("0") == "":
        raise Unusable("a span has no usable trace id and span id")
    if len(span.parent) not in (0, 16):
        raise Unusable("a span's parent has no usable id")
    if not (0 <= span.start_ns < _INT64 and 0 <= span.end_ns < _INT64):
        raise Unusable("a span's times are beyond their range")
    if span.parent.strip("0") == "":
        span.parent = ""
    return span
