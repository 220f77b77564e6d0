"""OpenLineage's events, as far as they are read and written here.

Source: ``OpenLineage.json``, version 2-0-2. Facets that are not known are let through unread, as the
specification asks of every consumer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from millwright.kernel.record import Record

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "https://millwright.dev/openlineage"
EventType = Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


Text = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_printable)]
Facets = dict[str, Any]


class _Open(Record):
    model_config = ConfigDict(extra="ignore")


class OpenDataset(_Open):
    """A dataset: a name that is unique in its namespace."""

    namespace: Text
    name: Text
    facets: Facets = Field(default_factory=dict)


class OpenJob(_Open):
    """A process that reads and writes datasets."""

    namespace: Text
    name: Text
    facets: Facets = Field(default_factory=dict)


class OpenRun(_Open):
    """One execution of a job."""

    runId: UUID  # noqa: N815 - as the specification spells it
    facets: Facets = Field(default_factory=dict)


class _Event(_Open):
    eventTime: datetime  # noqa: N815
    producer: Annotated[str, Field(max_length=2000)]
    schemaURL: Annotated[str, Field(max_length=2000)]  # noqa: N815


Datasets = Annotated[tuple[OpenDataset, ...], Field(max_length=500)]


class RunEvent(_Event):
    """What happened to a run of a job, and which datasets it read and wrote."""

    eventType: EventType = "OTHER"  # noqa: N815
    run: OpenRun
    job: OpenJob
    inputs: Datasets = ()
    outputs: Datasets = ()


class JobEvent(_Event):
    """What a job reads and writes, whether or not it ever ran: a design, a view, a query."""

    job: OpenJob
    inputs: Datasets = ()
    outputs: Datasets = ()


class DatasetEvent(_Event):
    """What is known of a dataset, whoever made it: its columns, and which others they come of."""

    dataset: OpenDataset


def _kind(sent: Any) -> str:
    """Which of the three an event is: they differ by what they name."""
    names = sent if isinstance(sent, dict) else getattr(sent, "__dict__", ())
    if "run" in names or not {"job", "dataset"} & set(names):
        return "run"
    return "job" if "job" in names else "dataset"


Incoming = Annotated[
    Annotated[RunEvent, Tag("run")]
    | Annotated[JobEvent, Tag("job")]
    | Annotated[DatasetEvent, Tag("dataset")],
    Discriminator(_kind),
]
"""An event as clients send it, of any kind."""


class Received(Record):
    """What an event became: the node of its job or dataset, and how many edges it has said."""

    node: str
    edges: int


class RunEvents(Record):
    """RunEvents made of the log, and where to go on reading it."""

    events: tuple[dict[str, Any], ...]
    next: int | None
    """Ask again with ``after`` this; None at the end of the log."""
