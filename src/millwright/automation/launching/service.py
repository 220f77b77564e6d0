"""Every change and query of launches.

A launch is ``waiting`` until its lane has room, ``active`` while a worker should execute its run,
and ``ended`` with it. Its row is made in the transaction that queues the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update

from millwright.automation.launching.tables import launches
from millwright.automation.schedules.tables import schedules
from millwright.automation.triggers.tables import triggers
from millwright.kernel import clock
from millwright.kernel.store import Store, Transaction
from millwright.pipelines import NewPipelineRun, Unattended, add_run


def launch(
    tx: Transaction, project: str, new: NewPipelineRun, *, lane: str, max_active: int
) -> str:
    """Queue a run within the caller's transaction and have it executed; its id."""
    run_id = add_run(tx, project, new)
    tx.execute(insert(launches).values(_row(run_id, project, lane, max_active)))
    return run_id


def adopt(store: Store, project: str, runs: Sequence[Unattended]) -> bool:
    """Have runs of a project executed that nobody works on and nobody launched, each in a lane of
    its own, or where no more than so many of a name may run, in that name's; whether there are any.
    """
    if not runs:
        return False
    among = launches.c.run_id.in_([run.id for run in runs])
    with store.read() as connection:
        states = dict(
            connection.execute(select(launches.c.run_id, launches.c.state).where(among)).all()
        )
    fresh = [run for run in runs if states.get(run.id, "ended") == "ended"]
    if not fresh:
        return False
    rows = [
        _row(run.id, project, f"run:{run.id}", 1)
        if run.max_active is None
        else _row(run.id, project, f"named:{run.name}"[:100], run.max_active)
        for run in fresh
    ]
    with store.database.write() as connection:
        # One that a person let go on was launched before; its launch ended when it began to wait.
        ended = launches.c.state == "ended"
        again = launches.c.run_id.in_([run.id for run in fresh])
        connection.execute(delete(launches).where(again, ended))
        connection.execute(insert(launches), rows)
    return True


def expected(store: Store) -> bool:
    """Whether something may start a run at any moment."""
    waiting = [exists().where(table.c.paused.is_(False)) for table in (schedules, triggers)]
    with store.read() as connection:
        return any(connection.execute(select(one)).scalar_one() for one in waiting)


def _row(run_id: str, project: str, lane: str, max_active: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "project": project,
        "lane": lane,
        "max_active": max_active,
        "state": "waiting",
        "worker_starts": 0,
        "created_ms": clock.now_ms(),
    }


def active(store: Store) -> list[Row[Any]]:
    """The launches whose runs should be executed now."""
    query = select(launches).where(launches.c.state == "active").order_by(launches.c.run_id)
    with store.read() as connection:
        return list(connection.execute(query))


def activate(
    store: Store, room: int, begin: Callable[[Row[Any]], object] = lambda _: None
) -> list[Row[Any]]:
    """Make up to ``room`` waiting launches active, the oldest of each lane first; those launches.

    ``begin`` is called with each before that is durable: where it is not in the end, the launch
    waits on, and is found to be in progress when it is activated again.
    """
    waiting = (
        select(launches.c.lane, func.min(launches.c.run_id).label("oldest"))
        .where(launches.c.state == "waiting")
        .group_by(launches.c.lane)
        .order_by("oldest")
    )
    with store.read() as connection:
        lanes = [row.lane for row in connection.execute(waiting)]
    begun: list[Row[Any]] = []
    for lane in lanes:
        if len(begun) < room:
            begun += _activate(store, lane, room - len(begun), begin)
    return begun


def _activate(
    store: Store, lane: str, room: int, begin: Callable[[Row[Any]], object]
) -> list[Row[Any]]:
    same = launches.c.lane == lane
    oldest = select(launches).where(same, launches.c.state == "waiting").order_by(launches.c.run_id)
    with store.database.write() as connection:
        busy = connection.execute(
            select(func.count()).select_from(launches).where(same, launches.c.state == "active")
        ).scalar_one()
        rows = list(connection.execute(oldest.limit(room)))
        chosen = rows[: max(0, (rows[0].max_active if rows else 0) - busy)]
        if chosen:
            change = update(launches).where(launches.c.run_id.in_([row.run_id for row in chosen]))
            connection.execute(change.values(state="active", worker_starts=1))
        for row in chosen:
            begin(row)
    return chosen


def count_start(store: Store, run_id: str) -> None:
    """Remember that a worker was started, so that one that keeps dying is given up."""
    change = update(launches).where(launches.c.run_id == run_id)
    with store.database.write() as connection:
        connection.execute(change.values(worker_starts=launches.c.worker_starts + 1))


def end(store: Store, run_id: str) -> None:
    """The run has ended: its lane has room again."""
    change = update(launches).where(launches.c.run_id == run_id).values(state="ended")
    with store.database.write() as connection:
        connection.execute(change)
