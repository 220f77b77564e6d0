"""What is known of the source of a dataset."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.data.comparison.records import Cell
from millwright.kernel.record import Record

StateKind = Literal[
    "digest",
    "listing",
    "etag",
    "modified",
    "delta-version",
    "iceberg-snapshot",
    "maximum",
    "result",
    "dataset-version",
]


class SourceState(Record):
    """Which state a source was in: equal states hold the same data."""

    kind: StateKind
    value: Annotated[str, Field(max_length=500)]


class SourceOptions(Record):
    """What of a source is wanted, and how it is read."""

    kind: Literal["auto", "table", "files"] = "auto"
    table: Annotated[str, Field(max_length=300)] | None = None
    """A table of a database, ``schema.table`` or ``table``."""
    query: Annotated[str, Field(max_length=100_000)] | None = None
    """A query of a database; parameters are written ``:name`` and bound, never pasted."""
    parameters: dict[str, Cell] = Field(default_factory=dict)
    watch: Annotated[str, Field(max_length=300)] | None = None
    """A column whose greatest value tells whether the source changed."""
    config: Annotated[str, Field(max_length=300)] | None = None
    split: Annotated[str, Field(max_length=300)] | None = None
    """Configuration and split of a Hugging Face dataset."""


class NewSource(Record):
    """What is recorded with a version: where it came from, in which state that was."""

    url: Annotated[str, Field(max_length=2000)]
    """Free of secrets: credentials are named by environment variable, or come from it."""
    options: SourceOptions = SourceOptions()
    state: SourceState


class DatasetSource(Record):
    """The source of a dataset's version."""

    name: str
    version: int
    version_id: str
    url: str
    options: SourceOptions
    state: SourceState
    recorded_at: str
    recorded_by: str


class Observation(Record):
    """A state that a source was seen in."""

    state: SourceState


class Observed(Record):
    """Whether that is another one than the newest version came of."""

    changed: bool
    before: SourceState
