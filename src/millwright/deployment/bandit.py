"""Thompson sampling: how often each arm should answer, given the rewards that have come so far.

Rewards are numbers from 0 to 1, so an arm's unknown mean has a Beta posterior (of a flat prior).
Thompson sampling draws from the posteriors and takes the best; over many requests that is each arm
with the probability that it is the best. So the probabilities themselves are the weights, worked
out exactly: they need no draw per request, callers stay with their arm, and rewards may come
late and in batches.

Source: Thompson (1933), Biometrika 25; Scott (2010), "A modern Bayesian look at the multi-armed
bandit" (probability matching); Agrawal & Goyal (2012) for rewards between 0 and 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from millwright.kernel.record import Record

Floats = npt.NDArray[np.float64]
_POINTS = 1201
_REACH = 10.0
"""Standard deviations of a posterior that are looked at on each side."""


class ArmEvidence(Record):
    """What is known of one arm, for the audit trail and those who ask."""

    variant: str
    version: int
    rewarded: int
    """Predictions whose reward has come."""
    mean: float | None
    """Their mean reward; None without any."""
    best: float
    """The probability that this arm is the best of all."""
    share: float
    """The share of requests that it should answer."""


def probabilities_of_best(counts: Floats, sums: Floats) -> Floats:
    """For each arm the probability that its mean reward is the highest, ``(k,)``.

    Args:
        counts: rewards that came for each arm, ``(k,)``.
        sums: their sums, each from 0 to its count.
    """
    good, bad = 1.0 + sums, 1.0 + counts - sums
    total = good + bad
    mean, spread = good / total, np.sqrt(good * bad / (total**2 * (total + 1.0)))
    # Every posterior has enough points where it has its mass, however narrow.
    points = np.unique(
        np.concatenate(
            [
                np.linspace(0.0, 1.0, _POINTS),
                *(
                    np.clip(np.linspace(m - _REACH * s, m + _REACH * s, _POINTS), 0.0, 1.0)
                    for m, s in zip(mean, spread, strict=True)
                ),
            ]
        )
    )
    middle, width = (points[1:] + points[:-1]) / 2.0, np.diff(points)
    log_density = (good - 1.0)[:, None] * np.log(middle) + (bad - 1.0)[:, None] * np.log1p(-middle)
    mass = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * width
    mass /= mass.sum(axis=1, keepdims=True)
    below = np.cumsum(mass, axis=1) - mass / 2.0
    found = np.array(
        [
            float((mass[i] * np.prod(np.delete(below, i, axis=0), axis=0)).sum())
            for i in range(len(counts))
        ]
    )
    shares: Floats = found / found.sum()
    return shares


def thompson_shares(counts: Floats, sums: Floats, floor: float) -> Floats:
    """The share of requests for each arm, ``(k,)``: at least ``floor``, together 1."""
    floor = min(floor, 1.0 / len(counts))
    found: Floats = floor + (1.0 - floor * len(counts)) * probabilities_of_best(counts, sums)
    return found
