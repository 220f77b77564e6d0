"""Spans that come in by OpenTelemetry: stored, and their traces made or brought up to date."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.errors import invalid
from millwright.tracking.service.experiments import ExperimentRow
from millwright.tracking.traces import service
from millwright.tracking.traces.conventions import INPUTS, OUTPUTS, USAGE
from millwright.tracking.traces.otlp import OtlpSpan
from millwright.tracking.traces.span_forms import (
    COST,
    TAG_PREFIX,
    content_of,
    parsed,
    preview,
    short_status,
    span_type,
    totals,
    trace_id,
)
from millwright.tracking.traces.tables import spans, trace_metadata, trace_tags, traces

TOKENS = "mlflow.trace.tokenUsage"
TRACE_COST = "mlflow.trace.cost"
USER = "mlflow.trace.user"
_TOKEN_KEYS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_COST_KEYS = ("input_cost", "output_cost", "total_cost")
_BATCH = 200
MAX_SPAN_BYTES = 32 << 20


def log_spans(
    tx: Transaction, experiment: ExperimentRow, exported: Sequence[OtlpSpan]
) -> list[str]:
    """Store spans; ids of the traces whose root is among them.

    Raises:
        MlflowError: a trace with this id is another project's.
    """
    by_trace: defaultdict[str, list[OtlpSpan]] = defaultdict(list)
    for span in exported:
        by_trace[trace_id(span)].append(span)
    known = _known(tx, list(by_trace))
    rows = []
    finished = []
    for identifier, mine in by_trace.items():
        row = known.get(identifier)
        if row is not None and row.project != experiment.project:
            raise invalid(f"The trace ID '{identifier}' cannot be used.")
        stored = [content_of(span) for span in mine]
        rows += [_row(span, content) for span, content in zip(mine, stored, strict=True)]
        if any(not span.parent for span in mine):
            finished.append(identifier)
        if row is None:
            _begin(tx, experiment, identifier, mine)
    _put(tx, rows)
    for identifier, mine in by_trace.items():
        _update(tx, identifier, mine, known.get(identifier))
    return finished


def store_contents(tx: Transaction, identifier: str, contents: Sequence[dict[str, Any]]) -> None:
    """Store the spans of one trace in the form they are kept in, replacing those of the same id."""
    rows = []
    for content in contents:
        parent = content["parent_span_id"]
        rows.append(
            {
                "trace": identifier,
                "span": b64decode(content["span_id"]).hex(),
                "parent": b64decode(parent).hex() if parent else None,
                "name": content["name"].replace("\x00", "\ufffd"),
                "type": span_type(content).replace("\x00", "\ufffd"),
                "status": short_status(content),
                "start_ns": content["start_time_unix_nano"],
                "end_ns": content["end_time_unix_nano"],
                "content": _content_text(content),
            }
        )
    _put(tx, rows)
    if rows:
        service.put_entries(tx, trace_tags, identifier, {service.SPANS_LOCATION: service.OUR_SPANS})


def _known(tx: Transaction, identifiers: list[str]) -> dict[str, Row[Any]]:
    found = {}
    for start in range(0, len(identifiers), _BATCH):
        batch = identifiers[start : start + _BATCH]
        for row in tx.execute(select(traces).where(traces.c.id.in_(batch))):
            found[row.id] = row
    return found


def _begin(
    tx: Transaction, experiment: ExperimentRow, identifier: str, mine: list[OtlpSpan]
) -> None:
    told = service.Told(
        id=identifier,
        timestamp_ms=min(span.start_ns for span in mine) // 1_000_000,
        execution_ms=None,
        state="IN_PROGRESS",
    )
    service.record(tx, experiment, told, whole=False)


def _row(span: OtlpSpan, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "trace": trace_id(span),
        "span": span.span,
        "parent": span.parent or None,
        "name": span.name.replace("\x00", "\ufffd"),
        "type": span_type(content).replace("\x00", "\ufffd"),
        "status": short_status(content),
        "start_ns": span.start_ns,
        "end_ns": span.end_ns or None,
        "content": _content_text(content),
    }


def _content_text(content: dict[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False)
    if len(text) > MAX_SPAN_BYTES:
        raise invalid(f"A span is larger than {MAX_SPAN_BYTES >> 20} MiB.")
    # PostgreSQL has no such character in text.
    return text.replace("\\u0000", "\\ufffd")


def _put(tx: Transaction, rows: list[dict[str, Any]]) -> None:
    latest = {(row["trace"], row["span"]): row for row in rows}
    by_trace: defaultdict[str, list[str]] = defaultdict(list)
    for trace, span in latest:
        by_trace[trace].append(span)
    for trace, mine in by_trace.items():
        for start in range(0, len(mine), _BATCH):
            batch = mine[start : start + _BATCH]
            tx.execute(delete(spans).where(spans.c.trace == trace, spans.c.span.in_(batch)))
    if latest:
        tx.execute(insert(spans), list(latest.values()))


def _update(tx: Transaction, identifier: str, mine: list[OtlpSpan], known: Row[Any] | None) -> None:
    stored = service.contents(tx.connection, identifier)
    row = tx.execute(select(traces).where(traces.c.id == identifier)).one()
    changes: dict[str, Any] = {}
    if not row.told:
        start = min(content["start_time_unix_nano"] for content in stored) // 1_000_000
        ends = [c["end_time_unix_nano"] for c in stored if c["end_time_unix_nano"]]
        changes["timestamp_ms"] = start
        if ends:
            changes["execution_ms"] = max(ends) // 1_000_000 - start
    root = next((content for content in stored if not content["parent_span_id"]), None)
    if root is not None:
        if row.status in ("IN_PROGRESS", "STATE_UNSPECIFIED"):
            changes["status"] = "ERROR" if short_status(root) == "ERROR" else "OK"
        for column, key in (("request_preview", INPUTS), ("response_preview", OUTPUTS)):
            if getattr(row, column) is None:
                changes[column] = preview(root, key)
    if changes:
        tx.execute(update(traces).where(traces.c.id == identifier).values(**changes))
    service.put_entries(tx, trace_tags, identifier, _tags(mine, root))
    service.put_entries(tx, trace_metadata, identifier, _metadata(tx, identifier, stored, row))


def _tags(mine: list[OtlpSpan], root: dict[str, Any] | None) -> dict[str, str]:
    found = {}
    for span in mine[:1]:
        for key, value in span.resource.items():
            if not key.startswith(("telemetry.sdk.", "mlflow.")) and _usable(key):
                found[key] = value if isinstance(value, str) else json.dumps(value)
    if root is not None:
        for key, value in root["attributes"].items():
            name = key.removeprefix(TAG_PREFIX)
            if key.startswith(TAG_PREFIX) and _usable(name):
                found[name] = str(parsed(value))
    kept = {k: v[: service.MAX_TAG].replace("\x00", "\ufffd") for k, v in found.items()}
    return {**kept, service.SPANS_LOCATION: service.OUR_SPANS}


def _metadata(
    tx: Transaction, identifier: str, stored: list[dict[str, Any]], row: Row[Any]
) -> dict[str, str]:
    found: dict[str, str] = {}
    tokens = totals(stored, USAGE, _TOKEN_KEYS)
    cost = totals(stored, COST, _COST_KEYS)
    if tokens:
        found[TOKENS] = json.dumps(tokens)
    if cost:
        found[TRACE_COST] = json.dumps(cost)
    for key, names in (
        (service.SESSION, ("session.id", "gen_ai.conversation.id")),
        (USER, ("user.id",)),
    ):
        said = [parsed(c["attributes"][n]) for c in stored for n in names if n in c["attributes"]]
        if said:
            found[key] = str(said[0])[:1_000]
    table = trace_metadata.c
    query = select(table.key).where(table.trace == identifier, table.key.in_(list(found)))
    # What the client told of the whole trace is not overruled by sums over its spans.
    told = set(tx.execute(query).scalars())
    protected = told if row.told else told & {service.SESSION, USER}
    return {key: value for key, value in found.items() if key not in protected}


def _usable(key: str) -> bool:
    return 0 < len(key) <= service.MAX_KEY and key.isprintable()
