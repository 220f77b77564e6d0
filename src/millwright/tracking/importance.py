"""Which parameters a metric depends on, from runs that were made: a rank statistic, no model.

For each parameter the runs are put into groups by its value (numbers with many values into bins of
equal size), and the metric is replaced by its ranks. ``share`` is the part of the ranks' variance
that the groups explain, corrected for what chance explains: eta squared of the Kruskal-Wallis test,
``(H - k + 1) / (n - k)`` for ``n`` runs in ``k`` groups (Kruskal and Wallis 1952; Tomczak and Tomczak
2014). It finds dependence of any shape, in numbers and words alike, and an outlier moves it little.
``trend`` is Spearman's rank correlation, which says in which direction a number pulls. Parameters are
looked at one by one: what only two together explain is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from millwright.kernel.record import Record
from millwright.tracking.records import ParamValue

LEAST_RUNS = 5
_MOST_BINS = 8
_LEAST_IN_BIN = 5
Numbers = np.ndarray[Any, np.dtype[np.float64]]


class ParameterImportance(Record):
    """How much of a metric one parameter explains."""

    param: str
    share: float
    """0 to 1."""
    trend: float | None
    """-1 to 1 for numbers; None for words."""
    runs: int
    """Runs that have both the parameter and a finite value of the metric."""
    values: int
    """How many different values it has."""


def importances(
    metric: Sequence[float], params: Mapping[str, Sequence[ParamValue]]
) -> list[ParameterImportance]:
    """The parameters by how much of the metric they explain, most first.

    Args:
        metric: one value per run; what is not finite is left out.
        params: by name, one value per run; None where a run has none.

    Parameters with one value, or in fewer than five runs, say nothing and are left out.

    >>> found = importances([1, 2, 3, 4, 5, 6], {"depth": [1, 1, 2, 2, 3, 3], "seed": [7] * 6})
    >>> [(each.param, round(each.share, 2), round(each.trend, 2)) for each in found]
    [('depth', 0.61, 0.96)]
    """
    finite = [math.isfinite(value) for value in metric]
    found = []
    for name, values in params.items():
        at = [i for i, value in enumerate(values) if value is not None and finite[i]]
        if len(at) < LEAST_RUNS:
            continue
        kept = [values[i] for i in at]
        distinct = len(set(map(str, kept)))
        if distinct < 2:
            continue
        target = ranks(np.array([metric[i] for i in at], dtype=np.float64))
        numbers = _numbers(kept)
        share = explained(target, _groups(kept, numbers))
        trend = None if numbers is None else correlation(ranks(numbers), target)
        found.append(
            ParameterImportance(param=name, share=share, trend=trend, runs=len(at), values=distinct)
        )
    return sorted(found, key=lambda each: (-each.share, each.param))


def ranks(values: Numbers) -> Numbers:
    """Ranks from 1, equal values sharing their mean rank.

    >>> ranks(np.array([10.0, 30.0, 10.0])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Numbers = (ends - (counts - 1) / 2.0)[inverse.reshape(-1)]
    return mean


def explained(target: Numbers, groups: Sequence[int]) -> float:
    """Eta squared of Kruskal and Wallis for ranks in groups numbered from 0; 0 if it cannot be."""
    labels = np.asarray(groups)
    counts = np.bincount(labels)
    count, k = len(target), len(counts)
    total = float(((target - target.mean()) ** 2).sum())
    if count <= k or total == 0:
        return 0.0
    means = np.bincount(labels, weights=target) / counts
    between = float((counts * (means - target.mean()) ** 2).sum())
    h = (count - 1) * between / total
    return min(1.0, max(0.0, (h - k + 1) / (count - k)))


def correlation(left: Numbers, right: Numbers) -> float | None:
    """Pearson's correlation, which of ranks is Spearman's; None if one of them is constant."""
    a, b = left - left.mean(), right - right.mean()
    size = math.sqrt(float((a**2).sum()) * float((b**2).sum()))
    return None if size == 0 else float((a * b).sum()) / size


def _numbers(values: Sequence[ParamValue]) -> Numbers | None:
    """The values as numbers, if all are; numbers in words count, as MLflow keeps them so."""
    found = []
    for value in values:
        if isinstance(value, bool) or value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        found.append(number)
    return np.array(found, dtype=np.float64)


def _groups(values: Sequence[ParamValue], numbers: Numbers | None) -> list[int]:
    bins = max(2, min(_MOST_BINS, len(values) // _LEAST_IN_BIN))
    if numbers is not None and len(np.unique(numbers)) > bins:
        limits = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1])
        labels = np.searchsorted(np.unique(limits), numbers, side="right").tolist()
    else:
        labels = [str(value) for value in values]
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    return [places[label] for label in labels]
