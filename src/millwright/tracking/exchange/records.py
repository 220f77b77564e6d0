"""What is carried over: experiments and runs as both sides of the door know them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from millwright.kernel.record import Record
from millwright.tracking.records import MetricValue, RunStatus

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
Words = Annotated[str, Field(max_length=20_000)]
Key = Annotated[str, Field(min_length=1, max_length=250)]


class CarriedPoint(Record):
    """A point of a metric."""

    key: Key
    value: MetricValue
    step: int = 0
    time_ms: int


class CarriedDataset(Record):
    """A dataset that a run names as its input."""

    name: Annotated[str, Field(max_length=500)]
    digest: Annotated[str, Field(max_length=36)]
    source_type: Annotated[str, Field(max_length=500)]
    source: str
    schema_text: str | None = None
    profile: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)


class CarriedRun(Record):
    """A run with all that was logged to it; its id stays what it was."""

    id: Id
    name: Words
    status: RunStatus
    user: Annotated[str, Field(max_length=256)] | None = None
    created_ms: int
    ended_ms: int | None = None
    deleted: bool = False
    params: dict[Key, Annotated[str, Field(max_length=10_000)]] = Field(default_factory=dict)
    tags: dict[Key, Words] = Field(default_factory=dict)
    points: tuple[CarriedPoint, ...] = ()
    datasets: tuple[CarriedDataset, ...] = ()


class CarriedExperiment(Record):
    """An experiment by its name, and some of its runs."""

    name: Annotated[str, Field(min_length=1, max_length=500)]
    created_ms: int
    deleted: bool = False
    artifact_location: Annotated[str, Field(max_length=2048)] | None = None
    tags: dict[Key, Words] = Field(default_factory=dict)
    runs: Annotated[tuple[CarriedRun, ...], Field(max_length=1_000)] = ()


class Taken(Record):
    """What was new of what was carried over."""

    experiment: str
    """The experiment's id here."""
    runs: int
    points: int
    refused: tuple[str, ...]
    """Ids of runs that belong to another project already."""
