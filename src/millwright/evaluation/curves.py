"""What a page draws of an evaluation: calibration, ROC curve, confusion, residuals."""

from __future__ import annotations

import numpy as np

from millwright.evaluation.metrics import CALIBRATION_BINS, Weighted
from millwright.evaluation.observed import Observed
from millwright.kernel.record import Record

_ROC_POINTS = 60


class CalibrationBin(Record):
    """Rows with a similar stated probability, and how often the positive class came true."""

    low: float
    high: float
    rows: int
    predicted: float
    observed: float


class Curves(Record):
    """Points to draw; what does not apply to the task is empty."""

    calibration: tuple[CalibrationBin, ...] = ()
    roc: tuple[tuple[float, float], ...] = ()
    """False positive rate and true positive rate, from (0, 0) to (1, 1)."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows by true class (line) and predicted class (column)."""
    residuals: tuple[float, ...] = ()
    """Quantiles of prediction minus outcome at 0, 5, 10 … 100 %."""


def curves(observed: Observed) -> Curves:
    """Everything drawable of a task."""
    if observed.task == "regression":
        steps = np.linspace(0, 1, 21)
        quantiles = np.quantile(observed.prediction - observed.y, steps)
        return Curves(residuals=tuple(float(value) for value in quantiles))
    count = len(observed.classes)
    cells = np.bincount(observed.y * count + observed.labels, minlength=count * count)
    table = tuple(tuple(int(n) for n in line) for line in cells.reshape(count, count))
    if observed.task == "multiclass":
        return Curves(confusion=table)
    return Curves(calibration=calibration(observed), roc=_roc(observed), confusion=table)


def calibration(observed: Observed) -> tuple[CalibrationBin, ...]:
    """Stated and observed shares of the positive class in ten equal bins; empty ones left out."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins = np.minimum((observed.prediction * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return tuple(
        CalibrationBin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            rows=int((bins == i).sum()),
            predicted=float(observed.prediction[bins == i].mean()),
            observed=float((observed.y[bins == i] == 1).mean()),
        )
        for i in range(CALIBRATION_BINS)
        if (bins == i).any()
    )


def _roc(observed: Observed) -> tuple[tuple[float, float], ...]:
    positives, negatives = (
        line[0] for line in Weighted(observed, np.ones((1, len(observed)))).ranked
    )
    if not positives.sum() or not negatives.sum():
        return ()
    hits = np.concatenate([[0.0], np.cumsum(positives) / positives.sum()])
    false = np.concatenate([[0.0], np.cumsum(negatives) / negatives.sum()])
    keep = np.unique(np.linspace(0, len(hits) - 1, _ROC_POINTS).round().astype(int))
    return tuple((round(float(false[i]), 5), round(float(hits[i]), 5)) for i in keep)
