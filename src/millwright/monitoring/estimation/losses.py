"""Estimated performance of a regression: how far off its predictions are to be expected.

Direct loss estimation: trees learn from labelled rows how large the error of a prediction is, given
the inputs and the prediction itself; their mean over a window is its expected error. As with
classifiers this holds while rows with equal inputs behave as before, and is refused where an input
or the prediction lies elsewhere. How well it does is seen on the reference: each of its parts in
time is estimated by trees that learnt from the other parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from millwright.kernel.errors import InvalidInput
from millwright.monitoring.estimation.encoding import Encoding, in_parts
from millwright.monitoring.estimation.familiarity import KnownInputs, numbers, why_not
from millwright.monitoring.statistics.special import Floats

Loss = Literal["mae", "mse", "rmse", "mape", "rmsle"]
LOSSES: tuple[Loss, ...] = ("mae", "mse", "rmse", "mape", "rmsle")
_PARTS = 5
_LEAST_ROWS = 100
_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class LossEstimate:
    """What is to be expected of a window without labels.

    Attributes:
        rows: rows with a prediction.
        losses: expected value of each; mean absolute error and root mean squared error have the
            unit of the target, ``mape`` is a share.
        reference: the realised values on the labelled reference.
        deviation: of each loss: root mean square of what the estimates of the reference's parts
            were off by.
        estimable: whether inputs and predictions are enough like the reference's.
        why: a sentence, where they are not.
        moved: the column that moved most, and how far, in 0..1.
    """

    rows: int
    losses: dict[Loss, float]
    reference: dict[Loss, float]
    deviation: dict[Loss, float]
    estimable: bool
    why: str
    moved: tuple[str, float]


class LossEstimator:
    """Fitted once on labelled rows; ``estimate`` takes window after window."""

    def __init__(
        self,
        reference: pa.Table,
        *,
        target: str,
        prediction: str,
        inputs: Sequence[str] | None = None,
        losses: Sequence[Loss] = ("mae", "rmse"),
    ) -> None:
        """Fit.

        Args:
            reference: labelled rows, in the order of time, that the model was not trained on.
            target: its column of truth.
            prediction: what the model said.
            inputs: columns of inputs; by default all others that can be compared.
            losses: which to estimate.

        Raises:
            InvalidInput: a column is missing, there are fewer than 100 labelled rows, or a loss is
                unknown or not defined for these values.
            Unavailable: LightGBM is not installed.
        """
        actual, predicted = numbers(reference, target), numbers(reference, prediction)
        known = np.isfinite(actual) & np.isfinite(predicted)
        if known.sum() < _LEAST_ROWS:
            raise InvalidInput(
                "monitoring.no_labelled_rows",
                f"{int(known.sum())} rows of the reference have both a prediction and a truth;"
                f" an estimate needs {_LEAST_ROWS}.",
                hint="Give labelled rows that the model was not trained on.",
                value=target,
            )
        rows = np.flatnonzero(known)
        if rows.size > _MOST_ROWS:
            rows = rows[np.linspace(0, rows.size - 1, _MOST_ROWS).astype(np.int64)]
        table = reference.take(pa.array(rows))
        names = inputs or [n for n in table.column_names if n not in {target, prediction}]
        self._prediction, self._losses = prediction, tuple(losses)
        self._inputs = KnownInputs(table, [*names, prediction])
        self._encoding = Encoding(table, self._inputs.names)
        matrix = self._encoding.matrix(table)
        each = {kind: _by_row(kind, actual[rows], predicted[rows]) for kind in _kinds(self._losses)}
        self._trees = {kind: self._encoding.fitted(matrix, values) for kind, values in each.items()}
        self.reference = _told(self._losses, {k: float(v.mean()) for k, v in each.items()})
        self.deviation = self._deviations(matrix, each)

    def estimate(self, window: pa.Table) -> LossEstimate:
        """What to expect of these rows; raises ``InvalidInput`` where the prediction is missing."""
        held = np.isfinite(numbers(window, self._prediction))
        kept = window.filter(pa.array(held))
        means = dict.fromkeys(self._trees, math.nan)
        if kept.num_rows:
            matrix = self._encoding.matrix(kept)
            means = {k: _mean(trees, matrix) for k, trees in self._trees.items()}
        moved = self._inputs.most_moved(kept)
        why = why_not(kept.num_rows, moved)
        return LossEstimate(
            rows=kept.num_rows,
            losses=_told(self._losses, means),
            reference=self.reference,
            deviation=self.deviation,
            estimable=not why,
            why=why,
            moved=moved,
        )

    def _deviations(self, matrix: Floats, each: dict[Loss, Floats]) -> dict[Loss, float]:
        parts = in_parts(matrix.shape[0], _PARTS)
        off: dict[Loss, list[float]] = {loss: [] for loss in self._losses}
        for part in range(_PARTS):
            inside = parts == part
            means, real = {}, {}
            for kind, values in each.items():
                trees = self._encoding.fitted(matrix[~inside], values[~inside])
                means[kind], real[kind] = (
                    _mean(trees, matrix[inside]),
                    float(values[inside].mean()),
                )
            expected, realised = _told(self._losses, means), _told(self._losses, real)
            for loss in self._losses:
                off[loss].append(expected[loss] - realised[loss])
        return {loss: math.sqrt(float(np.mean(np.square(gaps)))) for loss, gaps in off.items()}


def _kinds(losses: Sequence[Loss]) -> tuple[Loss, ...]:
    """The losses whose mean over rows all others follow from."""
    for loss in losses:
        if loss not in LOSSES:
            raise InvalidInput(
                "monitoring.unknown_loss",
                f"There is no loss '{loss}'.",
                hint=f"There are {', '.join(LOSSES)}.",
                value=loss,
            )
    return tuple(dict.fromkeys("mse" if loss == "rmse" else loss for loss in losses))


_BY_ROW: dict[Loss, Callable[[Floats, Floats], Floats]] = {
    "mae": lambda actual, predicted: np.abs(actual - predicted),
    "mse": lambda actual, predicted: (actual - predicted) ** 2,
    "mape": lambda actual, predicted: np.abs((actual - predicted) / actual),
    "rmsle": lambda actual, predicted: (np.log1p(actual) - np.log1p(predicted)) ** 2,
}


def _by_row(kind: Loss, actual: Floats, predicted: Floats) -> Floats:
    impossible = {
        "mape": bool((actual == 0).any()),
        "rmsle": bool((actual <= -1).any() or (predicted <= -1).any()),
    }
    if impossible.get(kind, False):
        raise InvalidInput(
            "monitoring.loss_undefined",
            f"'{kind}' is not defined where "
            + ("the truth is 0." if kind == "mape" else "a value is -1 or less."),
            hint="Leave it out: mae and rmse always are.",
            value=kind,
        )
    return _BY_ROW[kind](actual, predicted)


def _told(losses: Sequence[Loss], means: dict[Loss, float]) -> dict[Loss, float]:
    found: dict[Loss, float] = {}
    for loss in losses:
        if loss == "rmse":
            found[loss] = math.sqrt(means["mse"])
        else:
            found[loss] = math.sqrt(means[loss]) if loss == "rmsle" else means[loss]
    return found


def _mean(trees: Any, matrix: Floats) -> float:
    # No loss is below 0, but sums of leaves may be.
    return float(np.maximum(trees.predict(matrix), 0.0).mean())
