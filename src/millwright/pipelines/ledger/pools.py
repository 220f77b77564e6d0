"""Pools: how many tasks of a project may run at once, whichever processes run them.

A task asks for slots and holds them until it ends. Who waits is known too, so that a free slot goes
to the highest priority, and among equals to whoever asked first. Slots of a run whose lease has run
out do not count: its process is gone.
"""

from __future__ import annotations

from millwright.kernel import clock
from millwright.kernel.errors import NotFound
from millwright.pipelines.ledger.book import Book
from millwright.pipelines.ledger.runs import fenced, unknown_run
from millwright.pipelines.records import SlotRequest

_ASK = (
    "INSERT INTO pipeline_slots (project, pool, run_id, task, claim, slots, priority, asked_ms) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, task) DO UPDATE SET claim = excluded.claim"
)
_ALIVE = (
    "SELECT s.run_id, s.task, s.slots, s.held_ms FROM pipeline_slots s "
    "JOIN pipeline_runs r ON r.id = s.run_id AND r.attempt = s.claim "
    "WHERE s.project = ? AND s.pool = ? AND r.status = 'running' AND r.lease_expires_ms > ? "
    "ORDER BY s.priority DESC, s.asked_ms, s.run_id, s.task"
)


def acquire(book: Book, run_id: str, request: SlotRequest) -> bool:
    """Whether a task holds the slots that it asks for; asked again, it keeps its place in line.

    Raises:
        NotFound: there is no such run, or no such pool.
        Conflict: another worker owns the run by now.
    """
    sql, now = book.sql, clock.now_ms()
    found = sql.rows("SELECT status, attempt FROM pipeline_runs WHERE id = ?", run_id)
    if not found:
        raise unknown_run(run_id)
    if found[0] != ("running", request.attempt):
        status, attempt = found[0]
        raise fenced(run_id, status, attempt, request.attempt)
    query = "SELECT slots FROM pipeline_pools WHERE project = ? AND name = ?"
    size = sql.rows(query, book.project, request.pool)
    if not size:
        raise NotFound(
            "pipelines.unknown_pool",
            f"The project {book.project!r} has no pool {request.pool!r}.",
            hint=f"Make it with: mw pipelines pool {request.pool} --slots N",
            value=request.pool,
        )
    sql.run(
        _ASK,
        *(book.project, request.pool, run_id, request.task, request.attempt),
        *(min(request.slots, max(size[0][0], 1)), request.priority, now),
    )
    alive = sql.rows(_ALIVE, book.project, request.pool, now)
    free = size[0][0] - sum(slots for *_, slots, held in alive if held is not None)
    for run, task, slots, held in alive:
        if (run, task) == (run_id, request.task) and held is not None:
            return True
        if held is not None:
            continue
        free -= slots
        if free < 0:
            return False
        if (run, task) == (run_id, request.task):
            sql.run(
                "UPDATE pipeline_slots SET held_ms = ? WHERE run_id = ? AND task = ?",
                *(now, run_id, request.task),
            )
            return True
    return False
