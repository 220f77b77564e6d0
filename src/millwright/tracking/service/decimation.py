"""Which points of a long series to show so that it looks as it is: the extremes of each stretch."""

from __future__ import annotations

import math
from collections.abc import Sequence


def thinned(values: Sequence[float], limit: int) -> Sequence[int]:
    """Positions of at most ``limit`` values: both ends, and every stretch's lowest and highest.

    Args:
        values: the series, in order; NaN counts as neither low nor high.
        limit: at least 2.

    >>> list(thinned([0, 9, 1, 1, -5, 1, 1, 1], 6))
    [0, 1, 2, 4, 5, 7]
    >>> list(thinned([1.0, 2.0], 10))
    [0, 1]
    """
    count = len(values)
    if count <= limit:
        return range(count)
    stretches = (limit - 2) // 2
    if stretches < 1:
        return [0, count - 1]
    chosen = {0, count - 1}
    inner = count - 2
    for stretch in range(stretches):
        start = 1 + stretch * inner // stretches
        end = 1 + (stretch + 1) * inner // stretches
        places = range(start, end)
        if places:
            chosen.add(min(places, key=lambda at: _or(values[at], math.inf)))
            chosen.add(max(places, key=lambda at: _or(values[at], -math.inf)))
    return sorted(chosen)


def _or(value: float, instead: float) -> float:
    return instead if math.isnan(value) else value


def sampled(count: int, limit: int) -> Sequence[int]:
    """Positions of at most ``limit`` of ``count`` rows, evenly spread as MLflow's server does.

    The rows are cut into ``limit`` stretches (the first ones longer by one where it does not come
    out even); of each the first is taken, and the very last row takes the place of the last one.

    >>> list(sampled(10, 4)), list(sampled(3, 5)), list(sampled(9, 1))
    ([0, 3, 6, 9], [0, 1, 2], [8])
    """
    if count <= limit:
        return range(count)
    size, longer = divmod(count, limit)
    firsts = [at * size + min(at, longer) for at in range(limit)]
    firsts[-1] = count - 1
    return firsts
