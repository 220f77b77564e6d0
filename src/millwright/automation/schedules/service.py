"""Every change and query of schedules: one transaction each, with its event."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.automation.launching.service import launch
from millwright.automation.schedules.firing import run_of
from millwright.automation.schedules.records import Fire, Schedule
from millwright.automation.schedules.tables import (
    backfill_fires,
    backfills,
    schedule_fires,
    schedules,
)
from millwright.automation.schedules.timing import Timing, timing_of
from millwright.automation.starters import lineage_nodes, stands_in_file
from millwright.automation.starting import entry_point
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.config_automation import CRON_NAMES, TRAIN, ScheduleConfig
from millwright.kernel.errors import NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store, Transaction
from millwright.pipelines import run_summaries

_UPCOMING = 5
_LATEST = 10


def put_schedule(
    store: Store,
    actor: Actor,
    project: str,
    name: str,
    config: ScheduleConfig,
    *,
    declared: bool = False,
) -> Schedule:
    """Add a schedule or change it; one that is the same already is left alone.

    Moments that have passed are not fired, except with a ``start`` in the past and ``catch_up: all``.

    Raises:
        InvalidInput: it names no file that Python can import.
        Conflict: it stands in ``millwright.yaml``, and this call does not come from there.
    """
    if config.pipeline != TRAIN:
        entry_point(config.pipeline)
    text = config.model_dump_json()
    with store.write(actor, project) as tx:
        known = _find(tx.connection, project, name)
        if known is not None and known.declared and not declared:
            raise stands_in_file("schedule", name)
        if known is None or known.config != text or known.declared != declared:
            _write(tx, known, name, config, declared=declared)
    return get_schedule(store, project, name)


def remove_schedule(
    store: Store, actor: Actor, project: str, name: str, *, declared: bool = False
) -> None:
    """Remove a schedule and the record of its fires; its runs stay.

    Raises:
        NotFound: there is none of that name.
        Conflict: it stands in ``millwright.yaml``.
    """
    with store.write(actor, project) as tx:
        row = _row(tx.connection, project, name)
        if row.declared and not declared:
            raise stands_in_file("schedule", name)
        ids = select(backfills.c.id).where(backfills.c.schedule_id == row.id)
        tx.execute(delete(backfill_fires).where(backfill_fires.c.backfill_id.in_(ids)))
        tx.execute(delete(backfills).where(backfills.c.schedule_id == row.id))
        tx.execute(delete(schedule_fires).where(schedule_fires.c.schedule_id == row.id))
        tx.execute(delete(schedules).where(schedules.c.id == row.id))
        tx.event("schedule.removed", f"schedule:{row.id}", {"schedule": name})


def pause_schedule(store: Store, actor: Actor, project: str, name: str) -> Schedule:
    """Stop firing, until it is resumed."""
    with store.write(actor, project) as tx:
        row = _row(tx.connection, project, name)
        if not row.paused:
            tx.execute(update(schedules).where(schedules.c.id == row.id).values(paused=True))
            tx.event("schedule.paused", f"schedule:{row.id}", {"schedule": name})
    return get_schedule(store, project, name)


def resume_schedule(store: Store, actor: Actor, project: str, name: str) -> Schedule:
    """Fire again. What passed during the pause was paused on purpose: nothing catches it up."""
    with store.write(actor, project) as tx:
        row = _row(tx.connection, project, name)
        if row.paused:
            following = _timing(row).next_after(clock.now_ms())
            change = update(schedules).where(schedules.c.id == row.id)
            tx.execute(change.values(paused=False, next_ms=following))
            tx.event("schedule.resumed", f"schedule:{row.id}", {"schedule": name})
    return get_schedule(store, project, name)


def run_now(store: Store, actor: Actor, project: str, name: str) -> str:
    """Start a run of a schedule's pipeline now, as if this moment were a fire; the run's id."""
    with store.read() as connection:
        row = _row(connection, project, name)
    new = run_of(store, row, clock.now_ms(), "manual", {"by": actor.name})
    lane = f"schedule:{row.id}"
    config = ScheduleConfig.model_validate_json(row.config)
    with store.write(actor, project) as tx:
        run_id = launch(tx, project, new, lane=lane, max_active=config.max_active)
        edges = [(lane, f"pipeline-run:{run_id}")]
        tx.event("schedule.run-by-hand", lane, {"schedule": name}, edges=edges)
    return run_id


def get_schedule(store: Store, project: str, name: str) -> Schedule:
    """A schedule by name.

    Raises:
        NotFound: there is none.
    """
    with store.read() as connection:
        row = _row(connection, project, name)
        fires = _fires(connection, row.id)
    return _record(store, row, fires)


def list_schedules(store: Store, project: str) -> list[Schedule]:
    """The schedules of a project, by name."""
    query = select(schedules).where(schedules.c.project == project).order_by(schedules.c.name)
    with store.read() as connection:
        found = [(row, _fires(connection, row.id)) for row in connection.execute(query).all()]
    return [_record(store, row, fires) for row, fires in found]


def next_fires(store: Store, project: str, name: str, after_ms: int, count: int) -> list[str]:
    """The fires after a moment, whether or not the schedule is paused."""
    with store.read() as connection:
        timing = _timing(_row(connection, project, name))
    return [clock.rfc3339(fire) for fire in islice(timing.after(after_ms), count)]


def schedule_row(connection: Connection, project: str, name: str) -> Row[Any]:
    """The row of a schedule; errors as in ``get_schedule``."""
    return _row(connection, project, name)


def _write(
    tx: Transaction, known: Row[Any] | None, name: str, config: ScheduleConfig, *, declared: bool
) -> None:
    timing, now = timing_of(config), clock.now_ms()
    catches_up = config.catch_up == "all" and config.start is not None
    same_clock = known is not None and _timing(known) == timing
    values: dict[str, Any] = {
        "declared": declared,
        "config": config.model_dump_json(),
        "next_ms": known.next_ms
        if known is not None and same_clock
        else timing.next_after(timing.start_ms - 1 if catches_up else now),
        "problem": None,
    }
    identifier = new_id() if known is None else known.id
    if known is None:
        row = {"id": identifier, "project": tx.project, "name": name, "paused": False}
        tx.execute(insert(schedules).values(**row, **values, created_ms=now))
    else:
        tx.execute(update(schedules).where(schedules.c.id == identifier).values(**values))
    what = "changed" if known is not None else "created"
    payload = {"schedule": name, **config.model_dump(mode="json", exclude_defaults=True)}
    tx.event(f"schedule.{what}", f"schedule:{identifier}", payload)


def _find(connection: Connection, project: str, name: str) -> Row[Any] | None:
    query = select(schedules).where(schedules.c.project == project, schedules.c.name == name)
    return connection.execute(query).first()


def _row(connection: Connection, project: str, name: str) -> Row[Any]:
    found = _find(connection, project, name)
    if found is None:
        raise NotFound(
            "schedules.unknown",
            f"There is no schedule named '{name}'.",
            hint="See them with: mw schedules list",
            value=name,
        )
    return found


def _timing(row: Row[Any]) -> Timing:
    return timing_of(ScheduleConfig.model_validate_json(row.config))


def _fires(connection: Connection, schedule_id: str) -> list[Row[Any]]:
    query = select(schedule_fires).where(schedule_fires.c.schedule_id == schedule_id)
    query = query.order_by(schedule_fires.c.fire_ms.desc()).limit(_LATEST)
    return list(connection.execute(query))


def _record(store: Store, row: Row[Any], fires: list[Row[Any]]) -> Schedule:
    config = ScheduleConfig.model_validate_json(row.config)
    runs = run_summaries(store, [fire.run_id for fire in fires if fire.run_id])
    upcoming: list[int] = []
    if not row.paused and row.next_ms is not None:
        upcoming = list(islice(timing_of(config).after(row.next_ms - 1), _UPCOMING))
    return Schedule(
        id=row.id,
        project=row.project,
        name=row.name,
        declared=row.declared,
        config=config,
        description=described(config),
        paused=row.paused,
        upcoming=tuple(map(clock.rfc3339, upcoming)),
        latest=tuple(
            Fire(
                time=clock.rfc3339(fire.fire_ms),
                run_id=fire.run_id,
                status=runs[fire.run_id].status if fire.run_id in runs else "skipped",
                reason=fire.reason,
            )
            for fire in fires
        ),
        problem=row.problem,
    )


def described(config: ScheduleConfig) -> str:
    """The clock of a schedule in words.

    >>> described(ScheduleConfig(pipeline="train", cron="30 2 * * MON", timezone="Europe/Berlin"))
    'at 02:30 on Monday (Europe/Berlin)'
    """
    if config.cron is None:
        return f"every {config.every}"
    from datetime import UTC, datetime

    from cronsim import CronSim

    expression = CRON_NAMES.get(config.cron, config.cron)
    words = CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)).explain()
    return f"{words[0].lower()}{words[1:]} ({config.timezone})"


@describes("schedule")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    return lineage_nodes("schedule", schedules, connection, project, ids)
