"""What was predicted and what came true, checked and brought into one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Observed:
    """Outcomes beside predictions, row by row.

    ``y`` holds class positions or numbers; ``prediction`` is P(positive) (n,), probabilities
    (n, k), or values (n,).
    """

    task: Task
    classes: tuple[str, ...]
    y: npt.NDArray[Any]
    prediction: Floats
    threshold: float = 0.5
    """P(positive) from which a binary prediction counts as positive."""

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def labels(self) -> Integers:
        """The predicted class positions."""
        if self.task == "binary":
            return (self.prediction >= self.threshold).astype(np.int64)
        return np.asarray(self.prediction.argmax(axis=1), dtype=np.int64)

    def rows(self, which: npt.NDArray[Any]) -> Observed:
        """Some of the rows, by mask or position."""
        y, prediction = self.y[which], self.prediction[which]
        return Observed(self.task, self.classes, y, prediction, self.threshold)

    def scores(self, position: int) -> Floats:
        """The probability of one class."""
        if self.task == "binary":
            return self.prediction if position == 1 else 1 - self.prediction
        return np.asarray(self.prediction[:, position])


def observe(
    task: Task,
    classes: Sequence[str],
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    threshold: float = 0.5,
) -> Observed:
    """Check outcomes and predictions and put them beside each other.

    Args:
        y: class labels (text) or positions, or numbers for regression.
        prediction: as ``Observed`` says.

    Raises:
        InvalidInput: shapes do not match, a value is not finite, or a label is no class.
    """
    values = np.asarray(prediction, dtype=np.float64)
    truth = _numbers(y) if task == "regression" else class_positions(y, classes)
    expected = (len(truth), len(classes)) if task == "multiclass" else (len(truth),)
    if values.shape != expected:
        raise InvalidInput(
            "evaluation.shape",
            f"The predictions have the shape {values.shape}, but {expected} was expected for "
            f"{len(truth)} {task} rows.",
            hint="Give one prediction per row, in the order of the outcomes.",
        )
    if len(truth) == 0:
        raise InvalidInput(
            "evaluation.no_rows",
            "There are no rows to evaluate on.",
            hint="Wait for labels, or widen the period.",
        )
    if not np.isfinite(values).all():
        raise InvalidInput(
            "evaluation.not_finite",
            "Some predictions are not finite numbers.",
            hint="Look for NaN or infinity in the model's inputs.",
        )
    return Observed(task, tuple(classes), truth, values, threshold)


def class_positions(labels: npt.ArrayLike, classes: Sequence[str]) -> Integers:
    """Labels (text, or positions already) as positions in ``classes``.

    >>> class_positions(["yes", "no"], ("no", "yes")).tolist()
    [1, 0]
    """
    values = np.asarray(labels)
    if values.dtype.kind in "OUS":
        known = {label: position for position, label in enumerate(classes)}
        values = np.asarray([str(value) for value in values], dtype=object)
        positions = np.asarray([known.get(value, -1) for value in values], dtype=np.int64)
    else:
        positions = values.astype(np.int64)
    wrong = (positions < 0) | (positions >= len(classes))
    if wrong.any():
        value = values[wrong][0]
        raise InvalidInput(
            "evaluation.unknown_class",
            f"The outcome '{value}' is none of the model's classes ({', '.join(classes[:10])}).",
            hint="Correct the label, or train again so that the model learns it.",
            value=str(value),
        )
    return positions


def _numbers(y: npt.ArrayLike) -> Floats:
    values = np.asarray(y, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InvalidInput(
            "evaluation.not_finite",
            "Some outcomes are not finite numbers.",
            hint="Leave out the rows whose outcome is unknown.",
        )
    return values
