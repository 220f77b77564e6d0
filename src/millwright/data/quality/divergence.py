"""The Kullback–Leibler divergence of a column from an expected partition.

As in Great Expectations: relative entropy in nats of the observed shares to the expected ones,
both scaled to sum to one; what one side does not know gets the weight of a holdout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.data.quality import arguments as given
from millwright.data.quality.findings import Finding
from millwright.kernel.errors import InvalidInput

Floats = npt.NDArray[np.float64]


def of_divergence(
    wanted: given.Divergence, counts: Mapping[Any, int] | None, parts: list[Floats]
) -> Finding:
    """The finding: of counts of values, or of numbers for a partition with bins."""
    if counts is not None:
        rows = sum(counts.values())
        observed, expected = _categories(wanted, counts, rows)
    else:
        rows = sum(len(part) for part in parts)
        observed, expected = _bins(wanted, parts, rows)
    value = relative_entropy(observed, expected)
    known = value if math.isfinite(value) else None
    passed = wanted.threshold is None or value <= wanted.threshold
    text = "It is infinite or undefined." if known is None else f"The divergence is {known:.6g}."
    return Finding(passed, rows, 0, known, text)


def relative_entropy(observed: Floats, expected: Floats) -> float:
    """Σ p ln(p/q) with both scaled to sum to one; infinite where q lacks what p has."""
    if len(observed) == 0 or observed.sum() <= 0 or expected.sum() <= 0:
        return math.nan
    p, q = observed / observed.sum(), expected / expected.sum()
    if ((q <= 0) & (p > 0)).any():
        return math.inf
    held = p > 0
    return float(np.sum(p[held] * np.log(p[held] / q[held])))


def _categories(
    wanted: given.Divergence, counts: Mapping[Any, int], rows: int
) -> tuple[Floats, Floats]:
    if wanted.internal_weight_holdout > 0:
        raise InvalidInput("data.holdout", "Values of a set have no internal holdout.")
    shares = {value: count / rows for value, count in counts.items()} if rows else {}
    partition = wanted.partition
    if partition is None:
        return np.array([*shares.values()]), np.array([*shares.values()])
    expected = dict(zip(partition.values, partition.weights, strict=True))
    foreign = [value for value in shares if value not in expected]
    scale = 1 - wanted.tail_weight_holdout if foreign else 1.0
    keys = [*expected, *foreign]
    fill = wanted.tail_weight_holdout / len(foreign) if foreign else 0.0
    return (
        np.array([shares.get(key, 0.0) for key in keys]),
        np.array([expected[key] * scale if key in expected else fill for key in keys]),
    )


def _bins(wanted: given.Divergence, parts: list[Floats], rows: int) -> tuple[Floats, Floats]:
    partition = wanted.partition
    assert partition is not None
    edges = np.array(partition.bins)
    inner = np.zeros(len(edges) - 1)
    below = above = 0
    for part in parts:
        inner += np.histogram(part, bins=edges)[0]
        below += int((part < edges[0]).sum())
        above += int((part > edges[-1]).sum())
    tail, inside = wanted.tail_weight_holdout, wanted.internal_weight_holdout
    weights = np.array(partition.weights) * (1 - tail - inside)
    empty = weights == 0
    if inside > 0 and empty.any():
        weights[empty] = inside / empty.sum()
    low_open, high_open = bool(np.isneginf(edges[0])), bool(np.isposinf(edges[-1]))
    tails = partition.tail_weights
    if tails is not None and (low_open or high_open or tail):
        raise InvalidInput(
            "data.tail_weights",
            "Tail weights go with finite bins, and not with a tail holdout.",
            hint="Leave one of them out.",
        )
    one = tail / 2 if not (low_open or high_open) else tail
    low, high = tails if tails is not None else (one, one)
    observed, expected = inner / max(rows, 1), weights
    if not low_open:
        observed = np.concatenate(([below / max(rows, 1)], observed))
        expected = np.concatenate(([low], expected))
    if not high_open:
        observed = np.concatenate((observed, [above / max(rows, 1)]))
        expected = np.concatenate((expected, [high]))
    return observed, expected
