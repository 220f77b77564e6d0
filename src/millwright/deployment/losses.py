"""The loss of each row of a trial, by task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from millwright.kernel.model_package import Task

Floats = npt.NDArray[np.float64]


def row_losses(
    task: Task,
    actual: Sequence[str | float | None] | Floats,
    predicted: npt.ArrayLike,
    classes: Sequence[str] = (),
) -> Floats:
    """The loss of each row.

    Binary: the Brier score (p − y)², ``predicted`` being P(the second class) and ``actual`` either
    class labels or 0/1 numbers. Multiclass: Σₖ (pₖ − yₖ)² / 2, ``predicted`` of shape (n, k).
    Regression: squared error. NaN where the label or the prediction is missing or not a class.
    """
    scores = np.asarray(predicted, dtype=np.float64)
    if task == "regression":
        squared: Floats = np.square(_numbers(actual) - scores)
        return squared
    if task == "binary":
        brier: Floats = np.square(_binary(actual, classes) - scores)
        return brier
    position = {label: index for index, label in enumerate(classes)}
    codes = np.array([position.get(str(value), -1) for value in actual], dtype=np.int64)
    truth = np.full((codes.size, len(classes)), np.nan)
    truth[codes >= 0] = np.eye(len(classes))[codes[codes >= 0]]
    several: Floats = np.square(truth - scores.reshape(truth.shape)).sum(axis=1) / 2.0
    return several


def _binary(actual: Sequence[str | float | None] | Floats, classes: Sequence[str]) -> Floats:
    if isinstance(actual, np.ndarray) and actual.dtype.kind in "fiub":
        return actual.astype(np.float64)
    position = {label: float(index) for index, label in enumerate(classes)}
    return np.array([position.get(str(value), math.nan) for value in actual], dtype=np.float64)


def _numbers(actual: Sequence[str | float | None] | Floats) -> Floats:
    return np.array([_number(value) for value in actual], dtype=np.float64)


def _number(value: str | float | None) -> float:
    try:
        return math.nan if value is None else float(value)
    except ValueError:
        return math.nan
