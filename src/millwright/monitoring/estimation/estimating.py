"""Estimated performance of a binary classifier, with a check of being trustworthy.

Chances are calibrated on labelled rows and averaged over a window. That is right as long as rows
with equal inputs behave as before; it says nothing about inputs that were never seen. So an estimate
is refused where any input's distribution has moved by ``familiarity.MOST_MOVED`` or more (Kolmogorov–Smirnov, or
total variation of categories): most of such a window lies where the reference has few rows. The
check cannot see a change of concept; only labels can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.monitoring.estimation.calibration import calibrate
from millwright.monitoring.estimation.expected import Metric, expected_metrics
from millwright.monitoring.estimation.familiarity import KnownInputs, numbers, why_not
from millwright.monitoring.statistics.special import Floats


@dataclass(frozen=True, slots=True)
class PerformanceEstimate:
    """What is to be expected of a window without labels.

    Attributes:
        rows: rows with a score.
        metrics: expected value of each; NaN where it has none.
        reference: the realised values on the labelled reference.
        deviation: standard deviation of the accuracy, from drawing labels alone.
        estimable: whether the inputs are enough like the reference's.
        why: a sentence, where they are not.
        moved: the input that moved most, and how far, in 0..1.
    """

    rows: int
    metrics: dict[Metric, float]
    reference: dict[Metric, float]
    deviation: float
    estimable: bool
    why: str
    moved: tuple[str, float]


class PerformanceEstimator:
    """Fitted once on labelled rows; ``estimate`` takes window after window."""

    def __init__(
        self,
        reference: pa.Table,
        *,
        target: str,
        score: str,
        prediction: str | None = None,
        threshold: float = 0.5,
        inputs: Sequence[str] | None = None,
    ) -> None:
        """Fit.

        Args:
            reference: labelled rows that the model was not trained on.
            target: its column of truth, 0 or 1.
            score: the score of the positive class.
            prediction: the class given; by default whether ``score`` reaches ``threshold``.
            threshold: see ``prediction``.
            inputs: columns of inputs to check; by default all others that can be compared.

        Raises:
            InvalidInput: a column is missing, or no row has both score and truth.
        """
        self._score, self._prediction, self._threshold = score, prediction, threshold
        actual, scores = numbers(reference, target), numbers(reference, score)
        known = np.isfinite(actual) & np.isfinite(scores)
        if not known.any():
            raise InvalidInput(
                "monitoring.no_labelled_rows",
                "No row of the reference has both a score and a truth.",
                hint="Give labelled rows, with the truth as 0 and 1.",
                value=target,
            )
        self._calibration = calibrate(scores[known], actual[known])
        predicted = self._classes(reference, scores)
        self.reference = expected_metrics(actual[known], predicted[known], scores[known])
        roles = {target, score, prediction}
        names = inputs or [name for name in reference.column_names if name not in roles]
        self._inputs = KnownInputs(reference, names)

    def estimate(self, window: pa.Table) -> PerformanceEstimate:
        """What to expect of these rows; raises ``InvalidInput`` where the score is missing."""
        scores = numbers(window, self._score)
        held = np.isfinite(scores)
        predicted = self._classes(window, scores)[held]
        scores = scores[held]
        chances = self._calibration(scores)
        right = np.where(predicted > 0.5, chances, 1.0 - chances)
        moved = self._inputs.most_moved(window)
        why = why_not(scores.size, moved)
        spread = float(np.sum(right * (1.0 - right)))
        return PerformanceEstimate(
            rows=scores.size,
            metrics=expected_metrics(chances, predicted, scores),
            reference=self.reference,
            deviation=math.sqrt(spread) / scores.size if scores.size else math.nan,
            estimable=not why,
            why=why,
            moved=moved,
        )

    def _classes(self, table: pa.Table, scores: Floats) -> Floats:
        if self._prediction is not None:
            return numbers(table, self._prediction)
        return (scores >= self._threshold).astype(np.float64)
