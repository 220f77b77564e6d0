"""Questions to people: who decided, when and why; no answer in time is a no."""

from __future__ import annotations

from millwright.kernel import clock
from millwright.kernel.access import SYSTEM, Actor, Role
from millwright.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from millwright.kernel.objects import digest_of
from millwright.kernel.store import Store
from millwright.pipelines.ledger import runs
from millwright.pipelines.ledger.book import Book
from millwright.pipelines.ledger.sql import Row, Sql, as_json
from millwright.pipelines.records import Approval, Decision, Failure, RunEnd

_COLUMNS = (
    "SELECT a.run_id, a.task, a.project, r.name, a.message, a.role, a.asked_ms, a.expires_ms, "
    "a.decision, a.decided_by, a.decided_ms, a.reason, r.status FROM pipeline_approvals a "
    "JOIN pipeline_runs r ON r.id = a.run_id "
)
_RANK = list(Role)
_TRUE = digest_of(b"true")


def list_approvals(store: Store, project: str, *, waiting: bool = True) -> list[Approval]:
    """The questions of a project, oldest first; those without an answer, or all."""
    where = "WHERE a.project = ? "
    if waiting:
        where += "AND a.decision IS NULL AND r.status NOT IN ('succeeded', 'failed', 'cancelled') "
    with store.read() as connection:
        found = Sql(connection).rows(_COLUMNS + where + "ORDER BY a.asked_ms LIMIT 500", project)
    return [_approval(row) for row in found]


def decide(store: Store, actor: Actor, run_id: str, task: str, decision: Decision) -> Approval:
    """Answer a question. After a yes the run is queued again; after a no it has failed.

    Raises:
        NotFound: nobody asked that.
        Forbidden: the actor's role may not answer it.
        Conflict: it was answered already, or the time is over.
        InvalidInput: a no without a reason.
    """
    if not decision.approve and not decision.reason.strip():
        raise InvalidInput(
            "pipelines.no_reason", "A rejection needs a reason.", hint="Say why: --reason TEXT"
        )
    with store.read() as connection:
        project = str(_asked(Sql(connection), run_id, task)[2])
    if decision.approve:
        # What the question's node makes: the bytes are there before a row names them.
        store.objects.of(project).put(b"true")
    with store.write(actor, project) as tx:
        sql = Sql(tx.connection)
        row = _asked(sql, run_id, task)
        _check(row, actor)
        _answer(Book(sql, actor.name, project), row, approve=decision.approve, why=decision.reason)
        return _approval(_asked(sql, run_id, task))


def reject_late(store: Store) -> int:
    """Reject the questions whose time is over; how many they were."""
    late = (
        "WHERE a.decision IS NULL AND a.expires_ms <= ? "
        "AND r.status NOT IN ('succeeded', 'failed', 'cancelled')"
    )
    now = clock.now_ms()
    with store.read() as connection:
        if not Sql(connection).rows(_COLUMNS + late, now):
            return 0
    with store.write(SYSTEM) as tx:
        sql = Sql(tx.connection)
        found = sql.rows(_COLUMNS + late, now)
        for row in found:
            book = Book(sql, SYSTEM.name, str(row[2]))
            _answer(book, row, approve=False, why="Nobody answered in time.")
    return len(found)


def _asked(sql: Sql, run_id: str, task: str) -> Row:
    found = sql.rows(_COLUMNS + "WHERE a.run_id = ? AND a.task = ?", run_id, task)
    if not found:
        raise NotFound(
            "pipelines.unknown_approval",
            f"Run {run_id} asks nothing called {task!r}.",
            hint="See what is asked with: mw pipelines approvals",
            value=task,
        )
    return found[0]


def _check(row: Row, actor: Actor) -> None:
    decision, by, expires, status = row[8], row[9], row[7], row[12]
    if decision is not None:
        raise Conflict("pipelines.decided", f"It was {decision} by {by} already.")
    if expires is not None and expires <= clock.now_ms():
        raise Conflict("pipelines.too_late", "The time for an answer is over.")
    if status in ("succeeded", "failed", "cancelled"):
        raise Conflict("pipelines.ended", f"The run has {status}.")
    if _RANK.index(actor.role) < _RANK.index(Role(row[5])):
        raise Forbidden(
            "pipelines.may_not_decide",
            f"{actor.name} is {actor.role}; this needs {row[5]}.",
            hint="Ask somebody with that role.",
        )


def _answer(book: Book, row: Row, *, approve: bool, why: str) -> None:
    run_id, task, name, status = row[0], row[1], row[3], row[12]
    sql, now = book.sql, clock.now_ms()
    decision = "approved" if approve else "rejected"
    sql.run(
        "UPDATE pipeline_approvals SET decision = ?, decided_by = ?, decided_ms = ?, reason = ? "
        "WHERE run_id = ? AND task = ?",
        *(decision, book.actor, now, why, run_id, task),
    )
    payload = {"task": task, "message": row[4], "reason": why}
    book.event(f"approval.{decision}", run_id, payload)
    said = f"{decision} by {book.actor}" + (f": {why}" if why else "")
    outputs = {"result": {"digest": _TRUE, "kind": "json", "size": 4}} if approve else None
    sql.run(
        "UPDATE pipeline_tasks SET status = ?, reason = ?, outputs = ?, finished_ms = ? "
        "WHERE run_id = ? AND name = ?",
        *("succeeded" if approve else "failed", as_json([said]), as_json(outputs), now),
        *(run_id, task),
    )
    if not approve:
        error = Failure(kind="Rejected", message=f"{row[4]} It was {said}.", task=task)
        runs.end_run(book, run_id, name, RunEnd(status="failed", error=error))
    elif status == "waiting" and not _open_questions(sql, run_id):
        sql.run("UPDATE pipeline_runs SET status = 'queued' WHERE id = ?", run_id)
        book.event("pipeline-run.queued", run_id, {"pipeline": name})


def _open_questions(sql: Sql, run_id: str) -> bool:
    query = "SELECT 1 FROM pipeline_approvals WHERE run_id = ? AND decision IS NULL"
    return bool(sql.rows(query, run_id))


def _approval(row: Row) -> Approval:
    def moment(milliseconds: int | None) -> str | None:
        return None if milliseconds is None else clock.rfc3339(milliseconds)

    return Approval(
        run_id=row[0],
        task=row[1],
        pipeline=row[3],
        message=row[4],
        role=Role(row[5]),
        asked=clock.rfc3339(row[6]),
        expires=moment(row[7]),
        decision=row[8],
        decided_by=row[9],
        decided=moment(row[10]),
        reason=row[11],
    )
