"""The records of tracking: runs, what is logged to them, and where they came from."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainSerializer

from millwright.kernel.config import Name
from millwright.kernel.record import Record

RunStatus = Literal["running", "finished", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"finished", "failed", "cancelled"})
ParamValue = bool | int | float | str | None


def _json_number(value: float) -> float | str:
    """JSON has no NaN or infinity; they travel as the words that ``float`` reads back."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


MetricValue = Annotated[
    float, PlainSerializer(_json_number, return_type=float | str, when_used="json")
]
"""A float; in JSON a number, or ``"NaN"``, ``"Infinity"``, ``"-Infinity"``."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


def _logical_name(text: str) -> str:
    parts = text.split("/")
    if "\\" in text or any(part in ("", ".", "..") for part in parts):
        raise ValueError("it must look like 'plots/roc.png': no leading /, no .., no backslash")
    return text


Key = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_printable)]
"""The name of a parameter, metric or tag."""
ArtifactName = Annotated[Key, AfterValidator(_logical_name)]
"""The logical name of an artifact. It is only ever a key in the database, never a path."""
MediaType = Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$")]
Text = Annotated[str, Field(max_length=10_000)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Step = Annotated[int, Field(ge=-(2**53), le=2**53)]


class CodeDetail(Record):
    """How code was started, and where it stands."""

    entry_point: Annotated[str, Field(max_length=1000)] | None = None
    """The script, by its path below the root of the code."""
    module: Annotated[str, Field(max_length=500)] | None = None
    """What ``python -m`` was given."""
    arguments: Annotated[
        tuple[Annotated[str, Field(max_length=10_000)], ...], Field(max_length=1000)
    ] = ()
    """What followed on the command line, secrets replaced by ``***``."""
    folder: Annotated[str, Field(max_length=1000)] = "."
    """The working directory, below the root."""
    remote: Annotated[str, Field(max_length=2000)] | None = None
    """Where the repository was cloned from, without a login."""
    files: Annotated[
        tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=1000)
    ] = ()
    """Loaded files that are in no commit; their bytes are artifacts below ``code/files/``."""


class CodeVersion(Record):
    """Which code ran. ``diff_digest`` names the uncommitted changes, so equal digests are equal
    code."""

    commit: str | None = None
    dirty: bool = False
    diff_digest: str | None = None
    detail: CodeDetail | None = None


class RunEnvironment(Record):
    """Where it ran; ``digest`` names an object with the sorted, pinned packages."""

    python: str
    platform: str
    cpus: int
    digest: str | None = None
    processor: str | None = None
    memory_bytes: int | None = None
    gpus: tuple[str, ...] = ()
    seeds: dict[str, int] = Field(default_factory=dict)
    """Seeds that were set when the run began, by what they seed (``numpy``, ``torch``,
    ``PYTHONHASHSEED``)."""


class FeatureSet(Record):
    """Columns that were computed from dataset versions; the same ones are the same node of the
    lineage graph."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    columns: Annotated[tuple[Annotated[str, Field(max_length=250)], ...], Field(max_length=10_000)]
    sources: tuple[Annotated[str, Field(max_length=100)], ...]
    """Ids of the dataset versions."""


class NewRun(Record):
    """A run about to start. Everything but the experiment may be left out."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Chosen by the caller, so that starting the same run again finds the run instead of making
    another."""
    experiment: Name = "default"
    name: Annotated[str, Field(max_length=200), AfterValidator(_printable)] | None = None
    parent: str | None = None
    seed: int | None = None
    inputs: tuple[str, ...] = ()
    """Ids of the dataset versions it reads."""
    features: FeatureSet | None = None
    """What it computed from them and learns from."""
    origin: Annotated[str, Field(pattern=r"^pipeline-run:[0-9a-f]{32}$")] | None = None
    """The pipeline run whose step started it."""
    code: CodeVersion | None = None
    environment: RunEnvironment | None = None
    command: Text | None = None
    params: dict[Key, ParamValue] = Field(default_factory=dict)
    tags: dict[Key, Text] = Field(default_factory=dict)


class RunPatch(Record):
    """What may change of a run. Giving an ended run another end is refused."""

    status: RunStatus | None = None
    name: Annotated[str, Field(max_length=200), AfterValidator(_printable)] | None = None
    error: Text | None = None


class Run(Record):
    """A run with its parameters, tags and the latest value of every metric."""

    id: str
    project: str
    experiment: str
    name: str
    status: RunStatus
    parent: str | None
    actor: str
    created_at: str
    ended_at: str | None
    duration_ms: int | None
    seed: int | None
    inputs: tuple[str, ...]
    code: CodeVersion | None
    environment: RunEnvironment | None
    command: str | None
    error: str | None
    params: dict[str, ParamValue]
    metrics: dict[str, MetricValue]
    tags: dict[str, str]


class RunPage(Record):
    """Some runs, and the token that asks for the next ones (None at the end)."""

    runs: tuple[Run, ...]
    next_page_token: str | None


class MetricPoint(Record):
    """One value of a metric. Without ``time_ms`` the server's clock is taken."""

    key: Key
    value: MetricValue
    step: Step = 0
    time_ms: int | None = None


class MetricBatch(Record):
    """Points logged together, in one transaction."""

    points: Annotated[tuple[MetricPoint, ...], Field(max_length=100_000)]


class Inputs(Record):
    """Ids of dataset versions that a run reads."""

    datasets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")], ...], Field(max_length=1000)
    ]


class Params(Record):
    """Parameters by name. A parameter keeps its first value; another one is refused."""

    params: dict[Key, ParamValue]


class Tags(Record):
    """Tags by name; a later value replaces an earlier one."""

    tags: dict[Key, Text]


class NewArtifact(Record):
    """An artifact whose bytes were stored as an object before."""

    name: ArtifactName
    digest: Digest
    media_type: MediaType = "application/octet-stream"


class Artifact(Record):
    """A logged artifact; ``size`` in bytes."""

    name: str
    digest: str
    size: int
    media_type: str
    created_at: str


class Logged(Record):
    """How many things were recorded."""

    count: int


def plain(value: Any) -> ParamValue:
    """A parameter value as JSON can hold it: numbers of any library as numbers, the rest as text.

    >>> plain(3), plain(True), plain((1, 2))
    (3, True, '(1, 2)')
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    number = getattr(value, "item", None)
    if callable(number) and getattr(value, "shape", None) == ():
        return plain(number())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)
