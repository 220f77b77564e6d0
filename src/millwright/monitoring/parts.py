"""What a window says besides one number: rankings, forecasts, segments and groups of people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from millwright.kernel.config import PerformanceConfig
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.outcomes import (
    OutcomeEstimate,
    forecast_estimates,
    forecasts_of,
    ranking_estimates,
)
from millwright.monitoring.performance import LabelledRows, WatchedModel
from millwright.monitoring.records import FairnessGap, MetricEstimate, SegmentEstimate
from millwright.monitoring.segments import FEATURE_PREFIX, milliseconds

QUANTILE_PREFIX = "quantile."
"""Columns of a log with forecasts of quantiles: ``quantile.0.1``."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A window's segments and groups."""

    segments: tuple[SegmentEstimate, ...] = ()
    fairness: tuple[FairnessGap, ...] = ()


Divide = Callable[[pa.Table, LabelledRows, WatchedModel, PerformanceConfig, bool], Parts]
"""Rows of a window, those of them that are labelled, the model, what is asked for, and whether the
window is closed, so that intervals are worth their time."""


def logged_column(rows: pa.Table, name: str) -> pa.ChunkedArray | None:
    """A feature, or another column of the log; None where the log has neither."""
    for known in (f"{FEATURE_PREFIX}{name}", name):
        if known in rows.column_names:
            return rows[known]
    return None


def outcomes_of(
    rows: pa.Table, labelled: LabelledRows, model: WatchedModel, asked: PerformanceConfig
) -> tuple[MetricEstimate, ...]:
    """Metrics of rankings and forecasts, where the project says that the log holds such."""
    if labelled.rows == 0:
        return ()
    found: tuple[OutcomeEstimate, ...] = ()
    if asked.ranking is not None and model.task != "multiclass":
        found += _rankings(rows, labelled, asked)
    if asked.forecast is not None and model.task == "regression":
        found += _forecasts(rows, labelled, asked)
    return tuple(
        MetricEstimate(
            metric=each.metric,
            value=each.value,
            low=each.low,
            high=each.high,
            rows=each.units,
            higher_is_better=each.higher_is_better,
        )
        for each in found
    )


def _rankings(
    rows: pa.Table, labelled: LabelledRows, asked: PerformanceConfig
) -> tuple[OutcomeEstimate, ...]:
    assert asked.ranking is not None
    names = _codes(rows, asked.ranking.by, labelled)
    if names is None:
        return ()
    try:
        return ranking_estimates(names, labelled.actual, labelled.scores, asked.ranking.cuts)
    except InvalidInput:
        # A negative truth is no relevance; the other metrics of the window are still of use.
        return ()


def _forecasts(
    rows: pa.Table, labelled: LabelledRows, asked: PerformanceConfig
) -> tuple[OutcomeEstimate, ...]:
    assert asked.forecast is not None
    order = np.argsort(milliseconds(rows["event_time"])[labelled.positions], kind="stable")
    names = None
    if asked.forecast.series is not None:
        codes = _codes(rows, asked.forecast.series, labelled)
        names = None if codes is None else codes[order]
    quantiles = {}
    for name in rows.column_names:
        if name.startswith(QUANTILE_PREFIX):
            values = rows[name].cast(pa.float64()).to_numpy()[labelled.positions]
            quantiles[float(name.removeprefix(QUANTILE_PREFIX))] = values[order]
    found = forecasts_of(
        labelled.actual[order],
        labelled.scores[order],
        series=names,
        quantiles=quantiles,
        season=asked.forecast.season,
    )
    return forecast_estimates(found)


def _codes(rows: pa.Table, name: str, labelled: LabelledRows) -> np.ndarray | None:
    column = logged_column(rows, name)
    if column is None:
        return None
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False))[labelled.positions]
