"""Traces: begun, told, tagged, linked, deleted, and read as MLflow's clients read them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel.store import Transaction
from millwright.tracking.artifacts.files import location_of
from millwright.tracking.artifacts.paths import joined
from millwright.tracking.mlflow.errors import absent, invalid
from millwright.tracking.service.experiments import ExperimentRow
from millwright.tracking.tables import experiments
from millwright.tracking.traces.tables import (
    assessments,
    spans,
    trace_links,
    trace_metadata,
    trace_tags,
    traces,
)

ARTIFACT_LOCATION = "mlflow.artifactLocation"
SPANS_LOCATION = "mlflow.trace.spansLocation"
OUR_SPANS = "TRACKING_STORE"
TRACE_NAME = "mlflow.traceName"
SOURCE_RUN = "mlflow.sourceRun"
LINKED_PROMPTS = "mlflow.linkedPrompts"
SESSION = "mlflow.trace.session"
STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
MAX_KEY = 250
MAX_TAG = 8_000
MAX_METADATA = 10_000_000
MOST_ENTRIES = 1_000
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Told:
    """What a client says of a trace; times in milliseconds."""

    id: str
    timestamp_ms: int
    execution_ms: int | None
    state: str
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def record(tx: Transaction, experiment: ExperimentRow, told: Told, *, whole: bool) -> Row[Any]:
    """Record what a client says of a trace, new or known by its spans already.

    Raises:
        MlflowError: the trace is one of another project's.
    """
    known = _row(tx.connection, told.id)
    if known is not None and known.project != experiment.project:
        raise invalid(f"The trace ID '{told.id}' cannot be used.")
    values: dict[str, Any] = {
        "experiment_no": experiment.no,
        "timestamp_ms": told.timestamp_ms,
        "execution_ms": told.execution_ms,
        "status": told.state,
        "client_request_id": told.client_request_id,
        "told": whole,
    }
    for name in ("request_preview", "response_preview"):
        value = getattr(told, name)
        if value is not None or known is None:
            values[name] = value
    if known is None:
        tx.execute(insert(traces).values(id=told.id, project=experiment.project, **values))
        payload = {"experiment": experiment.id, "status": told.state}
        run = told.metadata.get(SOURCE_RUN)
        edges = [(f"run:{run}", f"trace:{told.id}")] if run else []
        tx.event("trace.recorded", f"trace:{told.id}", payload, edges=edges)
    else:
        tx.execute(update(traces).where(traces.c.id == told.id).values(**values))
        tx.event("trace.changed", f"trace:{told.id}", {"status": told.state})
    put_entries(tx, trace_metadata, told.id, told.metadata)
    place = {ARTIFACT_LOCATION: artifact_uri(experiment, told.id)}
    put_entries(tx, trace_tags, told.id, {**told.tags, **place})
    return find(tx.connection, experiment.project, told.id)


def end(
    tx: Transaction,
    project: str,
    identifier: str,
    *,
    timestamp_ms: int,
    state: str,
    metadata: dict[str, str],
    tags: dict[str, str],
) -> None:
    """End a trace that was begun in the older way."""
    row = find(tx.connection, project, identifier)
    values = {"execution_ms": timestamp_ms - row.timestamp_ms, "status": state}
    tx.execute(update(traces).where(traces.c.id == identifier).values(**values))
    put_entries(tx, trace_metadata, identifier, metadata)
    put_entries(tx, trace_tags, identifier, tags)
    tx.event("trace.ended", f"trace:{identifier}", {"status": state})


def find(connection: Connection, project: str, identifier: str) -> Row[Any]:
    """The row of a trace; raises ``RESOURCE_DOES_NOT_EXIST``."""
    row = _row(connection, identifier)
    if row is None or row.project != project:
        raise absent(f"Trace with ID '{identifier[:100]}' not found.")
    return row


def find_many(connection: Connection, project: str, identifiers: Sequence[str]) -> list[Row[Any]]:
    """The rows of those traces that exist, in the order asked for."""
    found: dict[str, Row[Any]] = {}
    wanted = list(dict.fromkeys(identifiers))
    for start in range(0, len(wanted), _BATCH):
        query = select(traces).where(
            traces.c.project == project, traces.c.id.in_(wanted[start : start + _BATCH])
        )
        found.update({row.id: row for row in connection.execute(query)})
    return [found[identifier] for identifier in wanted if identifier in found]


def set_tag(tx: Transaction, project: str, identifier: str, key: str, value: str) -> None:
    """Set a tag, replacing an earlier value."""
    find(tx.connection, project, identifier)
    put_entries(tx, trace_tags, identifier, {key: value})
    tx.event("trace.tag-set", f"trace:{identifier}", {"key": key})


def remove_tag(tx: Transaction, project: str, identifier: str, key: str) -> None:
    """Remove a tag; raises ``RESOURCE_DOES_NOT_EXIST`` where it is not set."""
    find(tx.connection, project, identifier)
    mine = (trace_tags.c.trace == identifier, trace_tags.c.key == key)
    if not tx.execute(delete(trace_tags).where(*mine)).rowcount:
        raise absent(f"No trace tag with key '{key}' for trace with ID '{identifier}'")
    tx.event("trace.tag-removed", f"trace:{identifier}", {"key": key})


def remove(
    tx: Transaction,
    project: str,
    experiment_no: int,
    *,
    until_ms: int | None,
    most: int | None,
    identifiers: Sequence[str],
) -> int:
    """Delete traces with everything said of them; how many there were.

    Raises:
        MlflowError: neither a time nor ids say which.
    """
    query = select(traces.c.id).where(
        traces.c.project == project, traces.c.experiment_no == experiment_no
    )
    if until_ms is not None:
        query = query.where(traces.c.timestamp_ms <= until_ms)
    if identifiers:
        query = query.where(traces.c.id.in_(list(identifiers)))
    if most is not None:
        query = query.order_by(traces.c.timestamp_ms, traces.c.id).limit(most)
    doomed = list(tx.execute(query).scalars())
    for start in range(0, len(doomed), _BATCH):
        batch = doomed[start : start + _BATCH]
        for table in (spans, trace_tags, trace_metadata, trace_links, assessments):
            tx.execute(delete(table).where(table.c.trace.in_(batch)))
        tx.execute(delete(traces).where(traces.c.id.in_(batch)))
    if doomed:
        payload = {"count": len(doomed), "first": doomed[0]}
        tx.event("trace.deleted", f"experiment:{experiment_no}", payload)
    return len(doomed)


def link(
    tx: Transaction, project: str, identifiers: Iterable[str], kind: str, targets: Iterable[str]
) -> None:
    """Link traces to a run, or to versions of prompts; those linked already stay so."""
    known = find_many(tx.connection, project, list(identifiers))
    wanted = {(row.id, kind, target) for row in known for target in targets}
    query = select(trace_links).where(
        trace_links.c.trace.in_([row.id for row in known]), trace_links.c.kind == kind
    )
    fresh = wanted - {(row.trace, row.kind, row.target) for row in tx.execute(query)}
    rows = [{"trace": t, "kind": k, "target": target} for t, k, target in sorted(fresh)]
    if rows:
        tx.execute(insert(trace_links), rows)
        named = {"run": "run", "prompt": "prompt-version"}[kind]
        edges = [(f"{named}:{row['target']}"[:200], f"trace:{row['trace']}") for row in rows]
        subject = f"trace:{rows[0]['trace']}"
        tx.event("trace.linked", subject, {"kind": kind, "count": len(rows)}, edges=edges)


def infos(
    connection: Connection, rows: Sequence[Row[Any]]
) -> list[tuple[Row[Any], str, dict[str, str], dict[str, str], list[Row[Any]]]]:
    """For each trace: its row, its experiment's id, metadata, tags and assessments."""
    ids = [row.id for row in rows]
    numbers = {row.experiment_no for row in rows}
    query = select(experiments.c.no, experiments.c.id).where(experiments.c.no.in_(numbers))
    named = {row.no: row.id for row in connection.execute(query)}
    metadata = _entries(connection, trace_metadata, ids)
    tags = _entries(connection, trace_tags, ids)
    said: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        asked = select(assessments).where(assessments.c.trace.in_(batch))
        ordered = asked.order_by(assessments.c.created_ms, assessments.c.id)
        for row in connection.execute(ordered):
            said[row.trace].append(row)
    return [
        (row, named[row.experiment_no], metadata[row.id], tags[row.id], said[row.id])
        for row in rows
    ]


