"""The columnar form of the prediction log: its schema, and requests as one Arrow table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from millwright.kernel.model_package import Field
from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows

_TIME = pa.timestamp("us", tz="UTC")
_FIXED = [
    pa.field("prediction_id", pa.string(), nullable=False),
    pa.field("request_id", pa.string(), nullable=False),
    pa.field("event_time", _TIME, nullable=False),
    pa.field("served_at", _TIME, nullable=False),
    pa.field("variant", pa.string(), nullable=False),
    pa.field("version_id", pa.string(), nullable=False),
    pa.field("latency_us", pa.int64(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("score", pa.float64()),
    pa.field("scores", pa.list_(pa.float64())),
    pa.field("label", pa.string()),
    pa.field("shadow_version_id", pa.string()),
    pa.field("shadow_score", pa.float64()),
    pa.field("shadow_scores", pa.list_(pa.float64())),
]
FEATURE_PREFIX = "f."


class Logged(msgspec.Struct, frozen=True, gc=False):
    """One request of n rows that was answered, or failed, as the prediction log keeps it.

    Attributes:
        schema: columns of the generation that answered.
        event_times_us: one per row, or a single one for all; microseconds since the epoch.
        latency_us: of the whole request, in microseconds.
    """

    schema: pa.Schema
    request_id: str
    prediction_ids: Sequence[str]
    event_times_us: Sequence[int]
    served_at_us: int
    variant: str
    version_id: str
    latency_us: int
    rows: Rows
    outcome: Outcome | None
    """None where the model failed on a request that it had to take."""
    shadow_version_id: str | None
    shadow: Outcome | None


def segment_schema(fields: Iterable[Field]) -> pa.Schema:
    """The schema of segments that log these fields, each as ``f.<name>``."""
    features = [
        pa.field(
            f"{FEATURE_PREFIX}{field.name}",
            pa.string() if field.kind == "categorical" else pa.float64(),
        )
        for field in fields
    ]
    return pa.schema([*_FIXED, *features])


def to_table(requests: Sequence[Logged]) -> pa.Table:
    """Requests of the same schema as one table, a row per prediction, in the order given."""
    schema = requests[0].schema
    columns = [*_fixed_columns(requests), *_feature_columns(requests, schema)]
    arrays = [pa.array(column, type=f.type) for column, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _fixed_columns(requests: Sequence[Logged]) -> list[list[Any]]:
    """The columns of ``_FIXED``, in their order."""

    def each(read: Callable[[Logged], Any]) -> list[Any]:
        """What is said once of a request, for each of its rows."""
        if len(requests) == rows:
            return [read(request) for request in requests]
        return [value for r in requests for value in [read(r)] * r.rows.count]

    def row_by_row(read: Callable[[Logged], Sequence[Any] | None]) -> list[Any]:
        """What is said of every row, or of none."""
        found: list[Any] = []
        for request in requests:
            found += read(request) or [None] * request.rows.count
        return found

    rows = sum(request.rows.count for request in requests)
    return [
        row_by_row(lambda r: r.prediction_ids),
        each(lambda r: r.request_id),
        row_by_row(
            lambda r: (
                r.event_times_us
                if len(r.event_times_us) == r.rows.count
                else list(r.event_times_us) * r.rows.count
            )
        ),
        each(lambda r: r.served_at_us),
        each(lambda r: r.variant),
        each(lambda r: r.version_id),
        each(lambda r: r.latency_us),
        each(lambda r: "ok" if r.outcome else "error"),
        row_by_row(lambda r: r.outcome.scores if r.outcome else None),
        row_by_row(lambda r: r.outcome.probabilities if r.outcome else None),
        row_by_row(lambda r: r.outcome.labels if r.outcome else None),
        each(lambda r: r.shadow_version_id),
        row_by_row(lambda r: r.shadow.scores if r.shadow else None),
        row_by_row(lambda r: r.shadow.probabilities if r.shadow else None),
    ]


def _feature_columns(requests: Sequence[Logged], schema: pa.Schema) -> list[list[Any]]:
    width = len(schema) - len(_FIXED)
    values = list(itertools.chain.from_iterable(request.rows.values for request in requests))
    return [values[index::width] for index in range(width)]
