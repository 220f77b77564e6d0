"""What a model said about rows, in the terms callers and the prediction log use."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Kind, Manifest

_DATATYPES: dict[Kind, str] = {"numeric": "FP64", "categorical": "BYTES", "boolean": "BOOL"}


class Output(NamedTuple):
    """One thing that is answered for each row: a value, or a list of ``width`` numbers."""

    name: str
    kind: Kind
    width: int = 0

    @property
    def datatype(self) -> str:
        """Its datatype in the Open Inference Protocol."""
        return _DATATYPES[self.kind]

    def shape(self, rows: int) -> list[int]:
        """The shape of its tensor."""
        return [rows, self.width] if self.width else [rows]


_LABEL = Output("label", "categorical")


def outputs_of(manifest: Manifest) -> tuple[Output, ...]:
    """What a model of this manifest answers, as its task promises."""
    if manifest.task == "regression":
        return (Output("prediction", "numeric"),)
    if manifest.task == "binary":
        return (Output("probability", "numeric"), _LABEL)
    return (Output("probabilities", "numeric", len(manifest.classes)), _LABEL)


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """Scores of n rows.

    Attributes:
        scores: binary: P(positive); regression: the value; multiclass: P(predicted class).
        probabilities: multiclass only, in the order of the manifest's classes.
        labels: predicted label by row; None for regression.
        columns: all that a graph answers; None for a model, whose task says it.
    """

    scores: list[Any]
    probabilities: list[list[float]] | None
    labels: list[str] | None
    columns: tuple[tuple[Output, list[Any]], ...] | None = None

    def part(self, start: int, end: int) -> Outcome:
        """The outcome of some of the rows."""
        return Outcome(
            self.scores[start:end],
            self.probabilities[start:end] if self.probabilities is not None else None,
            self.labels[start:end] if self.labels is not None else None,
            None
            if self.columns is None
            else tuple((output, values[start:end]) for output, values in self.columns),
        )


Said = Outcome | str
"""One thing that a model yields while it answers: scores of the rows, or a piece of text."""


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
