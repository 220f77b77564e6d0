"""E-values for rates: does the challenger fail more often; does a rate exceed what is tolerated?

An e-value is what a fair gambler's stake has grown to by betting against the null hypothesis; under
it, the chance of *ever* reaching 1/α is at most α (Ville's inequality), so it may be looked at after
every request. Two arms are compared as in Turner, Ly & Grünwald, "Generic E-variables for exact
sequential k-sample tests that allow for optional stopping" (Journal of Statistical Planning and
Inference 230, 2024): in a block with n₁ and n₂ requests and y₁ and y₂ failures the stake is
multiplied by::

    θ₁^y₁ (1−θ₁)^(n₁−y₁) · θ₂^y₂ (1−θ₂)^(n₂−y₂) / ( θ₀^(y₁+y₂) (1−θ₀)^(n₁+n₂−y₁−y₂) )

with θ₀ = (n₁θ₁ + n₂θ₂) / (n₁ + n₂), which favours no hypothesis in which the second arm fails no more
often than the first. θ₁ is learned from the blocks before; how many times worse the odds of failing
are is not known, so the stake is divided among several guesses.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

BLOCK = 20
"""Requests in a block; an unfinished last block waits for the next look."""
_ODDS = np.array([1.5, 2.0, 3.0, 5.0, 10.0])
# One failure in a hundred requests is where learning starts.
_PRIOR_FAILURES, _PRIOR_REQUESTS = 1.0, 100.0
_HIGHEST = 0.6


def log_e_of_excess(second: Bools, failed: Bools) -> float:
    """The logarithm of the e-value against "the second arm fails no more often than the first".

    Args:
        second: for each request, in order, whether the second arm answered it, ``(n,)``.
        failed: whether it failed, ``(n,)``.

    The largest value of all blocks so far: evidence that was once enough stays enough. 0 without a
    whole block.

    >>> both = np.tile([False, True], 600)
    >>> log_e_of_excess(both, both & (np.arange(1200) % 20 == 1)) > math.log(100)
    True
    """
    blocks = second.size // BLOCK
    if blocks == 0:
        return 0.0
    arm = second[: blocks * BLOCK].reshape(blocks, BLOCK)
    bad = failed[: blocks * BLOCK].reshape(blocks, BLOCK)
    n2 = arm.sum(axis=1, dtype=np.float64)
    n1 = BLOCK - n2
    y2 = (arm & bad).sum(axis=1, dtype=np.float64)
    y1 = (~arm & bad).sum(axis=1, dtype=np.float64)
    seen = _PRIOR_FAILURES + _before(y1 + y2)
    # What the first arm's rate would be, were the odds of the second as guessed.
    weight = _PRIOR_REQUESTS + _before(n1)[:, None] + _before(n2)[:, None] * _ODDS
    first = np.minimum(seen[:, None] / weight, _HIGHEST)
    worse = first * _ODDS / (1.0 - first + first * _ODDS)
    neither = (n1[:, None] * first + n2[:, None] * worse) / BLOCK
    gained = _log_ratio(y1, n1, first, neither) + _log_ratio(y2, n2, worse, neither)
    return _largest(gained)


def log_e_above(happened: Bools, tolerated: float) -> float:
    """The logarithm of the e-value against "this happens at a rate of at most ``tolerated``".

    ``happened``: for each case, in order, whether it did, ``(n,)``; ``tolerated`` in [0, 1). The
    largest value so far, as above; infinite when what is never tolerated has happened.
    """
    if happened.size == 0:
        return 0.0
    if tolerated <= 0.0:
        return math.inf if happened.any() else 0.0
    more = tolerated * _ODDS / (1.0 - tolerated + tolerated * _ODDS)
    yes, no = np.log(more / tolerated), np.log((1.0 - more) / (1.0 - tolerated))
    return _largest(np.where(happened[:, None], yes, no))


def _before(counts: Floats) -> Floats:
    found: Floats = np.cumsum(counts) - counts
    return found


def _log_ratio(failures: Floats, requests: Floats, rate: Floats, null: Floats) -> Floats:
    bad, good = failures[:, None], (requests - failures)[:, None]
    found: Floats = bad * np.log(rate / null) + good * np.log((1.0 - rate) / (1.0 - null))
    return found


def _largest(gained: Floats) -> float:
    """Of the stakes that began in equal parts, the greatest sum there has been, at least 1."""
    stakes = np.cumsum(gained, axis=0)
    highest = stakes.max(axis=1, keepdims=True)
    together = highest[:, 0] + np.log(np.exp(stakes - highest).mean(axis=1))
    return max(0.0, float(together.max()))
