"""What is carried over: experiments and runs as both sides of the door know them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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


class CarriedUse(Record):
    """A logged model that a run read (``input``) or wrote (``output``)."""

    model: Annotated[str, Field(max_length=100)]
    direction: Literal["input", "output"]
    step: int = 0


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
    models: tuple[CarriedUse, ...] = ()


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


class CarriedTrace(Record):
    """A trace with its spans and what was said of it; ids stay what they were."""

    info: dict[str, Any]
    """MLflow's ``TraceInfoV3`` as JSON, without the place."""
    execution_ms: int | None = None
    """How long it took, where ``info`` does not say."""
    spans: tuple[dict[str, Any], ...] = ()
    """As ``traces.json`` has them."""


class CarriedTraces(Record):
    """Traces of an experiment."""

    experiment: Annotated[str, Field(min_length=1, max_length=500)]
    traces: Annotated[tuple[CarriedTrace, ...], Field(max_length=1_000)]


class CarriedModelMetric(Record):
    """What was measured of a logged model."""

    key: Key
    value: MetricValue
    time_ms: int
    step: int = 0
    run: Annotated[str, Field(max_length=32)] = ""
    dataset_name: Annotated[str, Field(max_length=500)] | None = None
    dataset_digest: Annotated[str, Field(max_length=36)] | None = None


class CarriedLoggedModel(Record):
    """A logged model of MLflow 3 with its files, which are stored already."""

    id: Annotated[str, Field(pattern=r"^m-[0-9a-f]{32}$")]
    name: Annotated[str, Field(min_length=1, max_length=500)]
    model_type: Annotated[str, Field(max_length=500)] | None = None
    run: Annotated[str, Field(max_length=256)] | None = None
    status: Annotated[int, Field(ge=1, le=3)] = 2
    created_ms: int
    updated_ms: int
    deleted: bool = False
    params: dict[Key, Words] = Field(default_factory=dict)
    tags: dict[Key, Words] = Field(default_factory=dict)
    metrics: tuple[CarriedModelMetric, ...] = ()
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(default_factory=dict)
    """Digests by name."""


class CarriedLoggedModels(Record):
    """Logged models of an experiment."""

    experiment: Annotated[str, Field(min_length=1, max_length=500)]
    models: Annotated[tuple[CarriedLoggedModel, ...], Field(max_length=100)]


class TakenCount(Record):
    """How many of what was carried over were new."""

    new: int
    refused: tuple[str, ...]
    """Ids that belong to another project already."""
