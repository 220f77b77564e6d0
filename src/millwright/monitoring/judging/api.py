"""``mw.ranking_performance``, ``mw.forecast_performance`` and ``mw.serving_skew``.

Example:
    >>> import millwright as mw                                                # doctest: +SKIP
    >>> mw.ranking_performance("log.parquet", query="q", relevance="r", score="s")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from millwright.kernel.cells import numeric_values
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.api import chosen_columns, table_of
from millwright.monitoring.outcomes import (
    OutcomeEstimate,
    forecast_estimates,
    forecasts_of,
    ranking_estimates,
)
from millwright.monitoring.outcomes.ranking import CUTS
from millwright.monitoring.skew import Skew, skew_of

__all__ = ["forecast_performance", "ranking_performance", "serving_skew"]
_MOST_PARTS = 200


def ranking_performance(
    data: Any,
    *,
    query: str,
    relevance: str,
    score: str,
    cuts: Sequence[int] = CUTS,
    by: str | None = None,
) -> dict[str, tuple[OutcomeEstimate, ...]]:
    """NDCG@k, MAP, MRR, precision@k and recall@k of rankings, with 95 % intervals over queries.

    Args:
        data: a row per item that was ranked, in any form that ``drift`` takes; rows whose relevance
            or score is missing are left out.
        query: column of what a row is an answer to.
        relevance: column of numbers, 0 for what is not relevant.
        score: column that rows are ranked by, the highest first.
        cuts: each k.
        by: also for each value of this column.

    Returns:
        The estimates by value of ``by``; those of all rows under ``""``.

    Raises:
        InvalidInput: a column is missing, a relevance is negative, or a cut is below 1.
    """
    if not cuts or min(cuts) < 1:
        raise InvalidInput(
            "monitoring.no_cut", "A ranking is cut after 1 row or more.", hint="Give cuts=(5, 10)."
        )
    table = chosen_columns(table_of(data), _named(query, relevance, score, by))
    truth, scores = numeric_values(table[relevance]), numeric_values(table[score])
    known = np.isfinite(truth) & np.isfinite(scores)
    queries = _codes(table[query])
    return {
        name: ranking_estimates(queries[rows], truth[rows], scores[rows], cuts)
        for name, rows in _parts(table, by, known).items()
    }


def forecast_performance(
    data: Any,
    *,
    target: str,
    prediction: str,
    time: str | None = None,
    series: str | None = None,
    quantiles: Mapping[float, str] | None = None,
    history: Any = None,
    season: int = 1,
    by: str | None = None,
) -> dict[str, tuple[OutcomeEstimate, ...]]:
    """MASE, RMSSE, sMAPE, pinball losses and coverage of forecasts, with 95 % intervals.

    Args:
        data: a row per forecast value, in any form that ``drift`` takes.
        target: column of what came true; rows where it is missing are left out.
        prediction: column of what was forecast.
        time: column that rows are put in order by; they are in order where absent.
        series: column that says what a row is of; all of one where absent.
        quantiles: columns of forecast quantiles, by level: ``{0.1: "low", 0.9: "high"}``.
        history: a table with ``target`` (and ``series``, ``time``) from which the model learned: the
            naive forecast's error on it is the unit of MASE and RMSSE; ``data`` itself where absent.
        season: how many steps back the naive forecast looks.
        by: also for each value of this column, such as the horizon.

    Returns:
        The estimates by value of ``by``; those of all rows under ``""``.

    Raises:
        InvalidInput: a column is missing, or ``season`` is below 1.
    """
    if season < 1:
        raise InvalidInput(
            "monitoring.season", "A season has 1 step or more.", hint="Give season=7.", value=season
        )
    levels = dict(quantiles or {})
    wanted = _named(target, prediction, time, series, by, *levels.values())
    table = _ordered(chosen_columns(table_of(data), wanted), time)
    past = table
    if history is not None:
        past = chosen_columns(table_of(history), _named(target, time, series))
        past = _ordered(past, time)
    actual, said = numeric_values(table[target]), numeric_values(table[prediction])
    known = np.isfinite(actual) & np.isfinite(said)
    names, past_names = _texts(table, series), _texts(past, series)
    found: dict[str, tuple[OutcomeEstimate, ...]] = {}
    for name, rows in _parts(table, by, known).items():
        forecasts = forecasts_of(
            actual[rows],
            said[rows],
            series=names[rows],
            quantiles={q: numeric_values(table[column])[rows] for q, column in levels.items()},
            history=(past_names, numeric_values(past[target])),
            season=season,
        )
        found[name] = forecast_estimates(forecasts)
    return found


def serving_skew(
    offline: Any,
    served: Any,
    *,
    on: Sequence[str],
    columns: Sequence[str] | None = None,
    tolerance: float = 1e-6,
) -> Skew:
    """Whether features are the same where a model learns and where it serves, row by row.

    Args:
        offline: features as training reads them, in any form that ``drift`` takes; a row per key.
        served: features as they were served.
        on: columns that name a row on both sides, such as an entity and a moment.
        columns: features; by default all others that both have.
        tolerance: of numbers, as a share of the larger one.

    Raises:
        InvalidInput: a column is missing, or a key stands for several offline rows.
    """
    return skew_of(table_of(offline), table_of(served), on, columns, tolerance)


def _named(*names: str | None) -> list[str]:
    return list(dict.fromkeys(name for name in names if name is not None))


def _ordered(table: pa.Table, time: str | None) -> pa.Table:
    return table if time is None else table.sort_by(time)


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number for each distinct value; missing values are one of their own."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False))


def _texts(table: pa.Table, column: str | None) -> np.ndarray:
    if column is None:
        return np.zeros(table.num_rows, dtype="U1")
    return np.array([str(value) for value in table[column].to_pylist()])


def _parts(table: pa.Table, by: str | None, known: np.ndarray) -> dict[str, np.ndarray]:
    """Rows to measure, in all and for each value of a column."""
    found = {"": np.flatnonzero(known)}
    if by is None:
        return found
    names = _texts(table, by)
    values = np.unique(names[known])
    if values.size > _MOST_PARTS:
        raise InvalidInput(
            "monitoring.many_parts",
            f"'{by}' has {values.size:,} values; {_MOST_PARTS} can be measured one by one.",
            hint="Group them in a column of their own.",
            value=by,
        )
    return found | {str(value): np.flatnonzero(known & (names == value)) for value in values}