def contents(connection: Connection, identifier: str) -> list[dict[str, Any]]:
    """The stored spans of a trace, roots first, then by their start."""
    query = (
        select(spans.c.content)
        .where(spans.c.trace == identifier)
        .order_by(spans.c.parent.is_not(None), spans.c.start_ns)
    )
    return [json.loads(content) for content in connection.execute(query).scalars()]


def artifact_uri(experiment: ExperimentRow, identifier: str) -> str:
    """Where clients put what belongs to a trace."""
    return joined(location_of(experiment).rstrip("/"), "traces", identifier, "artifacts")


def put_entries(tx: Transaction, table: Table, identifier: str, entries: Mapping[str, str]) -> None:
    """Set tags or metadata, replacing earlier values."""
    if not entries:
        return
    mine = (table.c.trace == identifier, table.c.key.in_(list(entries)))
    tx.execute(delete(table).where(*mine))
    rows = [{"trace": identifier, "key": key, "value": v} for key, v in entries.items()]
    tx.execute(insert(table), rows)


def _row(connection: Connection, identifier: str) -> Row[Any] | None:
    return connection.execute(select(traces).where(traces.c.id == identifier)).first()


def _entries(
    connection: Connection, table: Table, ids: list[str]
) -> defaultdict[str, dict[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for start in range(0, len(ids), _BATCH):
        query = select(table).where(table.c.trace.in_(ids[start : start + _BATCH]))
        for row in connection.execute(query.order_by(table.c.key)):
            found[row.trace][row.key] = row.value
    return found
