"""Metrics: points logged, and a metric's history, whole or thinned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store
from millwright.tracking.records import MetricPoint
from millwright.tracking.service.decimation import thinned
from millwright.tracking.service.group_commit import writer_of
from millwright.tracking.service.metric_points import MetricWrite, points_of
from millwright.tracking.service.runs import active, project_of, unknown_run
from millwright.tracking.service.statements import fetch, run_row


def log_metrics(store: Store, actor: Actor, run: str, points: Sequence[MetricPoint]) -> int:
    """Record points in one transaction; how many there were. The same point again is no change.

    The latest value of a key is the one with the highest step, then time, then value.

    Raises:
        NotFound: there is no such run.
    """
    project = project_of(store, run)
    if not points:
        return 0
    now = clock.now_ms()
    rows = points_of(
        [(p.key, p.step, now if p.time_ms is None else p.time_ms, p.value) for p in points]
    )
    writer_of(store).do(actor, project, MetricWrite(actor, project, run, rows, _refuse))
    return len(rows)


def metric_history(
    store: Store,
    run: str,
    key: str,
    limit: int = 10_000,
    *,
    first_step: int | None = None,
    last_step: int | None = None,
) -> list[MetricPoint]:
    """The points of a metric by step, or of a range of steps.

    Above ``limit`` they are thinned to the lowest and highest value of each stretch, with both
    ends kept, so that no peak is lost; a narrower range shows every point.

    Raises:
        NotFound: there is no such run.
    """
    with store.read() as connection:
        no = active(run_row(connection, run), run).no
        query = "SELECT step, time_ms, value, is_nan FROM run_metrics WHERE run_no = ? AND key = ?"
        values: list[Any] = [no, key]
        for comparison, bound in ((">=", first_step), ("<=", last_step)):
            if bound is not None:
                query += f" AND step {comparison} ?"
                values.append(bound)
        found = fetch(connection, f"{query} ORDER BY step, time_ms, value, is_nan", *values)
    chosen = thinned([math.nan if row[3] else row[2] for row in found], limit)
    return [
        MetricPoint.model_construct(
            key=key,
            value=math.nan if found[i][3] else found[i][2],
            step=found[i][0],
            time_ms=found[i][1],
        )
        for i in chosen
    ]


def _refuse(run: str, row: Any) -> Exception | None:
    return unknown_run(run) if row is None or row.deleted_ms is not None else None
