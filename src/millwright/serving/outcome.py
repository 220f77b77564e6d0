"""What a model said about rows, in the terms callers and the prediction log use."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Manifest


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """Scores of n rows.

    Attributes:
        scores: binary: P(positive); regression: the value; multiclass: P(predicted class).
        probabilities: multiclass only, in the order of the manifest's classes.
        labels: predicted label by row; None for regression.
    """

    scores: list[float]
    probabilities: list[list[float]] | None
    labels: list[str] | None

    def part(self, start: int, end: int) -> Outcome:
        """The outcome of some of the rows."""
        return Outcome(
            self.scores[start:end],
            self.probabilities[start:end] if self.probabilities is not None else None,
            self.labels[start:end] if self.labels is not None else None,
        )


def interpret(raw: npt.NDArray[np.float64], manifest: Manifest) -> Outcome:
    """The outcome that a scorer's output (see ``Scorer.score_matrix``) stands for.

    Raises:
        InvalidInput: a score is not finite, which only inputs far outside any range cause.
    """
    if not np.isfinite(raw).all():
        row = int(np.argwhere(~np.isfinite(raw))[0][0])
        raise InvalidInput(
            "serving.not_finite",
            f"The model has no finite score for row {row}: its numbers are too large or too small.",
        )
    if manifest.task == "regression":
        return Outcome(raw.tolist(), None, None)
    if manifest.task == "binary":
        scores: list[float] = raw.tolist()
        negative, positive = manifest.classes
        threshold = manifest.threshold
        return Outcome(scores, None, [positive if s >= threshold else negative for s in scores])
    best: list[int] = raw.argmax(axis=1).tolist()
    probabilities: list[list[Any]] = raw.tolist()
    return Outcome(
        [row[index] for row, index in zip(probabilities, best, strict=True)],
        probabilities,
        [manifest.classes[index] for index in best],
    )
