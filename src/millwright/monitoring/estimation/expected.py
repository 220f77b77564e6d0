"""Metrics of a classifier as they are to be expected, where nobody knows the truth yet.

If the chance of each row being positive is p, the expected confusion matrix is a sum of chances
(confidence-based performance estimation), and the expected ROC curve follows from sorting once.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from millwright.monitoring.statistics.special import Floats

Metric = Literal["accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "brier"]
METRICS: tuple[Metric, ...] = (
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "brier",
)


def expected_metrics(chances: Floats, predicted: Floats, scores: Floats) -> dict[Metric, float]:
    """Each metric; NaN where it has no value (precision without a positive prediction).

    Args:
        chances: of being positive; 0 and 1 where the truth is known, which gives the realised ones.
        predicted: the classes given, 0 or 1.
        scores: what rows are ranked by.
    """
    rows = chances.size
    if rows == 0:
        return dict.fromkeys(METRICS, math.nan)
    positive = predicted > 0.5
    hits, all_positive = float(chances[positive].sum()), float(chances.sum())
    false_alarms = float(positive.sum()) - hits
    misses = all_positive - hits
    rejections = rows - hits - false_alarms - misses
    return {
        "accuracy": (hits + rejections) / rows,
        "precision": _ratio(hits, hits + false_alarms),
        "recall": _ratio(hits, all_positive),
        "specificity": _ratio(rejections, rows - all_positive),
        "f1": _ratio(2.0 * hits, 2.0 * hits + false_alarms + misses),
        "roc_auc": _area(chances, scores),
        "brier": float(np.mean((scores - chances) ** 2 + chances * (1.0 - chances))),
    }


def _area(chances: Floats, scores: Floats) -> float:
    order = np.argsort(scores, kind="stable")
    ordered, up = scores[order], chances[order]
    down = 1.0 - up
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    ups, downs = np.add.reduceat(up, starts), np.add.reduceat(down, starts)
    below = np.cumsum(downs) - downs / 2.0
    return _ratio(float(np.dot(ups, below)), float(up.sum() * down.sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan
