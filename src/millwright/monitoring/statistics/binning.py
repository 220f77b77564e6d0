"""How many cells a histogram has: the rules that NumPy and the peers name."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from millwright.monitoring.statistics.special import Floats

Rule = Literal["sturges", "doane", "quantile"]
QUANTILES = 10
_MOST_BINS = 10_000


def edges_of(values: Floats, rule: Rule, moments: Floats | None = None) -> Floats:
    """The edges of bins of equal width (or of equal counts) over sorted finite values.

    Equal to ``numpy.histogram_bin_edges(values, bins=rule)`` to the last bit; ``quantile`` gives
    deciles of the values, ties merged. No values: one bin from 0 to 1.

    Args:
        values: sorted and finite.
        rule: how many bins.
        moments: the values in their original order, where sums must round alike.
    """
    if values.size == 0:
        return np.array([0.0, 1.0])
    if rule == "quantile":
        steps = np.arange(1, QUANTILES) * values.size
        return np.unique(values[-(-steps // QUANTILES) - 1])
    low, high = float(values[0]), float(values[-1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    if rule == "sturges":
        width = (values[-1] - values[0]) / (np.log2(values.size) + 1.0)
    else:
        width = _doane(values if moments is None else moments, values[-1] - values[0])
    if width > 0.0 and math.isfinite(width):
        bins = min(math.ceil((high - low) / width), _MOST_BINS)
    else:
        bins = 1
    return np.linspace(low, high, max(bins, 1) + 1)


def _doane(values: Floats, reach: float) -> float:
    if values.size <= 2:
        return 0.0
    bias = np.sqrt(6.0 * (values.size - 2) / ((values.size + 1.0) * (values.size + 3)))
    spread = np.std(values)
    if spread <= 0.0:
        return 0.0
    scaled = (values - np.mean(values)) / spread
    skew = np.mean(scaled**3)
    return float(reach / (1.0 + np.log2(values.size) + np.log2(1.0 + np.absolute(skew) / bias)))


def counts_between(ordered: Floats, edges: Floats) -> Floats:
    """``numpy.histogram`` of sorted values: ``[e₀, e₁) … [eₖ₋₁, eₖ]``, outside left out."""
    inner = np.searchsorted(ordered, edges[:-1], side="left")
    last = np.searchsorted(ordered, edges[-1], side="right")
    return np.diff(np.append(inner, last)).astype(np.float64)
