"""Logged models and traces in an ``mlruns`` folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from millwright.tracking.exchange.records import (
    CarriedLoggedModel,
    CarriedModelMetric,
    CarriedTrace,
)
from millwright.tracking.exchange.source import (
    SourceLoggedModel,
    SourceTrace,
    files_below,
    local_path,
)
from millwright.tracking.exchange.trace_forms import spans_of

Json = dict[str, Any]
_ASSESSED = ("feedback", "expectation", "issue")


def logged_models(folder: Path) -> Iterator[SourceLoggedModel]:
    """The logged models below a folder ``models`` of an experiment."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path / "meta.yaml").is_file():
            continue
        meta = _yaml(path / "meta.yaml")
        model = CarriedLoggedModel(
            id=path.name,
            name=str(meta.get("name") or path.name),
            model_type=meta.get("model_type"),
            run=meta.get("source_run_id"),
            status=int(meta.get("status") or 2),
            created_ms=int(meta.get("creation_timestamp") or 0),
            updated_ms=int(meta.get("last_updated_timestamp") or 0),
            deleted=meta.get("lifecycle_stage") == "deleted",
            params=texts(path / "params"),
            tags=texts(path / "tags"),
            metrics=tuple(_metrics(path / "metrics")),
        )
        yield SourceLoggedModel(
            model, str(meta.get("artifact_location") or ""), model.model_dump_json()
        )


def traces(folder: Path) -> Iterator[SourceTrace]:
    """The traces below a folder ``traces`` of an experiment."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path / "trace_info.yaml").is_file():
            continue
        meta = _yaml(path / "trace_info.yaml")
        newest = max(inner.stat().st_mtime_ns for inner in path.rglob("*"))
        info: Json = {
            "trace_id": str(meta.get("trace_id") or meta.get("request_id") or path.name),
            "request_time": meta.get("request_time") or int(meta.get("timestamp_ms") or 0),
            "state": str(meta.get("state") or meta.get("status") or "OK"),
            "tags": texts(path / "tags"),
            "trace_metadata": texts(path / "request_metadata"),
        }
        duration = meta.get("execution_duration_ms", meta.get("execution_time_ms"))
        if meta.get("execution_duration"):
            info["execution_duration"] = meta["execution_duration"]
        elif duration is not None:
            info["execution_duration"] = f"{int(duration) / 1000:.3f}s"
        for name in ("client_request_id", "request_preview", "response_preview"):
            if meta.get(name) is not None:
                info[name] = str(meta[name])
        yield SourceTrace(path.name, str(newest), info)


def whole_trace(folder: Path, trace: SourceTrace) -> CarriedTrace:
    """A trace with what lies in its folder."""
    kept = folder / "artifacts" / "traces.json"
    place = local_path(trace.info["tags"].get("mlflow.artifactLocation", "none://"))
    if not kept.is_file() and place is not None:
        kept = place / "traces.json"
    spans = spans_of(kept.read_bytes()) if kept.is_file() else ()
    said = []
    for path in sorted((folder / "assessments").glob("*.yaml")):
        known = _yaml(path)
        if any(known.get(kind) is not None for kind in _ASSESSED):
            said.append(known)
    return CarriedTrace(info={**trace.info, "assessments": said}, spans=spans)


def texts(folder: Path) -> dict[str, str]:
    """Small files by name, with what they say."""
    return {key: path.read_text("utf-8") for key, path in files_below(folder)}


def _metrics(folder: Path) -> Iterator[CarriedModelMetric]:
    for key, path in files_below(folder):
        for line in path.read_text("utf-8").splitlines():
            words = line.split()
            if len(words) < 4:
                continue
            yield CarriedModelMetric(
                key=key,
                value=float(words[1]),
                time_ms=int(words[0]),
                step=int(words[2]),
                run=words[3],
                dataset_name=words[4] if len(words) > 5 else None,
                dataset_digest=words[5] if len(words) > 5 else None,
            )


def _yaml(path: Path) -> Json:
    found = yaml.safe_load(path.read_text("utf-8"))
    return found if isinstance(found, dict) else {}
