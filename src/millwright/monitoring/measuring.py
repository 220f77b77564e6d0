"""The evaluation room's metrics, as monitoring asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from millwright.evaluation import (
    METRICS,
    Metric,
    Observed,
    fairness_gaps,
    find_metric,
    intervals,
    observe,
    segments,
    slice_metrics,
)
from millwright.kernel.config import PerformanceConfig
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task
from millwright.monitoring.parts import Parts, logged_column
from millwright.monitoring.performance import Estimate, Floats, LabelledRows, WatchedModel
from millwright.monitoring.records import FairnessGap, SegmentEstimate

_COMPANIONS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "brier", "accuracy"),
    "multiclass": ("roc_auc_ovr", "accuracy", "macro_f1"),
    "regression": ("r2", "rmse", "mae"),
}
_GAP_RESAMPLES = 100
_MOST_ROWS = 20_000
"""Beyond this an even sample is measured: its interval is narrow already, and it must be quick."""


def measure(
    model: WatchedModel, actual: Floats, scores: Floats, metric: str
) -> tuple[Estimate, ...]:
    """The watched metric and its companions with 95 % bootstrap intervals.

    Metrics that these rows leave undefined (AUC with one class) are absent. An unknown ``metric``
    falls back on the task's default: a typing error must not stop monitoring.
    """
    watched = _watched(model, metric)
    if actual.size > _MOST_ROWS:
        kept = np.linspace(0, actual.size - 1, _MOST_ROWS).astype(np.int64)
        actual, scores = actual[kept], scores[kept]
    observed = _observed(model, actual, scores)
    names = dict.fromkeys((watched.name, *_COMPANIONS[model.task]))
    found = intervals(observed, [METRICS[name] for name in names])
    return tuple(
        Estimate(
            metric=name,
            value=interval.value,
            low=interval.low,
            high=interval.high,
            higher_is_better=METRICS[name].higher_is_better,
        )
        for name, interval in found.items()
    )


def divide(
    rows: pa.Table,
    labelled: LabelledRows,
    model: WatchedModel,
    asked: PerformanceConfig,
    closed: bool,
) -> Parts:
    """The watched metric in each segment asked for, and the gaps between groups of people.

    Columns that the log does not have are passed over.
    """
    if labelled.rows == 0:
        return Parts()
    kept = np.arange(labelled.rows)
    if labelled.rows > _MOST_ROWS:
        kept = np.linspace(0, labelled.rows - 1, _MOST_ROWS).astype(np.int64)
    observed = _observed(model, labelled.actual[kept], labelled.scores[kept])
    names = dict.fromkeys((*asked.segments, *(asked.fairness or ())))
    found = {name: logged_column(rows, name) for name in names}
    table = pa.table(
        {
            name: column.take(pa.array(labelled.positions[kept]))
            for name, column in found.items()
            if column is not None
        }
    )
    wanted = model.metric if asked.metric == "auto" and model.metric else asked.metric
    watched = _watched(model, wanted)
    divided = [name for name in asked.segments if name in table.column_names]
    groups = [name for name in asked.fairness or () if name in table.column_names]
    return Parts(
        segments=_segments(table, divided, observed, watched),
        fairness=tuple(
            gap for name in groups for gap in _gaps(table, name, observed, model, closed)
        ),
    )


def _segments(
    table: pa.Table, columns: Sequence[str], observed: Observed, watched: Metric
) -> tuple[SegmentEstimate, ...]:
    companions = dict.fromkeys((watched.name, *_COMPANIONS[observed.task]))
    return tuple(
        SegmentEstimate(
            column=part.column,
            name=part.name,
            rows=part.rows,
            metrics={name: part.metrics[name] for name in companions if name in part.metrics},
            low=part.low,
            high=part.high,
        )
        for part in slice_metrics(table, columns, observed, watched)
    )


def _gaps(
    table: pa.Table, column: str, observed: Observed, model: WatchedModel, closed: bool
) -> list[FairnessGap]:
    divided = segments(table, column)
    found = fairness_gaps(divided, observed)
    drawn: list[dict[str, float]] = []
    if closed and found:
        generator = np.random.default_rng(7)
        for _ in range(_GAP_RESAMPLES):
            chosen = generator.integers(0, len(observed), len(observed))
            part = replace(divided, positions=divided.positions[chosen])
            drawn.append(fairness_gaps(part, observed.rows(chosen)))
    gaps = []
    for name, value in found.items():
        values = [each[name] for each in drawn if name in each]
        low, high = np.percentile(values, (2.5, 97.5)) if values else (None, None)
        gaps.append(
            FairnessGap(
                column=column,
                gap=name,
                value=value,
                low=None if low is None else float(low),
                high=None if high is None else float(high),
                reference=model.fairness.get(column, {}).get(name),
            )
        )
    return gaps


def _watched(model: WatchedModel, metric: str) -> Metric:
    try:
        return find_metric(model.task, metric)
    except InvalidInput:
        return find_metric(model.task)


def _observed(model: WatchedModel, actual: Floats, scores: Floats) -> Observed:
    truth = actual if model.task == "regression" else actual.astype(np.int64)
    return observe(model.task, model.classes, truth, scores, model.threshold)
