"""Bounds for a quantile that hold at every look together.

Howard & Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
identification" (Bernoulli 28, 2022), theorem 1 with the constants of equation (2): with probability
1 − α, at every n at once, the p-quantile lies between the sample quantiles at p − f and p + f, with::

    f = 1.5 sqrt( p(1−p) ℓ ) + 0.8 ℓ,   ℓ = (1.4 ln ln(2.1 n) + ln(10/α)) / n

It assumes nothing about the distribution: latencies may have any tail.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from millwright.kernel.record import Record

Floats = npt.NDArray[np.float64]


class QuantileBounds(Record):
    """A sample quantile of n values and the bounds of the true one; None where there is none."""

    n: int
    value: float | None
    low: float | None
    high: float | None


def quantile_bounds(values: Floats, p: float, *, alpha: float) -> QuantileBounds:
    """The p-quantile of ``values`` with bounds that hold at all looks with probability 1 − α.

    >>> quantile_bounds(np.arange(10_000.0), 0.95, alpha=0.05).low > 9_000
    True
    """
    n = int(values.size)
    if n < 2:
        return QuantileBounds(n=n, value=float(values[0]) if n else None, low=None, high=None)
    scale = (1.4 * math.log(math.log(2.1 * n)) + math.log(10.0 / alpha)) / n
    margin = 1.5 * math.sqrt(p * (1.0 - p) * scale) + 0.8 * scale
    ordered = np.sort(values)
    low = math.floor((p - margin) * n)
    high = math.ceil((p + margin) * n)
    return QuantileBounds(
        n=n,
        value=float(ordered[min(math.ceil(p * n), n) - 1]),
        low=float(ordered[low - 1]) if low >= 1 else None,
        high=float(ordered[high - 1]) if high <= n else None,
    )
