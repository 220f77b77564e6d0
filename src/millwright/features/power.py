"""How much one column alone says about the target: AUC for classes, correlation for numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]

MAX_CLASSES: Final = 20
"""Targets with more classes are not measured."""
MIN_ROWS: Final = 20
_PRIOR_ROWS: Final = 10.0


def power_of_column(column: pa.ChunkedArray, outcome: pa.ChunkedArray) -> float | None:
    """Predictive power of one column alone, from 0.5 (AUC) or 0 (correlation) to 1.

    For class labels: the AUC of the column's values as a ranking of one class against the rest,
    whichever direction is better, and the mean over classes weighted by their share. For numbers:
    the absolute rank correlation. Text is replaced by the mean outcome of its value, computed on
    the other half of the rows, so that an id that occurs once proves nothing.

    Args:
        column: any type; nulls of the column are left out of the measure.
        outcome: string labels or float64, without nulls, as long as the column.

    Returns:
        The power, or None where it cannot be measured: too few rows, one class, nested values.
    """
    valid = pc.is_valid(column)
    column, outcome = column.filter(valid), outcome.filter(valid)
    if len(column) < MIN_ROWS or pa.types.is_nested(column.type):
        return None
    if pa.types.is_floating(outcome.type):
        numbers = outcome.to_numpy()
        values = _ranking(column, numbers)
        return None if values is None else abs(rank_correlation(values, numbers))
    labels = outcome.combine_chunks().dictionary_encode()
    codes = labels.indices.to_numpy()
    if not 2 <= len(labels.dictionary) <= MAX_CLASSES:
        return None
    total, powers = 0.0, 0.0
    for code in range(1 if len(labels.dictionary) == 2 else 0, len(labels.dictionary)):
        positive = codes == code
        values = _ranking(column, positive.astype(np.float64))
        if values is None:
            return None
        area = auc(values, positive)
        powers += max(area, 1.0 - area) * float(positive.mean())
        total += float(positive.mean())
    return powers / total


def auc(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """The chance that a random positive has the greater value (ties count half).

    The Mann-Whitney statistic over the number of pairs; 0.5 where a class is absent.

    >>> auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    1.0
    """
    hits = int(positive.sum())
    misses = len(positive) - hits
    if hits == 0 or misses == 0:
        return 0.5
    ranked = ranks(values)
    return float((ranked[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation; 0 where either is constant."""
    a, b = ranks(first), ranks(second)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def ranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean rank.

    >>> ranks(np.array([10.0, 20.0, 10.0])).tolist()
    [1.5, 3.0, 1.5]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def _ranking(column: pa.ChunkedArray, outcome: Floats) -> Floats | None:
    kind = column.type
    if pa.types.is_temporal(kind):
        column, kind = pc.cast(column, pa.int64(), safe=False), pa.int64()
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = pc.cast(column, pa.float64(), safe=False).to_numpy()
        ranking: Floats = np.nan_to_num(numbers, nan=np.inf)
        return ranking
    if not (pa.types.is_string(kind) or pa.types.is_dictionary(kind)):
        return None
    return _mean_by_value(column, outcome)


def _mean_by_value(column: pa.ChunkedArray, outcome: Floats) -> Floats:
    """Each row's value replaced by the smoothed mean outcome of that value in the other half."""
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    codes, levels = encoded.indices.to_numpy(), len(encoded.dictionary)
    half = np.arange(len(codes)) % 2
    replaced = np.empty(len(codes), dtype=np.float64)
    for fold in (0, 1):
        here, other = half == fold, half != fold
        counts = np.bincount(codes[other], minlength=levels)
        sums = np.bincount(codes[other], weights=outcome[other], minlength=levels)
        prior = outcome[other].mean()
        replaced[here] = ((sums + _PRIOR_ROWS * prior) / (counts + _PRIOR_ROWS))[codes[here]]
    return replaced
