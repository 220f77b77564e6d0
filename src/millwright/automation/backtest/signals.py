"""The alerts of a window in a replay, by the rules of the monitor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from millwright.automation.backtest.log import Floats, Log
from millwright.kernel.clock import rfc3339
from millwright.kernel.config import DriftConfig, PerformanceConfig
from millwright.kernel.model_package import Field
from millwright.monitoring import (
    LossCount,
    Reference,
    drifted_share,
    loss_rise,
    make_reference,
    table_drift,
)

_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Signal:
    """An alert as the policy sees it; ``rise``: errors per prediction that are new, in so many ``rows``."""

    kind: str
    title: str
    since_ms: int
    rise: float | None = None
    rows: int = 0
    status: str = "open"

    @property
    def id(self) -> str:
        """Kind and moment say which it is."""
        return f"{self.kind}-{self.since_ms}"


@dataclass(frozen=True)
class Watched:
    """A model while it serves.

    Attributes:
        log: the rows.
        losses: shape ``(rows,)``; known up to the window's end.
        learned_from: first row it learned from.
        trained_at: first row that it predicted.
        window_rows: rows of a window.
    """

    log: Log
    losses: Floats
    learned_from: int
    trained_at: int
    window_rows: int


def signals(watched: Watched, kinds: Collection[str], end: int) -> tuple[Signal, ...]:
    """What the window that ends at row ``end`` asks for, of these kinds."""
    rules = {
        "loss": _loss,
        "performance": _performance,
        "data_drift": _data_drift,
    }
    found = [rule(watched, end) for kind, rule in rules.items() if kind in kinds]
    return tuple(signal for signal in found if signal is not None)


def _loss(watched: Watched, end: int) -> Signal | None:
    losses = watched.losses[watched.trained_at : end]
    # For values an error is one larger than usual of the first window.
    limit = 0.5 if watched.log.classes else float(losses[: watched.window_rows].mean())
    counts = []
    for begin in range(0, losses.size, watched.window_rows):
        part = losses[begin : begin + watched.window_rows]
        moment = int(watched.log.moments[watched.trained_at + begin])
        counts.append(LossCount(moment, part.size, int((part > limit).sum())))
    found = loss_rise(counts)
    if found is None:
        return None
    title = (
        f"Errors have become more frequent since {rfc3339(found.since_ms)[:10]}:"
        f" {found.after:.1%} of {found.rows:,} predictions against {found.before:.1%}."
    )
    return Signal("loss", title, found.since_ms, max(found.after - found.before, 0.0), found.rows)


def _performance(watched: Watched, end: int) -> Signal | None:
    first = watched.losses[watched.trained_at : watched.trained_at + watched.window_rows]
    window = watched.losses[max(end - watched.window_rows, watched.trained_at) : end]
    drop = float(window.mean() - first.mean())
    error = float(np.sqrt(window.var() / window.size + first.var() / first.size))
    allowed = PerformanceConfig().max_drop * (1.0 if watched.log.classes else float(first.mean()))
    if drop <= allowed or drop <= _NORMAL_95 * error:
        return None
    since = int(watched.log.moments[end - window.size])
    title = f"The loss is {window.mean():.4g} against {first.mean():.4g} after training."
    return Signal("performance", title, since, drop if watched.log.classes else None, window.size)


def _data_drift(watched: Watched, end: int) -> Signal | None:
    reference = _reference(watched.log, watched.learned_from, watched.trained_at)
    begin = max(end - watched.window_rows, watched.trained_at)
    policy = DriftConfig()
    columns = table_drift(reference, _table(watched.log, begin, end), policy.threshold)
    share = drifted_share(columns)
    if share < policy.share:
        return None
    moved = sum(column.drifted for column in columns)
    title = f"{moved} of {len(columns)} columns have moved ({share:.0%})."
    return Signal("data_drift", title, int(watched.log.moments[begin]))


@lru_cache(maxsize=8)
def _reference(log: Log, first: int, last: int) -> Reference:
    return make_reference(_table(log, first, last), _fields(log))


def _table(log: Log, first: int, last: int) -> pa.Table:
    columns = {}
    for position, field in enumerate(_fields(log)):
        values = log.inputs[first:last, position]
        missing = np.isnan(values)
        if field.kind == "categorical":
            names = np.char.mod("%d", np.where(missing, -1, values).astype(np.int64))
            columns[field.name] = pa.array(names, pa.string(), mask=missing)
        else:
            columns[field.name] = pa.array(values, mask=missing)
    return pa.table(columns)


def _fields(log: Log) -> tuple[Field, ...]:
    return tuple(
        Field(name=str(at), kind="categorical" if at in log.categorical else "numeric")
        for at in range(log.inputs.shape[1])
    )
