"""A mean and the interval that holds it however often one looks.

An ordinary confidence interval looked at a hundred times excludes the truth far more often than it
says; this one is an asymptotic *confidence sequence*, valid at all looks together: Waudby-Smith,
Arbour, Sinha, Kennedy & Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (Annals of Statistics 52, 2024), theorem 2.2. For the mean of n values with standard
deviation s::

    mean ± s · sqrt( 2(nρ² + 1) / (n²ρ²) · ln( sqrt(nρ² + 1) / α ) )

with ρ chosen to make it tightest near the number of values that may decide. It needs no bound on
the values. Being asymptotic, it is not to be trusted before ``BURN_IN`` of them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from millwright.kernel.record import Record

BURN_IN = 200
"""Values before the sequence is looked at: below, its asymptotics are not to be trusted."""


class Interval(Record):
    """A mean and the interval that holds it, at every look, with the given confidence."""

    n: int
    mean: float
    low: float | None
    high: float | None
    """None for both where too few rows leave it without bounds."""
    confidence: float


def confidence_sequence(
    values: npt.NDArray[np.float64], *, confidence: float, tuned_for: int
) -> Interval:
    """The running mean and its always-valid interval after all of ``values``.

    ``tuned_for``: the number of values at which the interval should be tightest. Without values, or
    with one, the interval has no bounds; values that all agree give an interval of no width.
    """
    n = int(values.size)
    if n < 2:
        mean = float(values.mean()) if n else 0.0
        return Interval(n=n, mean=mean, low=None, high=None, confidence=confidence)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    radius = deviation * _unit_radius(n, 1.0 - confidence, max(tuned_for, 2))
    return Interval(n=n, mean=mean, low=mean - radius, high=mean + radius, confidence=confidence)


def _unit_radius(n: int, alpha: float, tuned_for: int) -> float:
    # Equation (14) there: the ρ that makes the interval tightest at n = tuned_for.
    log_alpha = -2.0 * math.log(alpha)
    scaled = n * (log_alpha + math.log(log_alpha + 1.0)) / tuned_for
    return math.sqrt(
        2.0 * (scaled + 1.0) / (n * scaled) * math.log(math.sqrt(scaled + 1.0) / alpha)
    )
