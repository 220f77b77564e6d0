"""What an import of a DVC repository did, for people and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ImportedVersion:
    """A version that is here now."""

    dataset: str
    version: int
    path: str
    files: int
    size: int
    new: bool
    commit: str | None = None
    author: str | None = None
    date: str | None = None
    message: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingObject:
    """An object that could not be had, and the version that is not here because of it."""

    path: str
    commit: str | None
    md5: str
    file: str
    why: str


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """A stage of the pipeline, which DVC ran: its outputs are datasets, itself is only told of."""

    name: str
    command: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]


@dataclass(slots=True)
class ImportReport:
    """All of an import."""

    repository: str
    revision: str | None
    versions: list[ImportedVersion] = field(default_factory=list)
    missing: list[MissingObject] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    stages: list[PipelineStage] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Sentences on what DVC tracks and Millwright did not take (outputs kept in git)."""
    objects_linked: int = 0
    bytes_linked: int = 0
    objects_fetched: int = 0

    @property
    def complete(self) -> bool:
        """Whether every version that DVC knows is here."""
        return not self.missing and not self.unreadable

    @property
    def new(self) -> int:
        """How many versions were not here before."""
        return sum(version.new for version in self.versions)

    @property
    def datasets(self) -> list[str]:
        """The datasets, in order of their names."""
        return sorted({version.dataset for version in self.versions})

    def plain(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return asdict(self) | {
            "datasets": self.datasets,
            "new_versions": self.new,
            "complete": self.complete,
        }
