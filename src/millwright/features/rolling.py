"""The recent past of an entity: means and counts over a window that ends before the prediction."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from millwright.features.keys import NO_KEY, Integers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """What was known of an entity in one window: the mean (NaN for none) and how many values."""

    mean: Floats
    count: Floats


@dataclass(frozen=True)
class History:
    """The values of all entities in the order in which they became known.

    ``keys`` are (code, rank of ``available_at``) folded to one sorted integer; ``sums`` restart at
    every entity, so neither later values nor other entities ever touch an earlier sum: what a
    feature says at a moment is the same bits whatever happens afterwards.
    """

    keys: Integers
    moments: Integers
    sums: Floats
    width: int


def record_history(
    codes: Integers,
    values: Floats,
    available_at: Integers,
    known: npt.NDArray[np.bool_],
) -> History:
    """Sort values by entity and by the moment at which they became known: O(n log n).

    Args:
        codes: int64 entity of each row; ``keys.NO_KEY`` for none.
        values: float64; values that are not finite are left out.
        available_at: int64 microseconds from which the value was known.
        known: whether ``available_at`` is known; a value never known never counts.
    """
    use = np.flatnonzero(known & (codes != NO_KEY) & np.isfinite(values))
    order = use[np.lexsort((available_at[use], codes[use]))]
    moments = np.unique(available_at[order])
    width = len(moments) + 2
    ranks = np.searchsorted(moments, available_at[order], side="left")
    ordered_codes, ordered_values = codes[order], values[order]
    sums = np.empty(len(order), dtype=np.float64)
    edges = np.flatnonzero(np.diff(ordered_codes, prepend=-2, append=-2))
    for start, stop in itertools.pairwise(edges):
        np.cumsum(ordered_values[start:stop], out=sums[start:stop])
    return History(ordered_codes * width + ranks, moments, sums, width)


def look_back(
    history: History, codes: Integers, moments: Integers, windows_ms: Sequence[int]
) -> tuple[Window, ...]:
    """Mean and count of each query's entity over each window, strictly before the query.

    A value counts when its ``available_at`` lies in ``(t - window, t)``: both ends are open, so
    what becomes known in the very moment of the prediction is not used.

    Args:
        codes: int64 entity of each query; ``keys.NO_KEY`` sees nothing.
        moments: int64 microseconds of each query, ``t``.
        windows_ms: lengths of the windows in milliseconds.
    """
    base = codes * history.width
    first = np.searchsorted(history.keys, base, side="left")
    stop = _position(history, base, np.searchsorted(history.moments, moments, side="left"))
    total = _prefix(history.sums, stop, first)
    seen = codes != NO_KEY
    found = []
    for window in windows_ms:
        begin = np.searchsorted(history.moments, moments - window * 1000, side="right")
        start = _position(history, base, begin)
        count = np.where(seen, np.maximum(stop - start, 0), 0).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (total - _prefix(history.sums, start, first)) / count
        mean[count == 0] = np.nan
        found.append(Window(mean, count))
    return tuple(found)


def _position(history: History, base: Integers, rank: Integers) -> Integers:
    """How many entries come before (entity, rank)."""
    return np.searchsorted(history.keys, base + rank, side="left")


def _prefix(sums: Floats, position: Integers, first: Integers) -> Floats:
    """The sum of an entity's values before a position; 0 at its first."""
    if len(sums) == 0:
        return np.zeros(len(position), dtype=np.float64)
    return np.where(position > first, sums[np.maximum(position, 1) - 1], 0.0)
