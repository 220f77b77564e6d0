"""Logged models and traces in MLflow's SQLite database."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from typing import Any

from millwright.tracking.exchange.records import CarriedLoggedModel, CarriedModelMetric
from millwright.tracking.exchange.source import SourceLoggedModel, SourceTrace
from millwright.tracking.exchange.trace_forms import span_content

Json = dict[str, Any]


def logged_models(db: sqlite3.Connection, experiment: int) -> Iterator[SourceLoggedModel]:
    """The logged models of an experiment, deleted ones too."""
    query = "SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms"
    for row in db.execute(query, [experiment]).fetchall():
        model = CarriedLoggedModel(
            id=row["model_id"],
            name=row["name"],
            model_type=row["model_type"],
            run=row["source_run_id"],
            status=row["status"] or 2,
            created_ms=row["creation_timestamp_ms"],
            updated_ms=row["last_updated_timestamp_ms"],
            deleted=row["lifecycle_stage"] == "deleted",
            params=_pairs(db, "logged_model_params", "param", row["model_id"]),
            tags=_pairs(db, "logged_model_tags", "tag", row["model_id"]),
            metrics=tuple(_metrics(db, row["model_id"])),
        )
        place = row["artifact_location"] or ""
        yield SourceLoggedModel(model, place, model.model_dump_json())


def traces(db: sqlite3.Connection, experiment: int, *, assessed: bool) -> Iterator[SourceTrace]:
    """The traces of an experiment without spans, oldest first."""
    query = "SELECT * FROM trace_info WHERE experiment_id = ? ORDER BY timestamp_ms, request_id"
    for row in db.execute(query, [experiment]).fetchall():
        known = set(row.keys())
        info: Json = {
            "trace_id": row["request_id"],
            "request_time": row["timestamp_ms"],
            "state": row["status"],
            "tags": _entries(db, "trace_tags", row["request_id"]),
            "trace_metadata": _entries(db, "trace_request_metadata", row["request_id"]),
        }
        if row["execution_time_ms"] is not None:
            info["execution_duration"] = f"{row['execution_time_ms'] / 1000:.3f}s"
        for name in ("client_request_id", "request_preview", "response_preview"):
            if name in known and row[name] is not None:
                info[name] = row[name]
        mark = json.dumps(info, sort_keys=True)
        if assessed:
            seen = db.execute(
                "SELECT COUNT(*), MAX(last_updated_timestamp) FROM assessments WHERE trace_id = ?",
                [row["request_id"]],
            ).fetchone()
            mark += repr(tuple(seen))
        yield SourceTrace(row["request_id"], mark, info)


def spans_and_assessments(
    db: sqlite3.Connection, trace: str, tables: set[str]
) -> tuple[tuple[Json, ...], list[Json]]:
    """What the database holds of a trace beside its facts."""
    spans: tuple[Json, ...] = ()
    if "spans" in tables:
        query = "SELECT content FROM spans WHERE trace_id = ? ORDER BY start_time_unix_nano"
        found = db.execute(query, [trace]).fetchall()
        spans = tuple(span_content(json.loads(row["content"])) for row in found if row["content"])
    if "assessments" not in tables:
        return spans, []
    query = "SELECT * FROM assessments WHERE trace_id = ? ORDER BY created_timestamp"
    return spans, [_assessment(row) for row in db.execute(query, [trace]).fetchall()]


def _assessment(row: sqlite3.Row) -> Json:
    value = json.loads(row["value"])
    kind = row["assessment_type"]
    held: Json = {"value": value}
    if kind == "expectation" and isinstance(value, dict | list):
        held = {
            "serialized_value": {
                "serialization_format": "JSON_FORMAT",
                "value": json.dumps(value),
            }
        }
    elif kind == "feedback" and row["error"]:
        held["error"] = json.loads(row["error"])
    elif kind == "issue":
        held = value if isinstance(value, dict) else {"issue_name": str(value)}
    said: Json = {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "source": {"source_type": row["source_type"], "source_id": row["source_id"] or ""},
        "create_time": row["created_timestamp"],
        "last_update_time": row["last_updated_timestamp"],
        "valid": bool(row["valid"]),
        kind: held,
    }
    for name in ("span_id", "rationale", "overrides"):
        if row[name]:
            said[name] = row[name]
    if row["assessment_metadata"]:
        said["metadata"] = json.loads(row["assessment_metadata"])
    return said


def _metrics(db: sqlite3.Connection, model: str) -> Iterator[CarriedModelMetric]:
    query = "SELECT * FROM logged_model_metrics WHERE model_id = ?"
    for row in db.execute(query, [model]):
        value = row["metric_value"]
        yield CarriedModelMetric(
            key=row["metric_name"],
            value=math.nan if value is None else value,
            time_ms=row["metric_timestamp_ms"],
            step=row["metric_step"],
            run=row["run_id"] or "",
            dataset_name=row["dataset_name"],
            dataset_digest=row["dataset_digest"],
        )


def _pairs(db: sqlite3.Connection, table: str, word: str, model: str) -> dict[str, str]:
    query = f"SELECT {word}_key, {word}_value FROM {table} WHERE model_id = ?"  # noqa: S608
    return {key: value or "" for key, value in db.execute(query, [model])}


def _entries(db: sqlite3.Connection, table: str, trace: str) -> dict[str, str]:
    query = f"SELECT key, value FROM {table} WHERE request_id = ? ORDER BY key"  # noqa: S608
    return {key: value or "" for key, value in db.execute(query, [trace])}
