"""The columnar form of the prediction log: its schema, and requests as one Arrow table."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
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
    counts = [request.rows.count for request in requests]
    rows = sum(counts)
    alone = len(requests) == rows

    def each(values: Iterable[Any]) -> list[Any]:
        """What is said once of a request, for each of its rows."""
        if alone:
            return list(values)
        return [one for value, count in zip(values, counts, strict=True) for one in [value] * count]

    def row_by_row(values: Iterable[Sequence[Any] | None]) -> list[Any]:
        """What is said of every row, or of none."""
        if alone:
            return [value[0] if value else None for value in values]
        parts = (value or [None] * n for value, n in zip(values, counts, strict=True))
        return list(itertools.chain.from_iterable(parts))

    def of(outcomes: Sequence[Outcome | None], name: str) -> list[Any]:
        if not any(outcomes):
            return [None] * rows
        return row_by_row([getattr(found, name) if found else None for found in outcomes])

    def said(name: str) -> Iterable[Any]:
        return map(operator.attrgetter(name), requests)

    outcomes, shadows = list(said("outcome")), list(said("shadow"))
    times = (
        found if len(found) == count else list(found) * count
        for found, count in zip(said("event_times_us"), counts, strict=True)
    )
    return [
        row_by_row(said("prediction_ids")),
        each(said("request_id")),
        row_by_row(times),
        each(said("served_at_us")),
        each(said("variant")),
        each(said("version_id")),
        each(said("latency_us")),
        each(["ok" if found else "error" for found in outcomes]),
        of(outcomes, "scores"),
        of(outcomes, "probabilities"),
        of(outcomes, "labels"),
        each(said("shadow_version_id")),
        of(shadows, "scores"),
        of(shadows, "probabilities"),
    ]


def _feature_columns(requests: Sequence[Logged], schema: pa.Schema) -> list[list[Any]]:
    width = len(schema) - len(_FIXED)
    values = list(itertools.chain.from_iterable(request.rows.values for request in requests))
    return [values[index::width] for index in range(width)]
