"""Predictions of other servers through the one door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from millwright.data import read_table
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.client import send_labels
from millwright.monitoring.external.records import (
    ExternalBatch,
    ExternalPrediction,
    PredictionsAccepted,
)

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table of predictions are called; all others are features."""

    identifier: str = "prediction_id"
    time: str = "event_time"
    score: str = "score"
    label: str | None = None
    latency: str | None = None
    truth: str | None = None


def send_predictions(
    door: Door, project: str, deployment: str, predictions: Sequence[ExternalPrediction]
) -> int:
    """Put predictions of another server into a deployment's log; how many are new in it."""
    path = f"/projects/{quote(project, safe='')}/deployments/{quote(deployment, safe='')}"
    accepted = 0
    for start in range(0, len(predictions), _BATCH):
        batch = ExternalBatch(predictions=tuple(predictions[start : start + _BATCH]))
        answer = door.post(f"{path}/predictions", batch)
        accepted += PredictionsAccepted.model_validate(answer).accepted
    return accepted


def send_table(
    door: Door,
    project: str,
    deployment: str,
    source: Any,
    named: Columns,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, int]:
    """A table of predictions, in any form that ``read_table`` takes, in batches.

    Returns:
        ``rows`` read, ``accepted`` ones that are new in the log, and ``labels`` sent.

    Raises:
        InvalidInput: a column is missing, or a row has no id or time.
    """
    table = read_table(source)
    missing = [
        name
        for name in (
            named.identifier,
            named.time,
            named.score,
            named.label,
            named.latency,
            named.truth,
        )
        if name is not None and name not in table.column_names
    ]
    if missing:
        raise InvalidInput(
            "monitoring.unknown_column",
            f"There is no column '{missing[0]}'.",
            hint=f"Say which it is; the table has: {', '.join(table.column_names[:20])}.",
            value=missing[0],
        )
    accepted = labels = 0
    for start in range(0, table.num_rows, _BATCH):
        rows = table.slice(start, _BATCH)
        accepted += send_predictions(door, project, deployment, _predictions(rows, named))
        if named.truth is not None:
            ids, truth = rows[named.identifier].to_pylist(), rows[named.truth].to_pylist()
            known = {str(i): t for i, t in zip(ids, truth, strict=True) if t is not None}
            labels += send_labels(door, project, deployment, known) if known else 0
        progress(min(start + _BATCH, table.num_rows), table.num_rows)
    return {"rows": table.num_rows, "accepted": accepted, "labels": labels}


def _predictions(rows: pa.Table, named: Columns) -> list[ExternalPrediction]:
    own = {named.identifier, named.time, named.score, named.label, named.latency, named.truth}
    found = []
    for row in rows.to_pylist():
        if row[named.identifier] is None or row[named.time] is None:
            raise InvalidInput(
                "monitoring.no_id", "A row has no id or no time.", hint="Leave such rows out."
            )
        found.append(
            ExternalPrediction(
                prediction_id=str(row[named.identifier]),
                event_time=_moment(row[named.time]),
                score=row[named.score],
                label=None if named.label is None else _said(row[named.label]),
                latency_ms=None if named.latency is None else row[named.latency],
                features={name: _plain(row[name]) for name in row if name not in own},
            )
        )
    return found


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else str(value)


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> bool | float | str | None:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
