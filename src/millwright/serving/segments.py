"""The columnar form of the prediction log: its schema, and requests as one Arrow table."""

from __future__ import annotations

import itertools
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
    """One answered request of n rows, as the prediction log keeps it.

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
    outcome: Outcome
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
    columns: dict[str, list[Any]] = {field.name: [] for field in _FIXED}
    for request in requests:
        _append(columns, request)
    features = schema.names[len(_FIXED) :]
    values = list(itertools.chain.from_iterable(request.rows.values for request in requests))
    for index, name in enumerate(features):
        columns[name] = values[index :: len(features)]
    return pa.Table.from_arrays(
        [pa.array(columns[field.name], type=field.type) for field in schema], schema=schema
    )


def _append(columns: dict[str, list[Any]], request: Logged) -> None:
    count = request.rows.count
    times = request.event_times_us
    columns["prediction_id"] += request.prediction_ids
    columns["event_time"] += times if len(times) == count else list(times) * count
    columns["request_id"] += [request.request_id] * count
    columns["served_at"] += [request.served_at_us] * count
    columns["variant"] += [request.variant] * count
    columns["version_id"] += [request.version_id] * count
    columns["latency_us"] += [request.latency_us] * count
    columns["status"] += ["ok"] * count
    columns["score"] += request.outcome.scores
    columns["scores"] += request.outcome.probabilities or [None] * count
    columns["label"] += request.outcome.labels or [None] * count
    columns["shadow_version_id"] += [request.shadow_version_id] * count
    shadow = request.shadow
    columns["shadow_score"] += shadow.scores if shadow else [None] * count
    columns["shadow_scores"] += (shadow and shadow.probabilities) or [None] * count
