"""How far a metric might be from its value on other rows of the same kind: the bootstrap.

Percentile intervals (Efron, 1979). A resample is a line of counts, how often each row was drawn,
so that no row is ever copied and every metric of a resample is a few matrix operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from millwright.evaluation.metrics import Metric, Weighted, find_metric, metrics_for, point_metric
from millwright.evaluation.observed import Floats, Observed, observe
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record

RESAMPLES = 200
CONFIDENCE = 0.95
_CELLS_AT_ONCE = 2_000_000
_CELLS = 8_000_000
_FEWEST_RESAMPLES = 100


class Interval(Record):
    """A value with the interval that covers it at 95 %."""

    value: float
    low: float
    high: float


class Comparison(Record):
    """Two models on the same rows."""

    metric: str
    champion: float
    challenger: float
    difference: float
    """Positive where the challenger is better, whichever way the metric goes."""
    low: float
    high: float
    probability_better: float
    """The share of resamples in which the challenger is better; a tie counts half."""
    rows: int


def resamples(rows: int, count: int, seed: int) -> Iterator[Floats]:
    """Bootstrap counts (resamples, rows), in blocks that fit into memory.

    For many rows fewer resamples are drawn, at least 100: their intervals are narrow anyway.
    """
    generator = np.random.default_rng(seed)
    count = max(min(count, _CELLS // max(rows, 1)), min(count, _FEWEST_RESAMPLES))
    at_once = max(1, _CELLS_AT_ONCE // max(rows, 1))
    while count > 0:
        lines = min(at_once, count)
        drawn = generator.integers(0, rows, size=(lines, rows), dtype=np.int64)
        drawn += (np.arange(lines) * rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=lines * rows)
        yield counts.reshape(lines, rows).astype(np.float64)
        count -= lines


def intervals(
    observed: Observed,
    metrics: Sequence[Metric] | None = None,
    *,
    count: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 7,
) -> dict[str, Interval]:
    """Each metric with its percentile interval; metrics undefined on these rows are left out."""
    chosen = metrics_for(observed.task) if metrics is None else metrics
    points = {metric.name: point_metric(metric, observed) for metric in chosen}
    chosen = [metric for metric in chosen if np.isfinite(points[metric.name])]
    drawn: dict[str, list[Floats]] = {metric.name: [] for metric in chosen}
    for counts in resamples(len(observed), count, seed):
        rows = Weighted(observed, counts)
        for metric in chosen:
            drawn[metric.name].append(metric.compute(rows))
    return {
        name: _interval(points[name], np.concatenate(values), confidence)
        for name, values in drawn.items()
    }


def compare(
    task: Task,
    y: npt.ArrayLike,
    champion_pred: npt.ArrayLike,
    challenger_pred: npt.ArrayLike,
    metric: str = "auto",
    *,
    classes: Sequence[str] = (),
    count: int = 1000,
    confidence: float = CONFIDENCE,
    seed: int = 7,
    threshold: float = 0.5,
) -> Comparison:
    """Two models on the same rows, by a paired bootstrap of the difference.

    Args:
        y: as ``observe`` takes it; without ``classes`` these are class positions.

    Raises:
        InvalidInput: the metric is unknown, or undefined on these rows.
    """
    chosen = find_metric(task, metric)
    names = tuple(classes) or _class_names(task, np.asarray(champion_pred))
    old = observe(task, names, y, champion_pred, threshold)
    new = observe(task, names, y, challenger_pred, threshold)
    before, after = point_metric(chosen, old), point_metric(chosen, new)
    if not (np.isfinite(before) and np.isfinite(after)):
        raise InvalidInput(
            "evaluation.undefined_metric",
            f"'{chosen.name}' cannot be computed on these {len(old)} rows.",
            hint="It needs outcomes of every kind; wait for more labels or take another metric.",
            value=chosen.name,
        )
    drawn = []
    for counts in resamples(len(old), count, seed):
        gain = chosen.compute(Weighted(new, counts)) - chosen.compute(Weighted(old, counts))
        drawn.append(chosen.sign * gain)
    differences = np.concatenate(drawn)
    differences = differences[np.isfinite(differences)]
    interval = _interval(chosen.sign * (after - before), differences, confidence)
    return Comparison(
        metric=chosen.name,
        champion=before,
        challenger=after,
        difference=interval.value,
        low=interval.low,
        high=interval.high,
        probability_better=float(np.mean((differences > 0) + 0.5 * (differences == 0))),
        rows=len(old),
    )


def _class_names(task: Task, prediction: npt.NDArray[np.floating]) -> tuple[str, ...]:
    if task == "regression":
        return ()
    return tuple(str(i) for i in range(2 if task == "binary" else prediction.shape[-1]))


def _interval(value: float, drawn: Floats, confidence: float) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return Interval(value=value, low=value, high=value)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value=value, low=float(low), high=float(high))
