"""How strongly two filters go together over the same traces: normalised mutual information."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from sqlalchemy import and_, func, select

from millwright.kernel.store import Store
from millwright.tracking.experiment_lookup import numbers_of
from millwright.tracking.mlflow.errors import missing
from millwright.tracking.traces.search import conditions_of
from millwright.tracking.traces.tables import traces

SMOOTHING = 0.5


class Asked(msgspec.Struct):
    """``traces/calculate-filter-correlation``."""

    experiment_ids: list[str] = []
    filter_string1: str | None = None
    filter_string2: str | None = None
    base_filter: str | None = None


def answer(store: Store, project: str, asked: Asked) -> dict[str, Any]:
    """Counts, and the normalised pointwise mutual information of both filters."""
    if not asked.experiment_ids:
        raise missing("experiment_ids")
    for name in ("filter_string1", "filter_string2"):
        if not getattr(asked, name):
            raise missing(name)
    dialect = store.database.engine.dialect.name
    base = conditions_of(dialect, asked.base_filter)
    first = [*base, *conditions_of(dialect, asked.filter_string1)]
    second = [*base, *conditions_of(dialect, asked.filter_string2)]
    with store.read() as connection:
        numbers = list(numbers_of(connection, project, asked.experiment_ids))
        mine = and_(traces.c.project == project, traces.c.experiment_no.in_(numbers))

        def count(*conditions: Any) -> int:
            query = select(func.count()).select_from(traces).where(mine, *conditions)
            return int(connection.execute(query).scalar_one())

        total, ones, twos = count(*base), count(*first), count(*second)
        both = count(*first, *second)
    found: dict[str, Any] = {
        "filter1_count": ones,
        "filter2_count": twos,
        "joint_count": both,
        "total_count": total,
    }
    for name, smoothing in (("npmi", 0.0), ("npmi_smoothed", SMOOTHING)):
        value = npmi(both, ones, twos, total, smoothing)
        found[name] = "NaN" if math.isnan(value) else value
    return found


def npmi(both: int, ones: int, twos: int, total: int, smoothing: float = 0.0) -> float:
    """Normalised pointwise mutual information in [-1, 1]; NaN where nothing can be said.

    >>> npmi(5, 5, 5, 10), npmi(0, 5, 5, 10)
    (1.0, -1.0)
    """
    if total <= 0 or ones == 0 or twos == 0:
        return math.nan
    if both == total:
        return 1.0
    if both == 0 and smoothing == 0:
        return -1.0
    cells = total + 4 * smoothing
    joint = (both + smoothing) / cells
    one, two = (ones + 2 * smoothing) / cells, (twos + 2 * smoothing) / cells
    value = math.log(joint / (one * two)) / -math.log(joint)
    return max(-1.0, min(1.0, round(value, 15)))
