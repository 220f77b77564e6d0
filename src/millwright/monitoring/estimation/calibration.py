"""Scores turned into chances: isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from millwright.monitoring.statistics.special import Floats

CELLS = 5_000
"""Scores are put into so many cells of equal counts before the regression."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising function from scores to chances, by its points; linear between them."""

    scores: Floats
    chances: Floats

    def __call__(self, scores: Floats) -> Floats:
        """The chance of the positive class for each score."""
        return np.interp(scores, self.scores, self.chances)


def calibrate(scores: Floats, actual: Floats) -> Calibration:
    """Fit on labelled rows: pool adjacent violators over cells of equal counts.

    Args:
        scores: of the positive class, finite.
        actual: 0 or 1.
    """
    if scores.size == 0:
        return Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    order = np.argsort(scores, kind="stable")
    ordered, truth = scores[order], actual[order]
    starts = np.unique(np.linspace(0, ordered.size, min(CELLS, ordered.size) + 1).astype(np.int64))
    # Equal scores belong to one cell.
    starts = np.unique(np.searchsorted(ordered, ordered[starts[:-1]], side="left"))
    sizes = np.diff(np.append(starts, ordered.size)).astype(np.float64)
    means = np.add.reduceat(ordered, starts) / sizes
    shares = np.add.reduceat(truth, starts) / sizes
    return Calibration(means, _rising(shares, sizes))


def calibrated_by(stated: Floats, observed: Floats, rows: Floats) -> Calibration:
    """From a reliability curve: mean score, share of the positive class and rows of each of its bins."""
    held = np.flatnonzero(rows > 0)
    order = held[np.argsort(stated[held], kind="stable")]
    return Calibration(stated[order], _rising(observed[order], rows[order]))


def _rising(values: Floats, weights: Floats) -> Floats:
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, total, cells = value, weight, 1
        while pools and pools[-1][0] >= mean:
            before, held, count = pools.pop()
            mean = (before * held + mean * total) / (held + total)
            total, cells = held + total, cells + count
        pools.append((mean, total, cells))
    return np.repeat([mean for mean, _, _ in pools], [cells for _, _, cells in pools])
