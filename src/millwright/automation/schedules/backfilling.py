"""Backfills: the fires of a range, run afterwards, so many at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Row

from millwright.automation.launching.service import launch
from millwright.automation.schedules.firing import known_of, run_of
from millwright.automation.schedules.records import (
    Backfill,
    BackfillPlan,
    FireRange,
    NewBackfill,
    PlannedFire,
)
from millwright.automation.schedules.service import schedule_row
from millwright.automation.schedules.tables import backfill_fires, backfills, schedules
from millwright.automation.schedules.timing import timing_of
from millwright.automation.starting import entry_point, filled
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config_automation import TRAIN, ScheduleConfig
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store
from millwright.pipelines import achieved_params, cancel_run, encode, params_digest, run_summaries

MOST_FIRES = 10_000
_ENDED = ("succeeded", "failed", "cancelled")


def plan_backfill(store: Store, project: str, name: str, wanted: FireRange) -> BackfillPlan:
    """What a backfill of a range would run; starts nothing.

    Raises:
        NotFound: there is no such schedule.
        InvalidInput: the range is empty, or holds too many fires.
    """
    with store.read() as connection:
        row = schedule_row(connection, project, name)
    config = ScheduleConfig.model_validate_json(row.config)
    timing = timing_of(config)
    done = _achieved(store, project, config, wanted.code_digest)
    planned = []
    for fire in _fires(row, wanted):
        known = known_of(timing, fire)
        params = {key: filled(value, known) for key, value in config.params.items()}
        digest = params_digest({key: encode(value) for key, value in params.items()})
        planned.append(PlannedFire(time=clock.rfc3339(fire), params=params, done=digest in done))
    return BackfillPlan(pipeline=config.pipeline, fires=tuple(planned))


def start_backfill(
    store: Store, actor: Actor, project: str, name: str, new: NewBackfill
) -> Backfill:
    """Queue a run for each fire of a range that is not done; errors as in ``plan_backfill``."""
    plan = plan_backfill(store, project, name, new)
    with store.read() as connection:
        row = schedule_row(connection, project, name)
    identifier = new_id()
    lane = f"backfill:{identifier}"
    also = {"backfill": identifier}
    fires = [clock.parse_rfc3339(f.time) for f in plan.fires if new.again or not f.done]
    runs = {fire: run_of(store, row, fire, "backfill", also) for fire in fires}
    with store.write(actor, project) as tx:
        tx.execute(
            insert(backfills).values(
                id=identifier,
                project=project,
                schedule_id=row.id,
                start_ms=clock.parse_rfc3339(new.start),
                end_ms=clock.parse_rfc3339(new.end),
                max_active=new.max_active,
                done=len(plan.fires) - len(runs),
                created_ms=clock.now_ms(),
                created_by=actor.name,
            )
        )
        for fire, run in runs.items():
            run_id = launch(tx, project, run, lane=lane, max_active=new.max_active)
            values = {"backfill_id": identifier, "fire_ms": fire, "run_id": run_id}
            tx.execute(insert(backfill_fires).values(values))
        payload = {"schedule": name, "start": new.start, "end": new.end, "runs": len(runs)}
        tx.event("backfill.started", lane, payload, edges=[(f"schedule:{row.id}", lane)])
    return get_backfill(store, project, identifier)


def _achieved(
    store: Store, project: str, config: ScheduleConfig, code_digest: str | None
) -> set[str]:
    # The main job reads what its sources hold at the time, which its parameters do not say.
    if config.pipeline == TRAIN:
        return set()
    return achieved_params(store, project, entry_point(config.pipeline), code_digest)


def cancel_backfill(store: Store, actor: Actor, project: str, identifier: str) -> Backfill:
    """Cancel the runs of a backfill that have not ended."""
    for run in run_summaries(store, _run_ids(store, project, identifier)).values():
        if run.status not in _ENDED:
            try:
                cancel_run(store, actor, run.id)
            except Conflict:
                continue
    return get_backfill(store, project, identifier)


def get_backfill(store: Store, project: str, identifier: str) -> Backfill:
    """A backfill and how far it is.

    Raises:
        NotFound: there is none with this id.
    """
    found = _select(store, project, backfills.c.id == identifier)
    if not found:
        raise NotFound(
            "schedules.unknown_backfill",
            f"There is no backfill {identifier}.",
            hint="See them with: mw schedules backfills NAME",
            value=identifier,
        )
    return found[0]


def list_backfills(store: Store, project: str, name: str) -> list[Backfill]:
    """The backfills of a schedule, newest first."""
    with store.read() as connection:
        row = schedule_row(connection, project, name)
    return _select(store, project, backfills.c.schedule_id == row.id)


def _select(store: Store, project: str, condition: Any) -> list[Backfill]:
    query = (
        select(backfills, schedules.c.name)
        .join(schedules, schedules.c.id == backfills.c.schedule_id)
        .where(backfills.c.project == project, condition)
        .order_by(backfills.c.id.desc())
        .limit(50)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [_record(store, row) for row in rows]


def _record(store: Store, row: Row[Any]) -> Backfill:
    runs = run_summaries(store, _run_ids(store, row.project, row.id))
    return Backfill(
        id=row.id,
        schedule=row.name,
        start=clock.rfc3339(row.start_ms),
        end=clock.rfc3339(row.end_ms),
        max_active=row.max_active,
        runs=len(runs),
        done=row.done,
        statuses=dict(Counter(run.status for run in runs.values())),
        created=clock.rfc3339(row.created_ms),
        created_by=row.created_by,
    )


def _run_ids(store: Store, project: str, identifier: str) -> list[str]:
    query = (
        select(backfill_fires.c.run_id)
        .join(backfills, backfills.c.id == backfill_fires.c.backfill_id)
        .where(backfills.c.project == project, backfills.c.id == identifier)
    )
    with store.read() as connection:
        return list(connection.execute(query).scalars())


def _fires(row: Row[Any], wanted: FireRange) -> list[int]:
    start_ms, end_ms = clock.parse_rfc3339(wanted.start), clock.parse_rfc3339(wanted.end)
    timing = timing_of(ScheduleConfig.model_validate_json(row.config))
    # The range may lie before the schedule began.
    timing = timing.model_copy(
        update={"end_ms": end_ms, "start_ms": min(timing.start_ms, start_ms)}
    )
    fires = timing.between(start_ms - 1, end_ms, MOST_FIRES + 1)
    if not fires:
        raise InvalidInput(
            "schedules.empty_range",
            f"The schedule '{row.name}' does not fire between the two times.",
            hint="See when it does with: mw schedules next NAME --after TIME",
        )
    if len(fires) > MOST_FIRES:
        raise InvalidInput(
            "schedules.large_range",
            f"The range holds more than {MOST_FIRES} fires.",
            hint="Backfill it in parts.",
        )
    return fires
