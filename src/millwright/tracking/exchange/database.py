"""Reading MLflow's SQLite database, which stays as it is."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from millwright.kernel.errors import InvalidInput
from millwright.tracking.exchange.database_models import (
    logged_models,
    spans_and_assessments,
    traces,
)
from millwright.tracking.exchange.records import (
    CarriedDataset,
    CarriedPoint,
    CarriedRun,
    CarriedTrace,
    CarriedUse,
)
from millwright.tracking.exchange.source import (
    STATUS,
    SourceExperiment,
    SourceLoggedModel,
    SourceModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
    files_below,
    local_path,
)
from millwright.tracking.exchange.trace_forms import spans_of

_PROXIED = "mlflow-artifacts:"


class DatabaseSource:
    """A database file of MLflow 2 or 3, opened for reading only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self._db.row_factory = sqlite3.Row
        try:
            tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master")}
        except sqlite3.DatabaseError:
            tables = set()
        if not {"experiments", "runs", "latest_metrics"} <= tables:
            raise InvalidInput(
                "tracking.import_source", f"{path} is not a database of MLflow.", value=str(path)
            )
        self._tables = tables

    def experiments(self) -> list[SourceExperiment]:
        """All experiments, deleted ones too."""
        tags = self._grouped("SELECT experiment_id AS owner, key, value FROM experiment_tags")
        return [
            SourceExperiment(
                id=str(row["experiment_id"]),
                name=row["name"],
                created_ms=row["creation_time"] or 0,
                deleted=row["lifecycle_stage"] == "deleted",
                tags=tags.get(row["experiment_id"], {}),
            )
            for row in self._db.execute("SELECT * FROM experiments ORDER BY experiment_id")
        ]

    def runs(self, experiment: str) -> Iterator[SourceRun]:
        """All runs of an experiment, deleted ones too, oldest first."""
        query = (
            "SELECT r.run_uuid, r.artifact_uri, r.status, r.end_time, r.lifecycle_stage, "
            "(SELECT COUNT(*) || '/' || COALESCE(MAX(timestamp), 0) || '/' || "
            "COALESCE(SUM(step), 0) FROM latest_metrics m WHERE m.run_uuid = r.run_uuid) AS seen, "
            "(SELECT COUNT(*) FROM tags t WHERE t.run_uuid = r.run_uuid) AS tags "
            "FROM runs r WHERE r.experiment_id = ? ORDER BY r.start_time, r.run_uuid"
        )
        for row in self._db.execute(query, [int(experiment)]).fetchall():
            state = (row["status"], row["end_time"], row["lifecycle_stage"])
            mark = repr((*state, row["seen"], row["tags"]))
            yield SourceRun(row["run_uuid"], row["artifact_uri"] or "", mark)

    def whole(self, run: SourceRun) -> CarriedRun:
        """A run with every point of every metric."""
        query = "SELECT * FROM runs WHERE run_uuid = ?"
        row = self._db.execute(query, [run.id]).fetchone()
        return CarriedRun(
            id=run.id,
            name=row["name"] or run.id,
            status=STATUS.get(row["status"], "finished"),
            user=row["user_id"] or None,
            created_ms=row["start_time"] or 0,
            ended_ms=row["end_time"],
            deleted=row["lifecycle_stage"] == "deleted",
            params=self._pairs("params", run.id),
            tags=self._pairs("tags", run.id),
            points=tuple(self._points(run.id)),
            datasets=tuple(self._datasets(run.id)),
            models=tuple(self._uses(run.id)),
        )

    def artifacts(self, run: SourceRun) -> Iterator[tuple[str, bytes | Path]]:
        """The files that lie on this machine: where the URI says, or in the server's usual place."""
        yield from self._files(run.artifact_uri)

    def logged_models(self, experiment: str) -> Iterator[SourceLoggedModel]:
        """All logged models of an experiment, deleted ones too."""
        if "logged_models" in self._tables:
            yield from logged_models(self._db, int(experiment))

    def model_files(self, model: SourceLoggedModel) -> Iterator[tuple[str, bytes | Path]]:
        """The files that lie on this machine, as ``artifacts`` finds them."""
        yield from self._files(model.artifact_uri)

    def traces(self, experiment: str) -> Iterator[SourceTrace]:
        """All traces of an experiment, oldest first."""
        if "trace_info" in self._tables:
            yield from traces(self._db, int(experiment), assessed="assessments" in self._tables)

    def whole_trace(self, trace: SourceTrace) -> CarriedTrace:
        """A trace with its spans, from the database or from ``traces.json``, and assessments."""
        spans, said = spans_and_assessments(self._db, trace.id, self._tables)
        if not spans:
            place = trace.info.get("tags", {}).get("mlflow.artifactLocation", "")
            for name, content in self._files(place):
                if name == "traces.json":
                    spans = spans_of(
                        content if isinstance(content, bytes) else content.read_bytes()
                    )
        return CarriedTrace(info={**trace.info, "assessments": said}, spans=spans)

    def models(self) -> list[SourceModel]:
        """All registered models with their versions."""
        if "registered_models" not in self._tables:
            return []
        tags = self._grouped("SELECT name AS owner, key, value FROM registered_model_tags")
        aliases = self._grouped(
            "SELECT name AS owner, alias AS key, version AS value FROM registered_model_aliases"
        )
        found = []
        for row in self._db.execute("SELECT * FROM registered_models ORDER BY name").fetchall():
            found.append(
                SourceModel(
                    name=row["name"],
                    description=row["description"] or "",
                    tags=tags.get(row["name"], {}),
                    aliases={k: int(v) for k, v in aliases.get(row["name"], {}).items()},
                    versions=list(self._versions(row["name"])),
                )
            )
        return found

    def _files(self, uri: str) -> Iterator[tuple[str, bytes | Path]]:
        if uri.startswith(_PROXIED):
            inner = uri.removeprefix(_PROXIED).lstrip("/")
            for name in ("mlartifacts", "artifacts", "mlruns"):
                folder = self._path.parent / name / inner
                if folder.resolve().is_relative_to(self._path.parent.resolve()):
                    yield from files_below(folder)
            return
        there = local_path(uri) if uri else None
        if there is not None:
            yield from files_below(there)

    def _uses(self, run: str) -> Iterator[CarriedUse]:
        if "inputs" not in self._tables:
            return
        columns = {row["name"] for row in self._db.execute("PRAGMA table_info(inputs)")}
        if "step" not in columns:
            return
        query = (
            "SELECT destination_type, destination_id, step FROM inputs WHERE source_id = ? "
            "AND destination_type IN ('MODEL_INPUT', 'MODEL_OUTPUT')"
        )
        for row in self._db.execute(query, [run]):
            way = "input" if row["destination_type"] == "MODEL_INPUT" else "output"
            yield CarriedUse.model_validate(
                {"model": row["destination_id"], "direction": way, "step": row["step"] or 0}
            )

    def _versions(self, model: str) -> Iterator[SourceVersion]:
        query = (
            "SELECT * FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal' "
            "ORDER BY version"
        )
        for row in self._db.execute(query, [model]).fetchall():
            tags = self._db.execute(
                "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?",
                [model, row["version"]],
            )
            yield SourceVersion(
                version=row["version"],
                source=row["source"] or "",
                run=row["run_id"] or None,
                description=row["description"] or "",
                tags={tag["key"]: tag["value"] or "" for tag in tags},
            )

    def _points(self, run: str) -> Iterator[CarriedPoint]:
        query = (
            "SELECT key, value, step, timestamp, is_nan FROM metrics WHERE run_uuid = ? "
            "ORDER BY key, step, timestamp"
        )
        for row in self._db.execute(query, [run]):
            value = math.nan if row["is_nan"] else row["value"]
            yield CarriedPoint(
                key=row["key"], value=value, step=row["step"], time_ms=row["timestamp"]
            )

    def _datasets(self, run: str) -> Iterator[CarriedDataset]:
        if "inputs" not in self._tables:
            return
        query = (
            "SELECT d.*, i.input_uuid FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id "
            "WHERE i.source_type = 'DATASET' AND i.destination_id = ?"
        )
        for row in self._db.execute(query, [run]).fetchall():
            tags = self._db.execute(
                "SELECT name, value FROM input_tags WHERE input_uuid = ?", [row["input_uuid"]]
            )
            yield CarriedDataset(
                name=row["name"],
                digest=row["digest"],
                source_type=row["dataset_source_type"],
                source=row["dataset_source"],
                schema_text=row["dataset_schema"],
                profile=row["dataset_profile"],
                tags={tag["name"]: tag["value"] for tag in tags},
            )

    def _pairs(self, table: str, run: str) -> dict[str, str]:
        query = f"SELECT key, value FROM {table} WHERE run_uuid = ? ORDER BY key"  # noqa: S608
        return {row["key"]: row["value"] or "" for row in self._db.execute(query, [run])}

    def _grouped(self, query: str) -> dict[Any, dict[str, str]]:
        found: dict[Any, dict[str, str]] = {}
        for row in self._db.execute(query):
            value = row["value"]
            found.setdefault(row["owner"], {})[row["key"]] = "" if value is None else str(value)
        return found
