"""Estimated performance of a binary classifier, with a check of being trustworthy.

Chances are calibrated on labelled rows and averaged over a window. That is right as long as rows
with equal inputs behave as before; it says nothing about inputs that were never seen. So an estimate
is refused where any input's distribution has moved by ``MOST_MOVED`` or more (Kolmogorov–Smirnov, or
total variation of categories): most of such a window lies where the reference has few rows. The
check cannot see a change of concept; only labels can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from millwright.kernel.cells import numeric_values
from millwright.kernel.effect_sizes import total_variation
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.comparison.samples import (
    Levels,
    Numbers,
    Sample,
    aligned,
    is_numeric,
    levels_of,
    numbers_of,
    sample_of,
)
from millwright.monitoring.estimation.calibration import calibrate
from millwright.monitoring.estimation.expected import Metric, expected_metrics
from millwright.monitoring.statistics.merged import distances
from millwright.monitoring.statistics.special import Floats

MOST_MOVED = 0.6
"""From here on an input has moved too far for the estimate to be believed."""
_CHECKED_ROWS = 20_000


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
        actual, scores = _numbers(reference, target), _numbers(reference, score)
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
        self._inputs = {
            name: sample_of(reference[name])
            for name in names
            if not pa.types.is_nested(reference[name].type)
            and not pa.types.is_temporal(reference[name].type)
        }

    def estimate(self, window: pa.Table) -> PerformanceEstimate:
        """What to expect of these rows; raises ``InvalidInput`` where the score is missing."""
        scores = _numbers(window, self._score)
        held = np.isfinite(scores)
        predicted = self._classes(window, scores)[held]
        scores = scores[held]
        chances = self._calibration(scores)
        right = np.where(predicted > 0.5, chances, 1.0 - chances)
        moved = self._most_moved(window)
        estimable = bool(scores.size) and moved[1] < MOST_MOVED
        why = ""
        if not scores.size:
            why = "No row has a score."
        elif not estimable:
            why = (
                f"Not estimable: '{moved[0]}' has moved by {moved[1]:.2f} (0 is equal, 1 is nothing"
                f" in common), so most rows lie where the labelled reference has few."
            )
        spread = float(np.sum(right * (1.0 - right)))
        return PerformanceEstimate(
            rows=scores.size,
            metrics=expected_metrics(chances, predicted, scores),
            reference=self.reference,
            deviation=math.sqrt(spread) / scores.size if scores.size else math.nan,
            estimable=estimable,
            why=why,
            moved=moved,
        )

    def _classes(self, table: pa.Table, scores: Floats) -> Floats:
        if self._prediction is not None:
            return _numbers(table, self._prediction)
        return (scores >= self._threshold).astype(np.float64)

    def _most_moved(self, window: pa.Table) -> tuple[str, float]:
        if window.num_rows > _CHECKED_ROWS:
            window = window.take(
                pa.array(np.linspace(0, window.num_rows - 1, _CHECKED_ROWS).astype(np.int64))
            )
        most = ("", 0.0)
        for name, known in self._inputs.items():
            if name in window.column_names:
                gap = _distance(known, window[name])
                most = (name, gap) if gap > most[1] else most
        return most


def _distance(known: Sample, column: pa.ChunkedArray) -> float:
    if isinstance(known, Numbers):
        if not is_numeric(column.type):
            return 0.0
        return distances(known.ordered, numbers_of(column).ordered).largest
    levels: Levels = levels_of(column)
    if known.text or len(known.values) > 0.5 * known.held:
        return 0.0
    _, then, now = aligned(known, levels)
    return total_variation(then, now)


def _numbers(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        raise InvalidInput(
            "monitoring.unknown_column",
            f"There is no column '{name}'.",
            hint=f"The table has: {', '.join(table.column_names[:20])}.",
            value=name,
        )
    return numeric_values(table[name])
