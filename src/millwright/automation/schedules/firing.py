"""Firing: the moments that have come become runs, each exactly once.

The run, the row that says that this moment has fired, and the moment that comes next are one
transaction. Any number of schedulers may do this at once and be killed at any point.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from millwright.automation.launching.service import launch
from millwright.automation.schedules.deciding import missed
from millwright.automation.schedules.tables import schedule_fires, schedules
from millwright.automation.schedules.timing import Timing, timing_of
from millwright.automation.starting import StartedBy, new_run
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import rfc3339
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store, Transaction
from millwright.pipelines import NewPipelineRun

_log = logging.getLogger("millwright.automation")
_AT_ONCE = 100
"""Fires of one schedule in one transaction."""


def fire_due(store: Store, now_ms: int) -> int:
    """Fire what is due by ``now_ms``; how many runs were started."""
    started = 0
    while rows := _due(store, now_ms):
        for row in rows:
            started += _fire(store, row, now_ms)
    return started


def known_of(timing: Timing, fire_ms: int) -> dict[str, str]:
    """What placeholders in the parameters of a fire stand for."""
    time = rfc3339(fire_ms)
    return {
        "fire_time": time,
        "fire_date": time[:10],
        "interval_start": rfc3339(timing.before(fire_ms)),
        "interval_end": time,
    }


def run_of(
    store: Store,
    row: Row[Any],
    fire_ms: int,
    trigger: StartedBy = "schedule",
    also: Mapping[str, Any] | None = None,
) -> NewPipelineRun:
    """The run of one fire of a schedule; errors as in ``starting.new_run``."""
    config = ScheduleConfig.model_validate_json(row.config)
    cause = {"schedule": row.name, "fire_time": rfc3339(fire_ms), **(also or {})}
    known = known_of(timing_of(config), fire_ms)
    return new_run(store, row.project, config, known, cause, trigger)


def _due(store: Store, now_ms: int) -> list[Row[Any]]:
    query = select(schedules).where(schedules.c.paused.is_(False), schedules.c.next_ms <= now_ms)
    with store.read() as connection:
        return list(connection.execute(query.order_by(schedules.c.next_ms).limit(_AT_ONCE)))


def _fire(store: Store, row: Row[Any], now_ms: int) -> int:
    config = ScheduleConfig.model_validate_json(row.config)
    timing = timing_of(config)
    fires = timing.between(row.next_ms - 1, now_ms, _AT_ONCE)
    following = timing.next_after(fires[-1] if fires else now_ms)
    skipped = missed(
        fires, config.catch_up, now_ms, more=following is not None and following <= now_ms
    )
    runs: dict[int, NewPipelineRun] = {}
    problem = None
    for fire in fires:
        if fire in skipped:
            continue
        try:
            runs[fire] = run_of(store, row, fire)
        except MillwrightError as error:
            problem = skipped[fire] = str(error)
            _log.warning("schedule %s: %s", row.name, error)
    with store.write(SYSTEM, row.project) as tx:
        same = (
            schedules.c.id == row.id,
            schedules.c.next_ms == row.next_ms,
            schedules.c.config == row.config,
            schedules.c.paused.is_(False),
        )
        change = update(schedules).where(*same).values(next_ms=following, problem=problem)
        if tx.execute(change).rowcount != 1:
            return 0
        return _record(tx, row, fires, skipped, runs, config.max_active)


def _record(
    tx: Transaction,
    row: Row[Any],
    fires: list[int],
    skipped: Mapping[int, str],
    runs: Mapping[int, NewPipelineRun],
    max_active: int,
) -> int:
    table = schedule_fires.c
    # A schedule that was changed back may come to moments that have fired before.
    known = select(table.fire_ms).where(table.schedule_id == row.id, table.fire_ms.in_(fires))
    before = set(tx.execute(known).scalars())
    started = 0
    for fire in fires:
        if fire in before:
            continue
        values: dict[str, Any] = {"schedule_id": row.id, "fire_ms": fire}
        if fire in runs:
            lane = f"schedule:{row.id}"
            run_id = launch(tx, row.project, runs[fire], lane=lane, max_active=max_active)
            tx.execute(insert(schedule_fires).values(**values, run_id=run_id))
            payload = {"schedule": row.name, "time": rfc3339(fire)}
            edges = [(lane, f"pipeline-run:{run_id}")]
            tx.event("schedule.fired", lane, payload, edges=edges)
            started += 1
        else:
            tx.execute(insert(schedule_fires).values(**values, reason=skipped[fire]))
    passed = [fire for fire in fires if fire in skipped and fire not in before]
    if passed:
        payload = {
            "schedule": row.name,
            "fires": len(passed),
            "from": rfc3339(passed[0]),
            "to": rfc3339(passed[-1]),
            "reason": skipped[passed[-1]],
        }
        tx.event("schedule.skipped", f"schedule:{row.id}", payload)
    return started
