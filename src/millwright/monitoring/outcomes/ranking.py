"""Metrics of rankings: each query's rows are ranked by score, and queries count alike.

Rows of equal score stand in any order: precision, recall, NDCG and the reciprocal rank are what is
to be expected over these orders, and average precision takes them together, as scikit-learn does.
NDCG has the relevance itself as gain and log2 discounts (Järvelin and Kekäläinen, 2002). A query
without anything relevant has no NDCG, average precision, recall or reciprocal rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from millwright.kernel.errors import InvalidInput
from millwright.monitoring.outcomes.units import (
    Floats,
    OutcomeEstimate,
    Positions,
    mean_estimate,
)

CUTS = (5, 10)


@dataclass(frozen=True)
class Ranked:
    """Rows in the order of query and falling score; those of equal score are one block.

    Attributes:
        query: of each block, ``0 … queries - 1``, ascending.
        begin: rows of its query before each block.
        size: rows of each block.
        gain: sum of relevance in each block; ``hits`` how many of its rows are relevant at all.
    """

    queries: int
    query: Positions
    begin: Positions
    size: Positions
    gain: Floats
    hits: Floats
    rows: Positions
    ideal: Floats
    """Relevance, by query and falling."""
    ideal_query: Positions

    @cached_property
    def relevant(self) -> Floats:
        """Relevant rows of each query."""
        return _sums(self.query, self.hits, self.queries)

    def by_query(self, values: Floats) -> Floats:
        """Sums over each query's blocks."""
        return _sums(self.query, values, self.queries)

    def within(self, cut: int) -> Floats:
        """How many of each block's positions are among the first ``cut``."""
        end = np.minimum(self.begin + self.size, cut)
        found: Floats = np.maximum(end - self.begin, 0).astype(np.float64)
        return found


def ranked(queries: Sequence[object] | np.ndarray, relevance: Floats, scores: Floats) -> Ranked:
    """Rows as blocks of equal score.

    Raises:
        InvalidInput: a relevance is negative.
    """
    if relevance.size and relevance.min() < 0.0:
        raise InvalidInput(
            "monitoring.negative_relevance",
            "A relevance is negative.",
            hint="Give 0 for what is not relevant, and more the more it is.",
            value=float(relevance.min()),
        )
    names, codes = np.unique(np.asarray(queries), return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    order = np.lexsort((-scores, codes))
    group, score, gain = codes[order], scores[order], relevance[order]
    fresh = np.append(True, (group[1:] != group[:-1]) | (score[1:] != score[:-1]))
    starts = np.flatnonzero(fresh)
    rows = np.bincount(codes, minlength=names.size).astype(np.int64)
    first = np.cumsum(rows) - rows
    best = np.lexsort((-relevance, codes))
    return Ranked(
        queries=int(names.size),
        query=group[starts],
        begin=starts - first[group[starts]],
        size=np.diff(np.append(starts, order.size)),
        gain=np.add.reduceat(gain, starts),
        hits=np.add.reduceat((gain > 0.0).astype(np.float64), starts),
        rows=rows,
        ideal=relevance[best],
        ideal_query=codes[best],
    )


def ndcg(found: Ranked, cut: int) -> Floats:
    """Of each query; NaN without anything relevant."""
    discounts = 1.0 / np.log2(np.arange(max(int(found.rows.max(initial=0)), 1)) + 2.0)
    summed = np.concatenate(([0.0], np.cumsum(discounts)))
    limit = min(cut, discounts.size)
    until = np.minimum(found.begin + found.size, limit)
    since = np.minimum(found.begin, limit)
    reached = found.by_query(found.gain / found.size * (summed[until] - summed[since]))
    place = np.arange(found.ideal.size) - (np.cumsum(found.rows) - found.rows)[found.ideal_query]
    worth = np.where(place < limit, found.ideal * discounts[place], 0.0)
    return _ratio(reached, _sums(found.ideal_query, worth, found.queries))


def precision(found: Ranked, cut: int) -> Floats:
    """Relevant rows among the first ``cut`` of each query, as a share of ``cut``."""
    return found.by_query(found.hits / found.size * found.within(cut)) / cut


def recall(found: Ranked, cut: int) -> Floats:
    """The share of each query's relevant rows that are among its first ``cut``."""
    return _ratio(found.by_query(found.hits / found.size * found.within(cut)), found.relevant)


def average_precision(found: Ranked) -> Floats:
    """Precision at each score that adds something relevant, weighted by what it adds."""
    total = np.cumsum(found.hits)
    before = np.concatenate(([0.0], np.cumsum(found.relevant)[:-1]))[found.query]
    at = (total - before) / (found.begin + found.size)
    return _ratio(found.by_query(found.hits * at), found.relevant)


def reciprocal_rank(found: Ranked) -> Floats:
    """1 / the place of the first relevant row of each query, expected over the order of ties."""
    values = np.full(found.queries, np.nan)
    some = np.flatnonzero(found.hits > 0.0)
    queries, first = np.unique(found.query[some], return_index=True)
    for query, block in zip(queries, some[first], strict=True):
        size, hits, begin = int(found.size[block]), int(found.hits[block]), int(found.begin[block])
        expected, missed = 0.0, 1.0
        for place in range(size - hits + 1):
            here = hits / (size - place)
            expected += missed * here / (begin + place + 1)
            missed *= 1.0 - here
        values[query] = expected
    return values


def ranking_estimates(
    queries: Sequence[object] | np.ndarray,
    relevance: Floats,
    scores: Floats,
    cuts: Sequence[int] = CUTS,
) -> tuple[OutcomeEstimate, ...]:
    """NDCG, precision and recall at each cut, mean average precision, mean reciprocal rank.

    Args:
        queries: what each row is an answer to, of any kind that sorts.
        relevance: of each row, 0 and above.
        scores: what rows are ranked by, the highest first.
        cuts: lengths of the list that is looked at.

    Returns:
        Means over the queries that have a value, with intervals over resampled queries.

    Raises:
        InvalidInput: a relevance is negative.
    """
    if not len(relevance):
        return ()
    found = ranked(queries, relevance, scores)
    values = {f"ndcg@{cut}": ndcg(found, cut) for cut in cuts}
    values |= {"map": average_precision(found), "mrr": reciprocal_rank(found)}
    values |= {f"precision@{cut}": precision(found, cut) for cut in cuts}
    values |= {f"recall@{cut}": recall(found, cut) for cut in cuts}
    estimates = [mean_estimate(name, each, higher_is_better=True) for name, each in values.items()]
    return tuple(estimate for estimate in estimates if estimate is not None)


def _sums(places: Positions, values: Floats, size: int) -> Floats:
    return np.bincount(places, values, size).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0.0)
