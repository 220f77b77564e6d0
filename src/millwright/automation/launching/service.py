"""Every change and query of launches.

A launch is ``waiting`` until its lane has room, ``active`` while a worker should execute its run,
and ``ended`` with it. Its row is made in the transaction that queues the run.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, insert, select, update

from millwright.automation.launching.tables import launches
from millwright.kernel import clock
from millwright.kernel.store import Store, Transaction
from millwright.pipelines import NewPipelineRun, add_run


def launch(
    tx: Transaction, project: str, new: NewPipelineRun, *, lane: str, max_active: int
) -> str:
    """Queue a run within the caller's transaction and have it executed; its id."""
    run_id = add_run(tx, project, new)
    tx.execute(
        insert(launches).values(
            run_id=run_id,
            project=project,
            lane=lane,
            max_active=max_active,
            state="waiting",
            worker_starts=0,
            created_ms=clock.now_ms(),
        )
    )
    return run_id


def active(store: Store) -> list[Row[Any]]:
    """The launches whose runs should be executed now."""
    query = select(launches).where(launches.c.state == "active").order_by(launches.c.run_id)
    with store.read() as connection:
        return list(connection.execute(query))


def activate(store: Store, room: int) -> bool:
    """Make up to ``room`` waiting launches active, the oldest of each lane first."""
    waiting = (
        select(launches.c.lane, func.min(launches.c.run_id).label("oldest"))
        .where(launches.c.state == "waiting")
        .group_by(launches.c.lane)
        .order_by("oldest")
    )
    with store.read() as connection:
        lanes = [row.lane for row in connection.execute(waiting)]
    begun = 0
    for lane in lanes:
        if begun < room:
            begun += _activate(store, lane, room - begun)
    return begun > 0


def _activate(store: Store, lane: str, room: int) -> int:
    same = launches.c.lane == lane
    oldest = select(launches).where(same, launches.c.state == "waiting").order_by(launches.c.run_id)
    with store.database.write() as connection:
        busy = connection.execute(
            select(func.count()).select_from(launches).where(same, launches.c.state == "active")
        ).scalar_one()
        rows = connection.execute(oldest.limit(room)).all()
        chosen = [row.run_id for row in rows if busy < row.max_active][
            : max(0, (rows[0].max_active if rows else 0) - busy)
        ]
        if chosen:
            connection.execute(
                update(launches).where(launches.c.run_id.in_(chosen)).values(state="active")
            )
    return len(chosen)


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
