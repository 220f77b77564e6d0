"""Metrics, each written once for weighted rows.

A metric is a function of ``Weighted`` rows: outcomes, predictions and a matrix of weights with one
line per resample. With a single line of ones it is the metric itself; with lines of bootstrap
counts it is its bootstrap distribution. So the value and its interval come from the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from millwright.evaluation.observed import Floats, Observed, observe
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Task

_TINY = 1e-15
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Weighted:
    """Rows with weights: ``weights`` has the shape (resamples, rows)."""

    observed: Observed
    weights: Floats

    @cached_property
    def total(self) -> Floats:
        """The sum of weights of each resample."""
        return np.asarray(self.weights.sum(axis=1))

    def mean(self, values: npt.NDArray[np.floating]) -> Floats:
        """The weighted mean over the rows, for each resample."""
        return np.asarray(self.weights @ values.astype(np.float64)) / self.total

    @cached_property
    def ranked(self) -> tuple[Floats, Floats]:
        """As ``ranked_by`` for the positive class of a binary task."""
        return self.ranked_by(1)

    def ranked_by(self, position: int) -> tuple[Floats, Floats]:
        """Weights of positives and negatives at each distinct score, the highest score first."""
        scores = self.observed.scores(position)
        order = np.argsort(-scores, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
        weights = self.weights[:, order]
        every = np.cumsum(weights, axis=1)[:, ends]
        positive = np.cumsum(weights * (self.observed.y[order] == position), axis=1)[:, ends]
        zero = np.zeros((len(weights), 1))
        positives = np.diff(positive, axis=1, prepend=zero)
        return positives, np.diff(every, axis=1, prepend=zero) - positives

    @cached_property
    def confusion(self) -> tuple[Floats, Floats, Floats]:
        """True positives, false positives and false negatives: (resamples, classes) each."""
        positions = np.arange(len(self.observed.classes))
        true = self.observed.y[:, None] == positions
        said = self.observed.labels[:, None] == positions
        hits, misses = (true & said), (true & ~said)
        false = said & ~true
        return (
            self.weights @ hits.astype(np.float64),
            self.weights @ false.astype(np.float64),
            self.weights @ misses.astype(np.float64),
        )


@dataclass(frozen=True)
class Metric:
    """A metric by name. ``compute`` gives one value per resample, NaN where it is undefined."""

    name: str
    higher_is_better: bool
    needs: Literal["scores", "labels", "values"]
    tasks: tuple[Task, ...]
    compute: Callable[[Weighted], Floats]

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self.higher_is_better else -1.0


def default_metric(task: Task) -> str:
    """The metric by which models of a task are compared unless another is named.

    Each lies on a scale that does not depend on the data's units and higher is better, so that
    a limit such as ``max_drop: 0.03`` means much the same in every project.
    """
    names: dict[Task, str]
    names = {"binary": "roc_auc", "multiclass": "roc_auc_ovr", "regression": "r2"}
    return names[task]


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """The metrics of a task."""
    return tuple(metric for metric in METRICS.values() if task in metric.tasks)


def find_metric(task: Task, name: str = "auto") -> Metric:
    """The metric of that name; ``auto`` is the task's default.

    Raises:
        InvalidInput: the task has no such metric.
    """
    known = [metric.name for metric in metrics_for(task)]
    name = default_metric(task) if name == "auto" else name
    if name not in known:
        guess = nearest(name, known)
        raise InvalidInput(
            "evaluation.unknown_metric",
            f"There is no metric '{name}' for a {task} model.",
            hint=f"Did you mean '{guess}'?" if guess else f"Use one of: {', '.join(known)}.",
            value=name,
        )
    return METRICS[name]


def evaluate(
    task: Task,
    classes: Sequence[str],
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    threshold: float = 0.5,
) -> dict[str, float]:
    """All metrics of a task; those undefined on these rows (AUC with one class) are left out.

    >>> metrics = evaluate("binary", ("no", "yes"), ["no", "yes"], [0.2, 0.9])
    >>> metrics["roc_auc"], metrics["accuracy"]
    (1.0, 1.0)
    """
    return point_metrics(observe(task, classes, y, prediction, threshold))


def point_metrics(observed: Observed) -> dict[str, float]:
    """As ``evaluate``, for rows that were checked already."""
    rows = Weighted(observed, np.ones((1, len(observed))))
    values = ((m.name, float(m.compute(rows)[0])) for m in metrics_for(observed.task))
    return {name: value for name, value in values if np.isfinite(value)}


def point_metric(metric: Metric, observed: Observed) -> float:
    """One metric; NaN where it is undefined."""
    return float(metric.compute(Weighted(observed, np.ones((1, len(observed)))))[0])


def _divide(top: Floats, bottom: Floats) -> Floats:
    result: Floats = np.full(np.shape(top), np.nan)
    return np.divide(top, bottom, out=result, where=bottom > 0)


def _auc_of(positives: Floats, negatives: Floats) -> Floats:
    """The share of positive-negative pairs ranked right, ties counting half."""
    above = np.cumsum(positives, axis=1) - positives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return _divide((negatives * above).sum(axis=1), pairs)


def _roc_auc(rows: Weighted) -> Floats:
    return _auc_of(*rows.ranked)


def _roc_auc_ovr(rows: Weighted) -> Floats:
    """Each class against the rest, weighted by how often it occurs.

    An unweighted mean would hang on classes with a handful of rows.
    """
    total, share = np.zeros(len(rows.weights)), np.zeros(len(rows.weights))
    for position in range(len(rows.observed.classes)):
        positives, negatives = rows.ranked_by(position)
        area, weight = _auc_of(positives, negatives), positives.sum(axis=1)
        total += np.where(np.isfinite(area), area, 0.0) * weight
        share += np.where(np.isfinite(area), weight, 0.0)
    return _divide(total, share)


def _mean_defined(columns: Sequence[Floats]) -> Floats:
    values = np.stack(columns, axis=1)
    defined = np.isfinite(values)
    return _divide(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(float))


def _average_precision(rows: Weighted) -> Floats:
    positives, negatives = rows.ranked
    found, said = np.cumsum(positives, axis=1), np.cumsum(positives + negatives, axis=1)
    return _divide((positives * np.nan_to_num(_divide(found, said))).sum(axis=1), found[:, -1])


def _log_loss(rows: Weighted) -> Floats:
    seen = rows.observed
    if seen.task == "binary":
        chosen = np.where(seen.y == 1, seen.prediction, 1 - seen.prediction)
    else:
        chosen = seen.prediction[np.arange(len(seen)), seen.y]
    return rows.mean(-np.log(np.clip(chosen, _TINY, 1.0)))


def _brier(rows: Weighted) -> Floats:
    return rows.mean((rows.observed.prediction - rows.observed.y) ** 2)


def _ece(rows: Weighted) -> Floats:
    """Expected calibration error: mean distance of stated from observed share, over ten bins."""
    seen = rows.observed
    bins = np.minimum((seen.prediction * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.zeros((len(seen), CALIBRATION_BINS))
    gaps[np.arange(len(seen)), bins] = seen.prediction - seen.y
    return np.asarray(np.abs(rows.weights @ gaps).sum(axis=1)) / rows.total


def _accuracy(rows: Weighted) -> Floats:
    return rows.mean((rows.observed.labels == rows.observed.y).astype(np.float64))


def _precision(rows: Weighted) -> Floats:
    hits, false, _ = (counts[:, 1] for counts in rows.confusion)
    return _divide(hits, hits + false)


def _recall(rows: Weighted) -> Floats:
    hits, _, misses = (counts[:, 1] for counts in rows.confusion)
    return _divide(hits, hits + misses)


def _f1(rows: Weighted) -> Floats:
    hits, false, misses = (counts[:, 1] for counts in rows.confusion)
    return _divide(2 * hits, 2 * hits + false + misses)


def _macro_f1(rows: Weighted) -> Floats:
    hits, false, misses = rows.confusion
    return _mean_defined(list(_divide(2 * hits, 2 * hits + false + misses).T))


def _errors(rows: Weighted) -> Floats:
    return np.asarray(rows.observed.prediction - rows.observed.y, dtype=np.float64)


def _mae(rows: Weighted) -> Floats:
    return rows.mean(np.abs(_errors(rows)))


def _rmse(rows: Weighted) -> Floats:
    return np.sqrt(rows.mean(_errors(rows) ** 2))


def _r2(rows: Weighted) -> Floats:
    # Deviations from a fixed centre keep the difference of squares accurate.
    centred = rows.observed.y - rows.observed.y.mean()
    spread = rows.mean(centred**2) - rows.mean(centred) ** 2
    return 1 - _divide(rows.mean(_errors(rows) ** 2), spread)


def _wape(rows: Weighted) -> Floats:
    """Sum of errors over sum of outcomes: a percentage error that survives outcomes of zero."""
    return _divide(rows.mean(np.abs(_errors(rows))), rows.mean(np.abs(rows.observed.y)))


def _median_ae(rows: Weighted) -> Floats:
    errors = np.abs(_errors(rows))
    order = np.argsort(errors)
    reached = np.cumsum(rows.weights[:, order], axis=1)
    half = rows.total[:, None] / 2
    lower, upper = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
    return np.asarray((errors[order][lower] + errors[order][upper]) / 2)


def _entries() -> Iterator[Metric]:
    binary: tuple[Task, ...] = ("binary",)
    several: tuple[Task, ...] = ("multiclass",)
    number: tuple[Task, ...] = ("regression",)
    yield Metric("roc_auc", True, "scores", binary, _roc_auc)
    yield Metric("average_precision", True, "scores", binary, _average_precision)
    yield Metric("roc_auc_ovr", True, "scores", several, _roc_auc_ovr)
    yield Metric("log_loss", False, "scores", ("binary", "multiclass"), _log_loss)
    yield Metric("brier", False, "scores", binary, _brier)
    yield Metric("ece", False, "scores", binary, _ece)
    yield Metric("accuracy", True, "labels", ("binary", "multiclass"), _accuracy)
    yield Metric("macro_f1", True, "labels", several, _macro_f1)
    yield Metric("f1", True, "labels", binary, _f1)
    yield Metric("precision", True, "labels", binary, _precision)
    yield Metric("recall", True, "labels", binary, _recall)
    yield Metric("r2", True, "values", number, _r2)
    yield Metric("rmse", False, "values", number, _rmse)
    yield Metric("mae", False, "values", number, _mae)
    yield Metric("median_ae", False, "values", number, _median_ae)
    yield Metric("wape", False, "values", number, _wape)


METRICS: dict[str, Metric] = {metric.name: metric for metric in _entries()}
