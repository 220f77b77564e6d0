"""Traces and assessments as JSON of MLflow's messages, old and new, in both directions."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from millwright.tracking.mlflow.errors import bad_value, invalid, missing
from millwright.tracking.traces.service import (
    MAX_KEY,
    MAX_METADATA,
    MAX_TAG,
    MOST_ENTRIES,
    STATES,
    Told,
)

Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,49}$")
_DURATION = re.compile(r"^(-?\d{1,12})(?:\.(\d{1,9}))?s$")
_MOST_MS = 253_402_300_799_999
_V2_STATUS = {
    "STATE_UNSPECIFIED": "TRACE_STATUS_UNSPECIFIED",
    "OK": "OK",
    "ERROR": "ERROR",
    "IN_PROGRESS": "IN_PROGRESS",
}
_V2_LIMITS = (250, 4096)


def told_of(info: Json) -> tuple[str, Told]:
    """What a ``TraceInfoV3`` says: the experiment's id, and the rest.

    Raises:
        MlflowError: something is missing or of another type.
    """
    location = _object(info.get("trace_location"), "trace_location")
    experiment = _object(location.get("mlflow_experiment"), "mlflow_experiment")
    identifier = trace_id(info.get("trace_id"))
    number = experiment.get("experiment_id")
    if number is None or number == "":
        raise missing("experiment_id")
    duration = info.get("execution_duration")
    told = Told(
        id=identifier,
        timestamp_ms=time_ms(info.get("request_time"), "request_time"),
        execution_ms=None if duration is None else duration_ms(duration),
        state=state(info.get("state")),
        client_request_id=_text(info, "client_request_id", 250),
        request_preview=_text(info, "request_preview", 1_000_000),
        response_preview=_text(info, "response_preview", 1_000_000),
        metadata=entries(info.get("trace_metadata"), "trace_metadata", MAX_METADATA),
        tags=entries(info.get("tags"), "tags", MAX_METADATA),
    )
    return str(number), told


def trace_id(given: object) -> str:
    """A trace's id, chosen by the client."""
    if given is None or given == "":
        raise missing("trace_id")
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise bad_value("trace_id", given)
    return given


def info_v3(
    row: Row[Any],
    experiment: str,
    metadata: dict[str, str],
    tags: dict[str, str],
    said: list[Row[Any]],
) -> Json:
    """A trace as ``TraceInfoV3``."""
    known: Json = {
        "trace_id": row.id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment},
        },
        "request_time": rfc3339(row.timestamp_ms),
        "state": row.status,
    }
    if row.execution_ms is not None:
        known["execution_duration"] = duration(row.execution_ms)
    for name in ("client_request_id", "request_preview", "response_preview"):
        if getattr(row, name) is not None:
            known[name] = getattr(row, name)
    if metadata:
        known["trace_metadata"] = metadata
    if tags:
        known["tags"] = tags
    if said:
        known["assessments"] = [assessment(each) for each in said]
    return known


def info_v2(row: Row[Any], experiment: str, metadata: dict[str, str], tags: dict[str, str]) -> Json:
    """A trace as the older ``TraceInfo``."""
    known: Json = {
        "request_id": row.id,
        "experiment_id": experiment,
        "timestamp_ms": row.timestamp_ms,
        "status": _V2_STATUS[row.status],
        "request_metadata": _short(metadata),
        "tags": _short(tags),
    }
    if row.execution_ms is not None:
        known["execution_time_ms"] = row.execution_ms
    return known


def assessment(row: Row[Any]) -> Json:
    """An assessment as its message."""
    value = json.loads(row.value)
    known: Json = {
        "assessment_id": row.id,
        "assessment_name": row.name,
        "trace_id": row.trace,
        "source": {"source_type": row.source_type, "source_id": row.source_id or ""},
        "create_time": rfc3339(row.created_ms),
        "last_update_time": rfc3339(row.updated_ms),
        "valid": row.valid,
    }
    if row.kind == "feedback":
        known["feedback"] = {"value": value}
        if row.error:
            known["feedback"]["error"] = json.loads(row.error)
    elif row.kind == "issue":
        known["issue"] = value
    elif isinstance(value, dict | list):
        known["expectation"] = {
            "serialized_value": {
                "serialization_format": "JSON_FORMAT",
                "value": json.dumps(value),
            }
        }
    else:
        known["expectation"] = {"value": value}
    for name, column in (("span_id", row.span), ("rationale", row.rationale)):
        if column is not None:
            known[name] = column
    if row.metadata:
        known["metadata"] = json.loads(row.metadata)
    if row.overrides:
        known["overrides"] = row.overrides
    return known


