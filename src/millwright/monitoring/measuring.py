"""The evaluation room's metrics, as monitoring asks for them."""

from __future__ import annotations

import numpy as np

from millwright.evaluation import METRICS, find_metric, intervals, observe
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task
from millwright.monitoring.performance import Estimate, Floats, WatchedModel

_COMPANIONS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "brier", "accuracy"),
    "multiclass": ("roc_auc_ovr", "accuracy", "macro_f1"),
    "regression": ("r2", "rmse", "mae"),
}
_MOST_ROWS = 20_000
"""Beyond this an even sample is measured: its interval is narrow already, and it must be quick."""


def measure(
    model: WatchedModel, actual: Floats, scores: Floats, metric: str
) -> tuple[Estimate, ...]:
    """The watched metric and its companions with 95 % bootstrap intervals.

    Metrics that these rows leave undefined (AUC with one class) are absent. An unknown ``metric``
    falls back on the task's default: a typing error must not stop monitoring.
    """
    try:
        watched = find_metric(model.task, metric)
    except InvalidInput:
        watched = find_metric(model.task)
    if actual.size > _MOST_ROWS:
        kept = np.linspace(0, actual.size - 1, _MOST_ROWS).astype(np.int64)
        actual, scores = actual[kept], scores[kept]
    truth = actual if model.task == "regression" else actual.astype(np.int64)
    observed = observe(model.task, model.classes, truth, scores, model.threshold)
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
