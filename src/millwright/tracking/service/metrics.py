"""Metrics: many points in one insert, and the latest of each key kept beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store, Transaction
from millwright.tracking.records import MetricPoint
from millwright.tracking.service.runs import project_of
from millwright.tracking.tables import run_latest_metrics, run_metrics


def log_metrics(store: Store, actor: Actor, run: str, points: Sequence[MetricPoint]) -> int:
    """Record points in one transaction with one event; how many there were.

    The latest value of a key is the one with the highest step, then time, then arrival.

    Raises:
        NotFound: there is no such run.
    """
    project = project_of(store, run)
    if not points:
        return 0
    now = clock.now_ms()
    rows: list[dict[str, object]] = [
        {
            "run": run,
            "key": point.key,
            "step": point.step,
            "time_ms": now if point.time_ms is None else point.time_ms,
            "value": None if math.isnan(point.value) else point.value,
        }
        for point in points
    ]
    latest: dict[str, dict[str, object]] = {}
    for row in rows:
        held = latest.get(str(row["key"]))
        if held is None or _age(row) >= _age(held):
            latest[str(row["key"])] = row
    with store.write(actor, project) as tx:
        tx.execute(insert(run_metrics), rows)
        _keep_latest(tx, run, latest)
        payload = {"keys": sorted(latest), "points": len(rows)}
        tx.event("run.metrics-logged", f"run:{run}", payload)
    return len(rows)


def metric_history(store: Store, run: str, key: str, limit: int = 10_000) -> list[MetricPoint]:
    """The points of a metric by step; evenly thinned to ``limit`` where there are more.

    Raises:
        NotFound: there is no such run.
    """
    project_of(store, run)
    query = (
        select(run_metrics)
        .where(run_metrics.c.run == run, run_metrics.c.key == key)
        .order_by(run_metrics.c.step, run_metrics.c.time_ms, run_metrics.c.seq)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    if len(rows) > limit:
        last = len(rows) - 1
        rows = [rows[i * last // max(1, limit - 1)] for i in range(limit)]
    return [
        MetricPoint(
            key=row.key,
            value=math.nan if row.value is None else row.value,
            step=row.step,
            time_ms=row.time_ms,
        )
        for row in rows
    ]


def _keep_latest(tx: Transaction, run: str, latest: dict[str, dict[str, object]]) -> None:
    table = run_latest_metrics
    mine = (table.c.run == run, table.c.key.in_(list(latest)))
    known = {row.key: (row.step, row.time_ms) for row in tx.execute(select(table).where(*mine))}
    newer = [row for key, row in latest.items() if key not in known or _age(row) >= known[key]]
    if newer:
        keys = [row["key"] for row in newer]
        tx.execute(delete(table).where(table.c.run == run, table.c.key.in_(keys)))
        tx.execute(insert(table), newer)


def _age(row: dict[str, object]) -> tuple[object, object]:
    return row["step"], row["time_ms"]
