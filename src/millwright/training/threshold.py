"""From a probability to a decision: the threshold of a binary classifier."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def best_threshold(
    target: npt.NDArray[np.float64] | npt.NDArray[np.int64], probability: npt.NDArray[np.float64]
) -> float:
    """The threshold with the highest F1 on rows the model was not fitted on.

    A threshold of one half suits balanced classes only: where one row in five is positive it
    calls almost none of them.

    Args:
        target: 0 or 1, shape (n,).
        probability: P(1), shape (n,).

    >>> best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    0.3
    """
    if len(target) == 0 or target.sum() == 0:
        return 0.5
    order = np.argsort(-probability, kind="stable")
    found = np.cumsum(target[order])
    called = np.arange(1, len(order) + 1)
    f1 = 2 * found / (called + target.sum())
    # Rows of equal probability are called together or not at all.
    last = np.append(np.diff(probability[order]) != 0, True)
    best = int(np.argmax(np.where(last, f1, -1.0)))
    return float(probability[order][best])
