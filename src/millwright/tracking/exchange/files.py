"""Reading an ``mlruns`` folder: one file per metric, parameter and tag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from millwright.kernel.errors import InvalidInput
from millwright.tracking.exchange import files_models
from millwright.tracking.exchange.records import CarriedPoint, CarriedRun, CarriedTrace
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

_META = "meta.yaml"
_NUMBERS = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")


class FilesSource:
    """A folder in which clients of MLflow logged without a server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not any((path / _META).exists() for path in folder.iterdir() if path.is_dir()):
            raise InvalidInput(
                "tracking.import_source",
                f"{folder} holds no experiments of MLflow.",
                hint="Give the folder that is named mlruns.",
                value=str(folder),
            )

    def experiments(self) -> list[SourceExperiment]:
        """All experiments, deleted ones too."""
        found = []
        for folder, deleted in self._experiment_folders():
            meta = _read_meta(folder)
            found.append(
                SourceExperiment(
                    id=str(meta.get("experiment_id", folder.name)),
                    name=str(meta.get("name", folder.name)),
                    created_ms=int(meta.get("creation_time") or 0),
                    deleted=deleted or meta.get("lifecycle_stage") == "deleted",
                    tags=files_models.texts(folder / "tags"),
                )
            )
        return found

    def runs(self, experiment: str) -> Iterator[SourceRun]:
        """All runs of an experiment, deleted ones too."""
        for folder, _ in self._experiment_folders():
            if str(_read_meta(folder).get("experiment_id", folder.name)) != experiment:
                continue
            for run in sorted(folder.iterdir()):
                if (run / _META).is_file():
                    meta = _read_meta(run)
                    newest = max(path.stat().st_mtime_ns for path in run.rglob("*"))
                    uri = str(meta.get("artifact_uri", ""))
                    yield SourceRun(run.name, uri, str(newest))

    def whole(self, run: SourceRun) -> CarriedRun:
        """A run with every point of every metric."""
        folder = self._run_folder(run.id)
        meta = _read_meta(folder)
        status = meta.get("status", 3)
        word = _NUMBERS[status - 1] if isinstance(status, int) else str(status)
        return CarriedRun(
            id=run.id,
            name=str(meta.get("run_name") or run.id),
            status=STATUS.get(word, "finished"),
            user=str(meta["user_id"]) if meta.get("user_id") else None,
            created_ms=int(meta.get("start_time") or 0),
            ended_ms=int(meta["end_time"]) if meta.get("end_time") else None,
            deleted=meta.get("lifecycle_stage") == "deleted",
            params=files_models.texts(folder / "params"),
            tags=files_models.texts(folder / "tags"),
            points=tuple(_points(folder / "metrics")),
        )

    def artifacts(self, run: SourceRun) -> Iterator[tuple[str, bytes | Path]]:
        """The run's files: beside its metrics, or where its URI says."""
        beside = self._run_folder(run.id) / "artifacts"
        there = local_path(run.artifact_uri) if run.artifact_uri else None
        kept_elsewhere = there is not None and there.is_dir() and there != beside
        yield from files_below(there if there is not None and kept_elsewhere else beside)

    def models(self) -> list[SourceModel]:
        """All registered models with their versions."""
        found = []
        root = self._folder / "models"
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if not (folder / _META).is_file():
                continue
            meta = _read_meta(folder)
            versions = []
            for inner in folder.glob("version-*"):
                one = _read_meta(inner)
                versions.append(
                    SourceVersion(
                        version=int(one["version"]),
                        source=str(one.get("source") or ""),
                        run=one.get("run_id") or None,
                        description=str(one.get("description") or ""),
                        tags=files_models.texts(inner / "tags"),
                    )
                )
            aliases = files_models.texts(folder / "aliases")
            found.append(
                SourceModel(
                    name=str(meta["name"]),
                    description=str(meta.get("description") or ""),
                    tags=files_models.texts(folder / "tags"),
                    aliases={alias: int(version) for alias, version in aliases.items()},
                    versions=sorted(versions, key=lambda version: version.version),
                )
            )
        return found

    def logged_models(self, experiment: str) -> Iterator[SourceLoggedModel]:
        """All logged models of an experiment."""
        for folder in self._folders_of(experiment):
            yield from files_models.logged_models(folder / "models")

    def model_files(self, model: SourceLoggedModel) -> Iterator[tuple[str, bytes | Path]]:
        """A logged model's files: beside what is known of it, or where its URI says."""
        for folder, _ in self._experiment_folders():
            beside = folder / "models" / model.model.id / "artifacts"
            if beside.is_dir():
                yield from files_below(beside)
                return
        there = local_path(model.artifact_uri) if model.artifact_uri else None
        yield from files_below(there) if there is not None else ()

    def traces(self, experiment: str) -> Iterator[SourceTrace]:
        """All traces of an experiment."""
        for folder in self._folders_of(experiment):
            yield from files_models.traces(folder / "traces")

    def whole_trace(self, trace: SourceTrace) -> CarriedTrace:
        """A trace with its spans and assessments."""
        for folder, _ in self._experiment_folders():
            beside = folder / "traces" / trace.id
            if beside.is_dir():
                return files_models.whole_trace(beside, trace)
        return CarriedTrace(info=trace.info)

    def _folders_of(self, experiment: str) -> Iterator[Path]:
        for folder, _ in self._experiment_folders():
            if str(_read_meta(folder).get("experiment_id", folder.name)) == experiment:
                yield folder

    def _experiment_folders(self) -> Iterator[tuple[Path, bool]]:
        for root, deleted in ((self._folder, False), (self._folder / ".trash", True)):
            for folder in sorted(root.iterdir()) if root.is_dir() else ():
                if (folder / _META).is_file() and folder.name != "models":
                    yield folder, deleted

    def _run_folder(self, run: str) -> Path:
        for folder, _ in self._experiment_folders():
            if (folder / run / _META).is_file():
                return folder / run
        raise InvalidInput("tracking.import_source", f"The run {run} is gone.", value=run)


def _points(folder: Path) -> Iterator[CarriedPoint]:
    for key, path in files_below(folder):
        for line in path.read_text("utf-8").splitlines():
            words = line.split()
            if len(words) >= 2:
                step = int(words[2]) if len(words) > 2 else 0
                yield CarriedPoint(key=key, value=float(words[1]), step=step, time_ms=int(words[0]))


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((folder / _META).read_text("utf-8"))
    except yaml.YAMLError as cause:
        raise InvalidInput(
            "tracking.import_source", f"{folder / _META} cannot be read: {cause}"
        ) from cause
    return found if isinstance(found, dict) else {}
