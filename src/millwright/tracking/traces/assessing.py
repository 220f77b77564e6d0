"""Assessments: feedback and expectations that people, code or judges give of a trace."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.errors import absent, bad_value, invalid, missing
from millwright.tracking.traces.service import find
from millwright.tracking.traces.tables import assessments
from millwright.tracking.traces.wire import Json, entries, finite, time_ms

KINDS = ("feedback", "expectation", "issue")
MAX_NAME = 250
MAX_VALUE = 10_000_000
SOURCE_RUN = "mlflow.assessment.sourceRunId"


def create(tx: Transaction, project: str, trace: str, sent: Json) -> Row[Any]:
    """Record an assessment; one that it overrides is no longer valid.

    Raises:
        MlflowError: the trace or the overridden assessment is not there, or a value is missing.
    """
    find(tx.connection, project, trace)
    values = values_of(sent, trace)
    if values["overrides"]:
        mine = (assessments.c.trace == trace, assessments.c.id == values["overrides"])
        if not tx.execute(update(assessments).where(*mine).values(valid=False)).rowcount:
            raise absent(
                f"Assessment with ID '{values['overrides']}' not found for trace '{trace}'"
            )
    tx.execute(insert(assessments).values(**values))
    payload = {"assessment": values["id"], "name": values["name"], "kind": values["kind"]}
    tx.event("trace.assessed", f"trace:{trace}", payload)
    return get(tx.connection, project, trace, values["id"])


def get(connection: Connection, project: str, trace: str, identifier: str) -> Row[Any]:
    """The row of an assessment; raises ``RESOURCE_DOES_NOT_EXIST``."""
    query = select(assessments).where(assessments.c.trace == trace, assessments.c.id == identifier)
    row: Row[Any] | None = connection.execute(query).first()
    find(connection, project, trace)
    if row is None:
        raise absent(f"Assessment with ID '{identifier[:100]}' not found for trace '{trace}'")
    return row


def change(
    tx: Transaction, project: str, trace: str, identifier: str, sent: Json, paths: list[str]
) -> Row[Any]:
    """Change what the mask names and leave the rest."""
    row = get(tx.connection, project, trace, identifier)
    values: dict[str, Any] = {}
    if "expectation" in paths and "feedback" in paths:
        raise invalid("Cannot specify both `expectation` and `feedback` parameters.")
    for kind, other in (("expectation", "Feedback"), ("feedback", "Expectation")):
        if kind in paths:
            if row.kind != kind:
                article = "an" if other == "Expectation" else "a"
                raise invalid(f"Cannot update {kind} value on {article} {other} assessment.")
            values |= _value(sent, kind)
    if "assessment_name" in paths:
        values["name"] = _name(sent)
    if "rationale" in paths:
        values["rationale"] = _text(sent, "rationale")
    if "valid" in paths:
        values["valid"] = bool(sent.get("valid"))
    if "metadata" in paths:
        known = json.loads(row.metadata) if row.metadata else {}
        fresh = entries(sent.get("metadata"), "metadata", MAX_VALUE)
        values["metadata"] = json.dumps({**known, **fresh}) if known or fresh else None
    values["updated_ms"] = clock.now_ms()
    tx.execute(update(assessments).where(assessments.c.id == identifier).values(**values))
    payload = {"assessment": identifier, "changed": sorted(paths)}
    tx.event("trace.assessment-changed", f"trace:{trace}", payload)
    return get(tx.connection, project, trace, identifier)


def remove(tx: Transaction, project: str, trace: str, identifier: str) -> None:
    """Remove an assessment; the one it overrode is valid again."""
    find(tx.connection, project, trace)
    mine = (assessments.c.trace == trace, assessments.c.id == identifier)
    row = tx.execute(select(assessments).where(*mine)).first()
    if row is None:
        return
    if row.overrides:
        earlier = (assessments.c.trace == trace, assessments.c.id == row.overrides)
        tx.execute(update(assessments).where(*earlier).values(valid=True))
    tx.execute(delete(assessments).where(*mine))
    tx.event("trace.assessment-removed", f"trace:{trace}", {"assessment": identifier})


def values_of(sent: Json, trace: str) -> dict[str, Any]:
    """The row that a sent assessment becomes."""
    kind = next((kind for kind in KINDS if sent.get(kind) is not None), None)
    if kind is None:
        raise invalid("Unknown assessment type: None")
    source = sent.get("source")
    if not isinstance(source, dict):
        source = {"source_type": "CODE" if kind == "feedback" else "HUMAN"}
    metadata = entries(sent.get("metadata"), "metadata", MAX_VALUE)
    now = clock.now_ms()
    created = sent.get("create_time")
    updated = sent.get("last_update_time")
    return {
        "id": f"a-{uuid.uuid4().hex}",
        "trace": trace,
        "span": _text(sent, "span_id", 50) or None,
        "name": _name(sent),
        "kind": kind,
        **_value(sent, kind),
        "source_type": str(source.get("source_type") or "SOURCE_TYPE_UNSPECIFIED")[:50],
        "source_id": str(source.get("source_id") or "")[:250],
        "run": (metadata.get(SOURCE_RUN) or "")[:32] or None,
        "rationale": _text(sent, "rationale") or None,
        "metadata": json.dumps(metadata) if metadata else None,
        "overrides": _text(sent, "overrides", 50) or None,
        "valid": bool(sent.get("valid", True)),
        "created_ms": time_ms(created, "create_time") if created else now,
        "updated_ms": time_ms(updated, "last_update_time") if updated else now,
    }


def _value(sent: Json, kind: str) -> dict[str, Any]:
    given = sent.get(kind)
    if not isinstance(given, dict):
        raise bad_value(kind, given)
    error = None
    if kind == "issue":
        value: Any = {"issue_name": str(given.get("issue_name", ""))}
    elif "serialized_value" in given:
        value = _deserialized(given["serialized_value"])
    else:
        value = given.get("value")
        error = given.get("error")
    text = json.dumps(value)
    if len(text) > MAX_VALUE:
        raise invalid(f"'{kind}' exceeds the maximum length of {MAX_VALUE} characters")
    if "\\u0000" in text:
        raise invalid(f"'{kind}' holds the character NUL.")
    return {
        "value": text,
        "number": finite(value),
        "error": json.dumps(error) if error else None,
    }


def _deserialized(given: Any) -> Any:
    form = given.get("serialization_format") if isinstance(given, dict) else None
    if form != "JSON_FORMAT":
        raise invalid(f"Unknown serialization format: {form}. Only JSON_FORMAT is supported.")
    try:
        return json.loads(given.get("value") or "null")
    except (ValueError, RecursionError, TypeError):
        raise bad_value("serialized_value", given) from None


def _name(sent: Json) -> str:
    name = sent.get("assessment_name")
    if not name:
        raise missing("assessment_name")
    if not isinstance(name, str) or len(name) > MAX_NAME or "\x00" in name:
        raise bad_value("assessment_name", name)
    return name


def _text(sent: Json, name: str, limit: int = MAX_VALUE) -> str | None:
    given = sent.get(name)
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > limit or "\x00" in given:
        raise bad_value(name, given)
    return given
