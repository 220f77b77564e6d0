"""Whether rows of two tables can be told apart: a classifier of their origin (domain classifier).

Trees learn on one half of each side which table a row is of, and are asked about the other half. Where
nothing has changed they can only guess: the area under their ROC curve is 0.5, and its chance is known.
Whole rows are compared like this, texts by their words, and embeddings by their numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import Unavailable
from millwright.monitoring.statistics.merged import steps
from millwright.monitoring.statistics.special import Floats, normal_sf
from millwright.training import small_trees

MOST_ROWS = 50_000
"""Rows of a side that are looked at, evenly spread."""
MOST_WORDS = 300
_TEXT_ROWS = 10_000
_LEAST_ROWS = 40
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Apart:
    """How well rows of two tables are told apart.

    Attributes:
        auc: area under the ROC curve on rows that were not learnt from; 0.5 is guessing.
        p_value: of such an area or a larger one where nothing has changed.
        shares: of each column in what the trees went by; they sum to 1.
    """

    auc: float
    p_value: float
    shares: Floats

    @property
    def effect(self) -> float:
        """From 0, guessing, to 1, always right."""
        return max(2.0 * self.auc - 1.0, 0.0)


def tell_apart(left: Floats, right: Floats, categorical: Sequence[int] = ()) -> Apart | None:
    """A classifier of origin, fitted on one half and asked about the other, both ways.

    Args:
        left: ``(n, d)`` rows of the reference, NaN where missing, in the order of time.
        right: ``(m, d)``.
        categorical: columns that number levels.

    Returns:
        None where there are fewer than 40 rows on a side, no column, or LightGBM is not installed.
    """
    sides = [thinned(side, MOST_ROWS) for side in (left, right)]
    if min(len(side) for side in sides) < _LEAST_ROWS or left.shape[1] == 0:
        return None
    halves = [(side[: len(side) // 2], side[len(side) // 2 :]) for side in sides]
    surprises, areas, gains = [], [], np.zeros(left.shape[1])
    for learnt in (0, 1):
        known, asked = [half[learnt] for half in halves], [half[1 - learnt] for half in halves]
        origin = np.repeat([0, 1], [len(part) for part in known])
        try:
            trees = small_trees(
                np.vstack(known), origin, None, classes=True, categorical=categorical, leaf_rows=20
            )
        except Unavailable:
            return None
        gains += trees.booster_.feature_importance("gain")
        area, surprise = _area(*(trees.predict_proba(part)[:, 1] for part in asked))
        areas.append(area)
        surprises.append(surprise)
    total = gains.sum()
    # Both ways depend on how the same halves differ, so their surprises are taken as one.
    return Apart(
        auc=float(np.mean(areas)),
        p_value=normal_sf(float(np.mean(surprises))),
        shares=gains / total if total > 0.0 else gains,
    )


def thinned(rows: Floats, most: int) -> Floats:
    """At most so many rows, evenly spread."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def words_of(
    reference: pa.ChunkedArray, current: pa.ChunkedArray
) -> tuple[Floats, Floats, list[str]]:
    """Which of the most frequent words each text holds: two matrices of 0 and 1, and the words."""
    texts = [_texts(column) for column in (reference, current)]
    found: dict[str, int] = {}
    for side in texts:
        for words in side:
            for word in words:
                found[word] = found.get(word, 0) + 1
    names = sorted(found, key=lambda word: (-found[word], word))[:MOST_WORDS]
    place = {word: at for at, word in enumerate(names)}
    matrices = []
    for side in texts:
        matrix = np.zeros((len(side), len(names)))
        for row, words in enumerate(side):
            matrix[row, [place[word] for word in words if word in place]] = 1.0
        matrices.append(matrix)
    return matrices[0], matrices[1], names


def numbers_in(column: pa.ChunkedArray) -> Floats | None:
    """Embeddings as a matrix ``(rows, length)``; None where lists are not of numbers and one length."""
    kind = column.type
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (listed or pa.types.is_fixed_size_list(kind)):
        return None
    if not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        return None
    held = column.drop_null()
    lengths = pc.unique(pc.list_value_length(held))
    if len(lengths) != 1 or not lengths[0].as_py():
        return None
    flat = pc.list_flatten(held).cast(pa.float64()).to_numpy()
    found: Floats = flat.reshape(-1, lengths[0].as_py())
    return found


def _texts(column: pa.ChunkedArray) -> list[set[str]]:
    held = column.drop_null()
    rows = thinned(np.arange(len(held), dtype=np.float64), _TEXT_ROWS).astype(np.int64)
    taken = held.take(pa.array(rows)).to_pylist()
    return [set(_WORD.findall(str(text).lower())) for text in taken]


def _area(left: Floats, right: Floats) -> tuple[float, float]:
    """Area under the curve of scores, the right's above the left's, and its standard deviations."""
    pair = steps(np.sort(left), np.sort(right))
    n, m = left.size, right.size
    lower = np.cumsum(pair.left) - pair.left / 2.0
    area = float(np.dot(pair.right, lower)) / (n * m)
    ties = (pair.left + pair.right).astype(np.float64)
    total = n + m
    shared = float(np.sum(ties**3 - ties)) / (total * (total - 1.0))
    variance = (total + 1.0 - shared) / (12.0 * n * m)
    return area, (area - 0.5) / math.sqrt(variance) if variance > 0.0 else 0.0
