"""A span's three forms: as exported, as MLflow stores it, as its clients fetch it.

Pure. Stored is MLflow's own dictionary (``traces.json`` holds a list of them): attributes are JSON
texts, ids are base64. Fetched is OpenTelemetry's message as JSON.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from millwright.tracking.traces.conventions import SPAN_TYPE, translated
from millwright.tracking.traces.otlp import OtlpSpan

REQUEST_ID = "mlflow.traceRequestId"
TAG_PREFIX = "mlflow.traceTag."
COST = "mlflow.llm.cost"
_STATUS = ("STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR")
_SHORT = {"STATUS_CODE_UNSET": "UNSET", "STATUS_CODE_OK": "OK", "STATUS_CODE_ERROR": "ERROR"}
_PREVIEW = 1_000


def trace_id(span: OtlpSpan) -> str:
    """The id that MLflow gives the trace of a span."""
    return f"tr-{span.trace}"


def content_of(span: OtlpSpan) -> dict[str, Any]:
    """A span as it is stored."""
    attributes = {key: _text(value) for key, value in span.attributes.items()}
    attributes = translated(attributes)
    attributes[REQUEST_ID] = _text(trace_id(span))
    return {
        "trace_id": _base64(span.trace),
        "span_id": _base64(span.span),
        "parent_span_id": _base64(span.parent) if span.parent else None,
        "name": span.name,
        "start_time_unix_nano": span.start_ns,
        "end_time_unix_nano": span.end_ns or None,
        "events": [
            {"name": e.name, "time_unix_nano": e.time_ns, "attributes": e.attributes}
            for e in span.events
        ],
        "status": {"code": _STATUS[span.status if span.status < 3 else 0], "message": span.message},
        "attributes": attributes,
        "links": [
            {"trace_id": f"tr-{each.trace}", "span_id": each.span, "attributes": each.attributes}
            for each in span.links
        ],
    }


def proto_of(content: dict[str, Any]) -> dict[str, Any]:
    """A stored span as OpenTelemetry's message in JSON."""
    known: dict[str, Any] = {
        "trace_id": content["trace_id"],
        "span_id": content["span_id"],
        "name": content["name"],
        "start_time_unix_nano": content["start_time_unix_nano"],
        "attributes": _attributes({k: parsed(v) for k, v in content["attributes"].items()}),
        "status": content["status"],
    }
    if content.get("parent_span_id"):
        known["parent_span_id"] = content["parent_span_id"]
    if content.get("end_time_unix_nano"):
        known["end_time_unix_nano"] = content["end_time_unix_nano"]
    if content.get("events"):
        known["events"] = [
            {
                "name": event["name"],
                "time_unix_nano": event["time_unix_nano"],
                "attributes": _attributes(event["attributes"] or {}),
            }
            for event in content["events"]
        ]
    if content.get("links"):
        known["links"] = [
            {
                "trace_id": _base64(link["trace_id"].removeprefix("tr-")),
                "span_id": _base64(link["span_id"]),
                "attributes": _attributes(link.get("attributes") or {}),
            }
            for link in content["links"]
        ]
    return known


def short_status(content: dict[str, Any]) -> str:
    """``OK``, ``ERROR`` or ``UNSET``."""
    return _SHORT[content["status"]["code"]]


def span_type(content: dict[str, Any]) -> str:
    """What kind of work the span was, ``UNKNOWN`` where it does not say."""
    said = parsed(content["attributes"].get(SPAN_TYPE))
    return said[:500] if isinstance(said, str) else "UNKNOWN"


def preview(content: dict[str, Any], key: str) -> str | None:
    """The beginning of a span's inputs or outputs, for lists."""
    text = content["attributes"].get(key)
    if text is None:
        return None
    plain = parsed(text)
    shown = plain if isinstance(plain, str) else str(text)
    return shown if len(shown) <= _PREVIEW else shown[: _PREVIEW - 3] + "..."


def parsed(text: Any) -> Any:
    """What a JSON text says; the text itself where it is none."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def totals(contents: list[dict[str, Any]], key: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Sums of token counts or costs over the spans that no ancestor has counted already.

    >>> one = {"span_id": "a", "parent_span_id": None, "attributes": {"k": '{"n": 2}'}}
    >>> two = {"span_id": "b", "parent_span_id": "a", "attributes": {"k": '{"n": 2}'}}
    >>> totals([one, two], "k", ("n",))
    {'n': 2}
    """
    by_id = {each["span_id"]: each for each in contents}
    found: dict[str, Any] = {}
    for each in contents:
        said = _said(each, key)
        if said is None or _counted_above(each, by_id, key):
            continue
        for name in names:
            value = said.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if math.isfinite(value):
                found[name] = found.get(name, 0) + value
    return found


def _counted_above(content: dict[str, Any], by_id: dict[str, dict[str, Any]], key: str) -> bool:
    seen = set()
    parent = content.get("parent_span_id")
    while parent in by_id and parent not in seen:
        seen.add(parent)
        if _said(by_id[parent], key) is not None:
            return True
        parent = by_id[parent].get("parent_span_id")
    return False


def _said(content: dict[str, Any], key: str) -> dict[str, Any] | None:
    said = parsed(parsed(content["attributes"].get(key)))
    return said if isinstance(said, dict) else None


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any(value)} for key, value in values.items()]


def _any(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 63:
            return {"int_value": str(value)}
        return {"double_value": float(value)}
    if isinstance(value, float):
        special = {math.inf: "Infinity", -math.inf: "-Infinity"}
        return {"double_value": "NaN" if value != value else special.get(value, value)}
    if isinstance(value, list):
        return {"array_value": {"values": [_any(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlist_value": {"values": _attributes(value)}}
    return {}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _base64(identifier: str) -> str:
    return base64.b64encode(bytes.fromhex(identifier)).decode()