def state(given: object) -> str:
    """A trace's state, by name or number, old names too."""
    if given is None:
        return STATES[0]
    if isinstance(given, int) and 0 <= given < len(STATES):
        return STATES[given]
    word = str(given)
    if word == "TRACE_STATUS_UNSPECIFIED":
        return STATES[0]
    if word not in STATES:
        raise bad_value("state", given)
    return word


def time_ms(given: object, name: str) -> int:
    """Milliseconds since 1970 of a time written as RFC 3339, or of a number.

    >>> time_ms("2025-01-01T00:00:00.5Z", "t")
    1735689600500
    """
    if given is None:
        raise missing(name)
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= _MOST_MS:
        return given
    try:
        text = re.sub(r"(\.\d{6})\d+", r"\1", str(given))
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_value(name, given) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def duration_ms(given: object) -> int:
    """Milliseconds of a length such as ``1.5s``.

    >>> duration_ms("1.0025s")
    1002
    """
    found = _DURATION.match(str(given))
    if found is None:
        raise bad_value("execution_duration", given)
    thousandths = int((found[2] or "0").ljust(3, "0")[:3])
    return int(found[1]) * 1_000 + thousandths


def rfc3339(ms: int) -> str:
    """A time as Protocol Buffers write it in JSON.

    >>> rfc3339(1735689600500)
    '2025-01-01T00:00:00.500Z'
    """
    ms = max(-62_135_596_800_000, min(_MOST_MS, ms))
    moment = _EPOCH + timedelta(milliseconds=ms)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    return f"{text}.{ms % 1000:03d}Z" if ms % 1000 else f"{text}Z"


def duration(ms: int) -> str:
    """A length as Protocol Buffers write it in JSON.

    >>> duration(1500), duration(2000)
    ('1.500s', '2s')
    """
    seconds, rest = divmod(abs(ms), 1000)
    sign = "-" if ms < 0 else ""
    return f"{sign}{seconds}.{rest:03d}s" if rest else f"{sign}{seconds}s"


def entries(given: object, name: str, limit: int = MAX_TAG) -> dict[str, str]:
    """Tags or metadata, as an object or as a list of keys and values; checked."""
    if given is None:
        return {}
    if isinstance(given, list):
        pairs = {}
        for each in given:
            if not isinstance(each, dict) or not each.get("key"):
                raise missing("key")
            pairs[each["key"]] = each.get("value") or ""
        given = pairs
    if not isinstance(given, dict):
        raise bad_value(name, given)
    if len(given) > MOST_ENTRIES:
        raise invalid(f"'{name}' may hold at most {MOST_ENTRIES} entries.")
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise bad_value(name, {key: value})
        if len(key) > MAX_KEY:
            raise invalid(f"'key' exceeds the maximum length of {MAX_KEY} characters")
        if len(value) > limit:
            raise invalid(f"'value' exceeds the maximum length of {limit} characters")
        if "\x00" in key or "\x00" in value:
            raise invalid(f"'{name}' holds the character NUL.")
    return dict(given)


def finite(value: object) -> float | None:
    """A value as a number that can be compared; None where it is none.

    >>> finite(0.5), finite(True), finite("x"), finite(float("nan"))
    (0.5, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _short(values: dict[str, str]) -> list[Json]:
    key_limit, value_limit = _V2_LIMITS
    return [{"key": k[:key_limit], "value": v[:value_limit]} for k, v in values.items()]


def _object(given: object, name: str) -> Json:
    if given is None:
        raise missing(name)
    if not isinstance(given, dict):
        raise bad_value(name, given)
    return given


def _text(info: Json, name: str, limit: int) -> str | None:
    given = info.get(name)
    if given is None:
        return None
    if not isinstance(given, str):
        raise bad_value(name, given)
    if "\x00" in given:
        raise invalid(f"'{name}' holds the character NUL.")
    if len(given) > limit:
        raise invalid(f"'{name}' exceeds the maximum length of {limit} characters")
    return given
