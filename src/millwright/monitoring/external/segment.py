"""Predictions of other servers as a segment of the prediction log."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.monitoring.external.records import ExternalPrediction
from millwright.monitoring.parts import QUANTILE_PREFIX
from millwright.monitoring.segments import FEATURE_PREFIX

_TIME = pa.timestamp("us", tz="UTC")
_FIXED: dict[str, pa.DataType] = {
    "prediction_id": pa.string(),
    "request_id": pa.string(),
    "event_time": _TIME,
    "served_at": _TIME,
    "variant": pa.string(),
    "version_id": pa.string(),
    "latency_us": pa.int64(),
    "status": pa.string(),
    "score": pa.float64(),
    "scores": pa.list_(pa.float64()),
    "label": pa.string(),
}


def segment_of(
    predictions: Sequence[ExternalPrediction],
    fields: Sequence[Field],
    versions: Mapping[int | None, str],
    now_ms: int,
) -> pa.Table:
    """Posted predictions as the log keeps them.

    Args:
        predictions: at least one.
        fields: inputs of the model; other features are left out, and those that are not sent count
            as missing.
        versions: ids by number; that of the champion under None.
        now_ms: when they are taken in. What was served earlier counts as served at its event time,
            so that a time ahead of now does not move the log forward.

    Raises:
        InvalidInput: a time is none, a feature has a value of another kind, or a version is unknown.
    """
    columns: dict[str, list[Any]] = {name: [] for name in _FIXED}
    for row in predictions:
        moment = parse_rfc3339(row.event_time)
        if row.version not in versions:
            raise InvalidInput(
                "monitoring.unknown_version",
                f"The model has no version {row.version}.",
                hint="Register it first, or leave the version out.",
                value=row.version,
            )
        given = {
            "prediction_id": row.prediction_id,
            "request_id": row.request_id or row.prediction_id,
            "event_time": moment * 1000,
            "served_at": min(moment, now_ms) * 1000,
            "variant": "champion",
            "version_id": versions[row.version],
            "latency_us": round((row.latency_ms or 0.0) * 1000),
            "status": "ok",
            "score": _finite(row.score),
            "scores": None if row.scores is None else list(row.scores),
            "label": row.label,
        }
        for name, value in given.items():
            columns[name].append(value)
    arrays = {name: pa.array(values, _FIXED[name]) for name, values in columns.items()}
    for field in fields:
        arrays[f"{FEATURE_PREFIX}{field.name}"] = _feature(predictions, field)
    for level in sorted({level for row in predictions for level in row.quantiles}):
        values = [row.quantiles.get(level) for row in predictions]
        arrays[f"{QUANTILE_PREFIX}{_level(level)}"] = pa.array(values, pa.float64())
    return pa.table(arrays)


def _feature(predictions: Sequence[ExternalPrediction], field: Field) -> pa.Array:
    values = [row.features.get(field.name) for row in predictions]
    if field.kind == "categorical":
        return pa.array([None if v is None else _text(v) for v in values], pa.string())
    found: list[float | None] = []
    for value in values:
        try:
            found.append(None if value is None else float(value))
        except ValueError as cause:
            raise InvalidInput(
                "monitoring.no_number",
                f"The feature '{field.name}' is a number, and a prediction has '{value}'.",
                hint="Send what the model was given.",
                value=str(value)[:200],
            ) from cause
    return pa.array(found, pa.float64())


def _text(value: bool | float | str) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _level(text: str) -> str:
    try:
        level = float(text)
    except ValueError:
        level = math.nan
    if not 0.0 < level < 1.0:
        raise InvalidInput(
            "monitoring.no_level",
            f"'{text[:50]}' is no level of a quantile.",
            hint="Levels lie between 0 and 1, such as 0.9.",
            value=text[:50],
        )
    return f"{level:g}"
