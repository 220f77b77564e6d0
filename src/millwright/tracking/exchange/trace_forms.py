"""Traces as older and newer MLflow wrote them down, in the one form that is carried over. Pure."""

from __future__ import annotations

import base64
import json
from typing import Any

from millwright.tracking.exchange.records import CarriedTrace

Json = dict[str, Any]
_STATES = {"TRACE_STATUS_UNSPECIFIED": "STATE_UNSPECIFIED"}
_CODES = {"UNSET": "STATUS_CODE_UNSET", "OK": "STATUS_CODE_OK", "ERROR": "STATUS_CODE_ERROR"}


def span_content(span: Json) -> Json:
    """A span of ``traces.json`` as it is stored: ids in base64, times in nanoseconds.

    MLflow before 3 wrote other names, MLflow 3.5 ids in hexadecimal.

    >>> old = {"name": "s", "context": {"trace_id": "0x01", "span_id": "0x02"}, "parent_id": None,
    ...        "start_time": 1, "end_time": 2, "status_code": "OK", "status_message": "",
    ...        "attributes": {}, "events": []}
    >>> found = span_content(old)
    >>> found["span_id"], found["status"]["code"], found["start_time_unix_nano"]
    ('AAAAAAAAAAI=', 'STATUS_CODE_OK', 1)
    """
    if "context" in span:
        context = span["context"]
        span = {
            "trace_id": context["trace_id"],
            "span_id": context["span_id"],
            "parent_span_id": span.get("parent_id"),
            "name": span["name"],
            "start_time_unix_nano": span["start_time"],
            "end_time_unix_nano": span.get("end_time"),
            "status": {
                "code": span.get("status_code", "UNSET"),
                "message": span.get("status_message") or "",
            },
            "attributes": span.get("attributes") or {},
            "events": [
                {
                    "name": event["name"],
                    "time_unix_nano": event.get("timestamp", 0),
                    "attributes": event.get("attributes") or {},
                }
                for event in span.get("events") or ()
            ],
        }
    status = span.get("status") or {}
    code = str(status.get("code", "STATUS_CODE_UNSET"))
    parent = span.get("parent_span_id")
    return {
        "trace_id": _base64(span["trace_id"], 16),
        "span_id": _base64(span["span_id"], 8),
        "parent_span_id": _base64(parent, 8) if parent else None,
        "name": str(span.get("name") or ""),
        "start_time_unix_nano": int(span["start_time_unix_nano"]),
        "end_time_unix_nano": int(span.get("end_time_unix_nano") or 0) or None,
        "events": span.get("events") or [],
        "status": {"code": _CODES.get(code, code), "message": status.get("message") or ""},
        "attributes": {str(k): _text(v) for k, v in (span.get("attributes") or {}).items()},
        "links": span.get("links") or [],
    }


def spans_of(text: bytes | str) -> tuple[Json, ...]:
    """The spans of a ``traces.json``; none where it is not one."""
    try:
        found = json.loads(text).get("spans", ())
        return tuple(span_content(span) for span in found)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()


def trace_v2(info: Json, spans: tuple[Json, ...]) -> CarriedTrace:
    """A trace from an older ``TraceInfo``."""
    state = str(info.get("status", "OK"))
    execution = info.get("execution_time_ms")
    return CarriedTrace(
        info={
            "trace_id": info["request_id"],
            "request_time": int(info.get("timestamp_ms", 0)),
            "state": _STATES.get(state, state),
            "trace_metadata": {p["key"]: p["value"] for p in info.get("request_metadata", ())},
            "tags": {p["key"]: p["value"] for p in info.get("tags", ())},
        },
        execution_ms=None if execution is None else int(execution),
        spans=spans,
    )


def _base64(identifier: str, size: int) -> str:
    text = str(identifier)
    if text.startswith("0x"):
        return base64.b64encode(int(text, 16).to_bytes(size, "big")).decode()
    if len(text) == 2 * size:
        return base64.b64encode(bytes.fromhex(text)).decode()
    base64.b64decode(text, validate=True)
    return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
