"""Rows of many numbers compared as wholes: what no column shows by itself.

Two temperatures may each be distributed as ever and no longer rise together. Reconstruction by
principal components sees that their correlation is gone; the maximum mean discrepancy sees any
change of the joint distribution, and serves embeddings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from millwright.monitoring.statistics.ranks import Test
from millwright.monitoring.statistics.special import Floats

KEPT_VARIANCE = 0.65
"""Share of the variance that the components kept explain, as in NannyML."""
_MOST_ROWS = 1000
"""Rows of a side that enter a discrepancy, evenly spread: its cost is their square."""


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """How well the reference's principal components describe rows.

    Attributes:
        reference: mean distance of a reference row from its reconstruction.
        current: that of a current row.
        components: how many are kept.
        deviation: standard deviation of the mean over as many reference rows.
    """

    reference: float
    current: float
    components: int
    deviation: float

    @property
    def deviations(self) -> float:
        """By how many standard deviations the current mean is away; 0 where there is none."""
        gap = self.current - self.reference
        return gap / self.deviation if self.deviation > 0.0 else 0.0


def reconstruction(reference: Floats, current: Floats) -> Reconstruction:
    """The error of reconstructing rows from the reference's principal components.

    Args:
        reference: ``(n, d)`` numbers; rows with a missing one are left out, constant columns too.
        current: ``(m, d)``.
    """
    left, right = _complete(reference), _complete(current)
    if left.shape[0] < 2 or right.shape[0] == 0:
        return Reconstruction(0.0, 0.0, 0, 0.0)
    left, right = _standardised(left, right)
    if left.shape[1] == 0:
        return Reconstruction(0.0, 0.0, 0, 0.0)
    values, vectors = np.linalg.eigh(left.T @ left / left.shape[0])
    explained = np.cumsum(values[::-1]) / values.sum()
    kept = int(np.searchsorted(explained, KEPT_VARIANCE)) + 1
    lost = vectors[:, : left.shape[1] - kept]
    then = np.sqrt(np.square(left @ lost).sum(axis=1))
    now = np.sqrt(np.square(right @ lost).sum(axis=1))
    spread = float(then.std()) * math.sqrt(1.0 / now.size + 1.0 / then.size)
    return Reconstruction(float(then.mean()), float(now.mean()), kept, spread)


def mean_discrepancy(
    reference: Floats, current: Floats, permutations: int = 200, seed: int = 0
) -> Test:
    """The squared maximum mean discrepancy of a Gaussian kernel, with a permutation p-value.

    Gretton et al. (2012), unbiased; the width is the median distance of the rows. Seeded, so that
    the same rows give the same answer; at most a thousand rows of each side are compared.
    """
    left, right = (_thinned(_complete(side)) for side in (reference, current))
    n, m = left.shape[0], right.shape[0]
    if n < 2 or m < 2:
        return Test(0.0, 1.0)
    left, right = _standardised(left, right)
    both = np.vstack([left, right])
    squares = np.square(both).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2.0 * both @ both.T, 0.0)
    width = float(np.median(distances[np.triu_indices(n + m, 1)]))
    kernel = np.exp(-distances / width) if width > 0.0 else np.ones_like(distances)
    np.fill_diagonal(kernel, 0.0)
    signs = np.zeros((permutations + 1, n + m))
    signs[0, :n] = 1.0
    rng = np.random.default_rng(seed)
    for row in range(1, permutations + 1):
        signs[row, rng.permutation(n + m)[:n]] = 1.0
    within = kernel @ signs.T
    # Of each split: sums of the kernel within the left, across, and within the right.
    among = np.einsum("pi,ip->p", signs, within)
    across = within.sum(axis=0) - among
    rest = kernel.sum() - among - 2.0 * across
    found = among / (n * (n - 1)) + rest / (m * (m - 1)) - 2.0 * across / (n * m)
    p = (1.0 + float(np.count_nonzero(found[1:] >= found[0]))) / (permutations + 1.0)
    return Test(float(found[0]), p)


def _complete(rows: Floats) -> Floats:
    kept: Floats = rows[np.isfinite(rows.sum(axis=1))]
    return kept


def _standardised(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    middle, spread = left.mean(axis=0), left.std(axis=0)
    varied = spread > 0.0
    return (
        (left[:, varied] - middle[varied]) / spread[varied],
        (right[:, varied] - middle[varied]) / spread[varied],
    )


def _thinned(rows: Floats) -> Floats:
    if rows.shape[0] <= _MOST_ROWS:
        return rows
    return rows[np.linspace(0, rows.shape[0] - 1, _MOST_ROWS).astype(np.int64)]
