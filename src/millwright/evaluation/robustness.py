"""How much a model suffers when its inputs are disturbed as they are in practice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.evaluation.explanations import Predict
from millwright.evaluation.metrics import Metric, point_metric
from millwright.evaluation.observed import Observed
from millwright.kernel.config import RobustnessConfig
from millwright.kernel.encoding import from_arrow
from millwright.kernel.model_package import Field
from millwright.kernel.record import Record

ROWS = 5_000
_STEPS = (0.5, 1.0, 2.0)


class Disturbance(Record):
    """The metric on disturbed inputs."""

    kind: Literal["noise", "missing"]
    level: float
    """Noise in standard deviations of each number, or the share of values made missing."""
    configured: bool
    """Whether this is the level that the project file asks for; gates look at that one."""
    value: float
    drop: float
    """How much worse than on clean inputs; below zero it is better."""


def robustness(
    predict: Predict,
    table: pa.Table,
    fields: Sequence[Field],
    observed: Observed,
    metric: Metric,
    config: RobustnessConfig,
    *,
    rows: int = ROWS,
    seed: int = 7,
) -> tuple[Disturbance, ...]:
    """The metric under noise and under missing values, at half, once and twice the levels asked.

    Levels of zero are left out, and so is a metric that the rows leave undefined.
    """
    generator = np.random.default_rng(seed)
    part = table.select([field.name for field in fields])
    if len(observed) > rows:
        chosen = np.sort(generator.choice(len(observed), rows, replace=False))
        part, observed = part.take(chosen), observed.rows(chosen)
    clean = point_metric(metric, observed)
    found: list[Disturbance] = []
    for step in _STEPS:
        noise, missing = config.noise * step, min(config.missing * step, 1.0)
        changed: list[tuple[Literal["noise", "missing"], float, pa.Table]] = []
        if noise > 0:
            changed.append(("noise", noise, with_noise(part, fields, noise, generator)))
        if missing > 0:
            changed.append(("missing", missing, with_missing(part, fields, missing, generator)))
        for kind, level, disturbed in changed:
            prediction = predict(disturbed)
            seen = Observed(
                observed.task, observed.classes, observed.y, prediction, observed.threshold
            )
            value = point_metric(metric, seen)
            if np.isfinite(clean) and np.isfinite(value):
                found.append(
                    Disturbance(
                        kind=kind,
                        level=level,
                        configured=step == 1.0,
                        value=value,
                        drop=metric.sign * (clean - value),
                    )
                )
    return tuple(found)


def with_noise(
    table: pa.Table, fields: Sequence[Field], level: float, generator: np.random.Generator
) -> pa.Table:
    """The table with Gaussian noise of ``level`` standard deviations on every number."""
    for position, field in enumerate(fields):
        if field.kind == "numeric":
            values = from_arrow(table[field.name])
            known = values[np.isfinite(values)]
            spread = float(known.std()) if len(known) else 0.0
            noisy = values + generator.normal(scale=level * spread, size=len(values))
            column = pa.array(noisy, pa.float64(), mask=np.isnan(noisy))
            table = table.set_column(position, field.name, column)
    return table


def with_missing(
    table: pa.Table, fields: Sequence[Field], share: float, generator: np.random.Generator
) -> pa.Table:
    """The table with ``share`` of the values of every nullable field made null."""
    for position, field in enumerate(fields):
        if field.nullable:
            gone = pa.array(generator.random(table.num_rows) < share)
            column = table[field.name]
            emptied = pc.if_else(gone, pa.scalar(None, column.type), column)
            table = table.set_column(position, field.name, emptied)
    return table
