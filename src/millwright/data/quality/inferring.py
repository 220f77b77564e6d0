"""Checks proposed from a reference: what fresh data of the same process passes as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.profile_records import ColumnProfile
from millwright.data.quality.profiling import Survey, survey
from millwright.data.quality.records import Check, Suite

RANGE_MARGIN: Final = 0.5
"""An inferred range reaches this share of the observed span beyond it on both sides …"""
TAIL_MARGIN: Final = 3.0
"""… and at least this many times the length of the observed tail (beyond 1 % or 99 %): the longer
a tail is, the further out the next of 3,000 values may lie."""
FAR_OUT: Final = 8.0
"""Values this many times the distance between the 1st and the 99th percentile beyond them are
taken for mistakes, and do not widen an inferred range."""
MAX_ALLOWED_LEVELS: Final = 50
MIN_ROWS_TO_INFER_LEVELS: Final = 100
NULL_TOLERANCE: Final = 0.02
"""Share of nulls, beyond the share seen in the reference, that still passes."""
LEVEL_TOLERANCE: Final = 0.005
"""Share of rows with an unseen value that still passes: new carriers and airports do appear."""
MIN_ROWS_SHARE: Final = 0.05
"""An inferred least number of rows is this share of the reference's."""


def infer_suite(data: Path | pa.Table | Survey) -> Suite:
    """Propose checks that a table, and fresh data of the same process, pass.

    - every column keeps its type, and has hardly more nulls than here (``NULL_TOLERANCE``)
    - numbers stay within the observed range and a margin (``RANGE_MARGIN``); observed values that
      are absurdly far out (``FAR_OUT``) do not count, so such a mistake fails its own check
    - categories stay within the observed values, apart from a few rows (``LEVEL_TOLERANCE``)
    - ids that never repeat do not start to
    """
    known = data if isinstance(data, Survey) else survey(data)
    least = max(1, int(known.profile.rows * MIN_ROWS_SHARE))
    checks = [Check(kind="row_count_between", arguments={"minimum": least})]
    for column in known.profile.columns:
        if column.kind != "unusable":
            checks.extend(_checks_of_column(column, known))
    return Suite(checks=tuple(checks))


def _checks_of_column(column: ColumnProfile, known: Survey) -> list[Check]:
    name, rows = column.name, known.profile.rows
    # Whole numbers with a gap come back from some tools as floats: both are the same quantity.
    types = ("int64", "double") if column.type in ("int64", "double") else (column.type,)
    checks = [_check(name, "has_type", types=types)]
    nulls = column.nulls / rows
    if nulls + NULL_TOLERANCE < 0.5:
        # The share of nulls varies by chance too: four times as much as two samples usually differ.
        chance = 4 * (2 * nulls * (1 - nulls) / rows) ** 0.5
        usual = nulls + max(NULL_TOLERANCE, chance)
        tolerance = 0.0 if nulls == 0 and column.kind in ("id", "time") else min(usual, 1.0)
        checks.append(_check(name, "not_null", round(1 - tolerance, 4)))
    if column.kind == "numeric":
        bounds = _tolerant_range(column, known.sample[name])
        if bounds is not None:
            checks.append(_check(name, "between", minimum=bounds[0], maximum=bounds[1]))
    few = column.distinct <= MAX_ALLOWED_LEVELS and rows >= MIN_ROWS_TO_INFER_LEVELS
    if column.kind == "categorical" and few:
        checks.append(_check(name, "in_set", 1 - LEVEL_TOLERANCE, values=known.levels[name]))
    if column.kind == "id" and column.nulls == 0 and column.distinct == rows:
        checks.append(_check(name, "unique"))
    return checks


def _check(name: str, kind: str, mostly: float = 1.0, **arguments: Any) -> Check:
    return Check(kind=kind, columns=(name,), arguments=arguments, mostly=mostly)


def _tolerant_range(column: ColumnProfile, values: pa.ChunkedArray) -> tuple[float, float] | None:
    numbers = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if column.minimum is None or column.maximum is None or len(numbers) == 0:
        return None
    first, last = (float(q) for q in np.quantile(numbers, (0.01, 0.99)))
    reach = FAR_OUT * (last - first)
    low, high = column.minimum, column.maximum
    if reach > 0:
        near = numbers[(numbers >= first - reach) & (numbers <= last + reach)]
        low = low if low >= first - reach else float(near.min())
        high = high if high <= last + reach else float(near.max())
    margin = RANGE_MARGIN * (high - low) if high > low else max(1.0, abs(high)) * RANGE_MARGIN
    below = max(margin, TAIL_MARGIN * (first - low))
    above = max(margin, TAIL_MARGIN * (high - last))
    if low > 0.0:
        # Amounts, durations: what is only positive may spread by factors, not by differences.
        above = max(above, high * (high / last) ** TAIL_MARGIN - high)
    # A quantity that is never negative (a distance, a count) stays so.
    return (0.0 if low >= 0 else low - below), high + above
