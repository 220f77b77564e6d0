"""Where runs are carried over from: one way to read, whichever form MLflow keeps them in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from millwright.tracking.exchange.records import CarriedLoggedModel, CarriedRun, CarriedTrace
from millwright.tracking.records import RunStatus

STATUS: dict[str, RunStatus] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "cancelled",
}
"""A run's status in our words."""
LOGGED_STATUS = {
    "LOGGED_MODEL_PENDING": 1,
    "LOGGED_MODEL_READY": 2,
    "LOGGED_MODEL_UPLOAD_FAILED": 3,
}
"""A logged model's status by its number."""


@dataclass(frozen=True, slots=True)
class SourceExperiment:
    """An experiment there."""

    id: str
    name: str
    created_ms: int
    deleted: bool
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run there, without its history; ``mark`` changes when the run does."""

    id: str
    artifact_uri: str
    mark: str


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version of a registered model there."""

    version: int
    source: str
    run: str | None
    description: str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A registered model there."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, int]
    versions: list[SourceVersion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """A trace there, without its spans; ``mark`` changes when the trace does."""

    id: str
    mark: str
    info: dict[str, Any]
    """As the source has it."""


@dataclass(frozen=True, slots=True)
class SourceLoggedModel:
    """A logged model there, without its files."""

    model: CarriedLoggedModel
    artifact_uri: str
    mark: str


class Source(Protocol):
    """An MLflow installation that is read."""

    def experiments(self) -> list[SourceExperiment]:
        """All experiments, deleted ones too."""

    def runs(self, experiment: str) -> Iterator[SourceRun]:
        """All runs of an experiment, deleted ones too."""

    def whole(self, run: SourceRun) -> CarriedRun:
        """A run with everything that was logged to it."""

    def artifacts(self, run: SourceRun) -> Iterator[tuple[str, bytes | Path]]:
        """The run's files by name, as bytes or as the place where they are."""

    def models(self) -> list[SourceModel]:
        """All registered models with their versions."""

    def logged_models(self, experiment: str) -> Iterator[SourceLoggedModel]:
        """All logged models of an experiment, deleted ones too where they can be seen."""

    def model_files(self, model: SourceLoggedModel) -> Iterator[tuple[str, bytes | Path]]:
        """A logged model's files by name."""

    def traces(self, experiment: str) -> Iterator[SourceTrace]:
        """All traces of an experiment, oldest first."""

    def whole_trace(self, trace: SourceTrace) -> CarriedTrace:
        """A trace with its spans and assessments."""


def local_path(uri: str) -> Path | None:
    """The folder that an artifact URI means on this machine, if it means one.

    >>> local_path("file:///a/b"), local_path("/a b"), local_path("s3://a/b")
    (PosixPath('/a/b'), PosixPath('/a b'), None)
    """
    from urllib.parse import unquote, urlsplit

    if uri.startswith("file:"):
        return Path(unquote(urlsplit(uri).path))
    return None if "://" in uri or uri.startswith("mlflow-artifacts:") else Path(uri)


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder with its name there; links that lead out are left out."""
    if not folder.is_dir():
        return
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.resolve().is_relative_to(root):
            yield path.relative_to(folder).as_posix(), path
