"""Made-up flights whose weather turns warmer over the year, and models that were trained on them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.encoding import encode
from millwright.kernel.model_package import Field
from millwright.serving.segments import segment_schema
from millwright.training import TARGET, FittedModel, TaskSpec, fit_encoding

START = parse_rfc3339("2013-04-01T05:15:00Z")
WEEK = 7 * 86_400_000
SPEC = TaskSpec(task="binary", classes=("0", "1"))
FIELDS = (
    Field(name="distance", kind="numeric"),
    Field(name="temp", kind="numeric"),
    Field(name="wind_speed", kind="numeric"),
    Field(name="visibility", kind="numeric"),
    Field(name="carrier", kind="categorical"),
    Field(name="origin", kind="categorical"),
    Field(name="hour", kind="numeric"),
    Field(name="month", kind="numeric", monitored=False),
)
CARRIERS = ("UA", "B6", "EV", "DL", "AA", "MQ")
LATENESS = dict(zip(CARRIERS, (0.0, 0.2, 0.7, -0.4, -0.1, 0.5), strict=True))


def flights(rng: np.random.Generator, rows: int, season: float = 0.0) -> pa.Table:
    """Flights with their outcome; ``season`` moves weather and what lateness depends on."""
    table = {
        "distance": np.round(rng.gamma(3.0, 350.0, rows)),
        "temp": np.round(rng.normal(5 + 14 * season, 6, rows), 1),
        "wind_speed": np.round(rng.gamma(4.0, 2.5, rows), 1),
        "visibility": np.where(
            rng.random(rows) < 0.85, 10.0, np.round(rng.uniform(0, 10, rows), 1)
        ),
        "carrier": rng.choice(CARRIERS, rows, p=(0.24, 0.2, 0.2, 0.16, 0.12, 0.08)),
        "origin": rng.choice(("EWR", "JFK", "LGA"), rows, p=(0.36, 0.33, 0.31)),
        "hour": rng.integers(5, 23, rows).astype(float),
        "month": np.full(rows, round(1.0 + 6 * season)),
    }
    raw = (
        -2.2
        + 0.13 * (table["hour"] - 5)
        + 0.07 * (table["wind_speed"] - 10)
        - 0.1 * (table["visibility"] - 8)
        + np.array([LATENESS[name] for name in table["carrier"]]) * (1 - 0.6 * season)
        + 0.05 * season * (table["temp"] - 10)
    )
    late = (rng.random(rows) < 1 / (1 + np.exp(-raw))).astype(np.int64)
    missing = rng.random(rows) < 0.02
    table["wind_speed"] = np.where(missing, np.nan, table["wind_speed"])
    columns: dict[str, Any] = {
        name: pa.array(values, from_pandas=True) for name, values in table.items()
    }
    return pa.table({**columns, "late": late})


def with_time(table: pa.Table, first_ms: int, span_ms: int) -> pa.Table:
    """The flights spread evenly over a period."""
    times = np.linspace(first_ms, first_ms + span_ms, table.num_rows).astype(np.int64)
    return table.append_column("scheduled", pa.array(times).cast(pa.timestamp("ms", "UTC")))


def labelled(table: pa.Table) -> pa.Table:
    """The table as training and evaluation take it."""
    return table.append_column(TARGET, table["late"].cast(pa.string()))


def train(table: pa.Table, strength: float) -> FittedModel:
    """A logistic regression on the flights."""
    encoding = fit_encoding(table, FIELDS, "linear")
    estimator = LogisticRegression(C=strength, max_iter=200)
    estimator.fit(encode(table, encoding), table["late"].to_numpy())
    return FittedModel(
        task="binary",
        classes=SPEC.classes,
        family="linear",
        params={"C": strength, "max_iter": 200},
        encoding=encoding,
        estimator=estimator,
        fields=FIELDS,
    )


def segment(
    table: pa.Table,
    scores: np.ndarray,
    *,
    names: list[str],
    week: int,
    version: str,
    served_ms: int,
    rng: np.random.Generator,
) -> bytes:
    """A week of answered predictions as the inference server writes them."""
    rows = table.num_rows
    events = START + week * WEEK + np.sort(rng.integers(0, WEEK - 8 * 3_600_000, rows))
    columns: dict[str, Any] = {
        "prediction_id": names,
        "request_id": names,
        "event_time": events * 1000,
        "served_at": np.full(rows, served_ms * 1000),
        "variant": ["champion"] * rows,
        "version_id": [version] * rows,
        "latency_us": rng.gamma(6.0, 500.0, rows).astype(np.int64),
        "status": ["ok"] * rows,
        "score": scores,
        "label": np.where(scores >= 0.5, "1", "0").tolist(),
    }
    columns |= {f"f.{field.name}": table[field.name].to_pylist() for field in FIELDS}
    schema = segment_schema(FIELDS)
    nothing = [None] * rows
    made = pa.table(
        {f.name: pa.array(columns.get(f.name, nothing), f.type) for f in schema}, schema=schema
    )
    content = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(content, schema, options=options) as writer:
        writer.write_table(made)
    return content.getvalue()
