"""Runs in the ledger: queued, begun, ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from millwright.kernel import clock
from millwright.kernel.errors import Conflict, MillwrightError, NotFound
from millwright.kernel.ids import new_id
from millwright.pipelines.graph import Graph
from millwright.pipelines.ledger.book import Book, Edge
from millwright.pipelines.ledger.results import stored_outputs, written_of
from millwright.pipelines.ledger.sql import Row, Sql, as_json
from millwright.pipelines.records import Claim, Launch, Launched, NewPipelineRun, RunEnd, TaskChange

_INSERT = (
    "INSERT INTO pipeline_runs (id, project, name, entry_point, params, graph, status, attempt, "
    "created_ms, started_ms, lease_owner, lease_expires_ms, worker_pid, cancel_requested, cause, "
    '"trigger", priority, idempotency_key, code_digest, not_before_ms, deadline_ms, max_active, wave) '
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
)
_TASK = (
    "INSERT INTO pipeline_tasks (run_id, name, position, step, output_names, kind, status, attempt, "
    "cache_key, outputs, reason, started_ms, finished_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PENDING = ("pending", 0, None, None, None, None, None)
CANCELLED_BY = (
    "SELECT actor, time_ms FROM events WHERE subject = ? AND kind = 'pipeline-run.cancel-requested' "
    "ORDER BY seq DESC LIMIT 1"
)
_SAME = (
    "SELECT id, project FROM pipeline_runs WHERE id = ? OR (project = ? AND idempotency_key = ?)"
)


def insert_run(
    book: Book,
    new: NewPipelineRun,
    claim: Claim | None = None,
    known: Iterable[TaskChange] = (),
) -> tuple[str, bool]:
    """Enter a run with one task per node, pending or as is known; its id, and whether it is new.

    A run whose id or idempotency key is there already is left as it is. With ``claim`` the run is
    its creator's at once, as attempt 1. A graph without nodes is planned by whoever claims it.

    Raises:
        NotFound: a run of that id is another project's.
    """
    if new.id is not None or new.idempotency_key is not None:
        for run_id, project in book.sql.rows(_SAME, new.id, book.project, new.idempotency_key):
            if project != book.project:
                raise unknown_run(str(new.id))
            return str(run_id), False
    book.know_project()
    run_id, now = new.id or new_id(), clock.now_ms()
    begun = (None, None, None, None) if claim is None else (
        now, claim.owner, now + claim.lease_ms, claim.pid
    )  # fmt: skip
    values = (
        *(run_id, book.project, new.name, new.entry_point, as_json(new.graph.parameters)),
        *(stored_graph(new.graph), "queued" if claim is None else "running"),
        *(0 if claim is None else 1, now, *begun, False, as_json(new.cause), new.trigger),
        *(new.priority, new.idempotency_key, new.code_digest, new.not_before_ms),
        *(new.deadline_ms, new.max_active),
    )
    book.sql.run(_INSERT, *values)
    insert_tasks(book.sql, run_id, new.graph, known)
    payload = {"pipeline": new.name, "steps": len(new.graph.nodes), "cause": new.cause}
    edges = _cause_edges(new.cause, run_id)
    book.event("pipeline-run.created", run_id, {**payload, "trigger": new.trigger}, edges)
    return run_id, True


def launch(book: Book, new: Launch) -> Launched:
    """Enter a run, begin it and commit its first wave, in the caller's transaction.

    Raises:
        Conflict: the run was there already.
    """
    from millwright.pipelines.ledger.waves import follow_up

    run_id, is_new = insert_run(book, new.run, new.claim, new.wave.changes)
    if not is_new:
        query = "SELECT lease_owner, attempt FROM pipeline_runs WHERE id = ?"
        if book.sql.rows(query, run_id) == [(new.claim.owner, 1)]:
            return Launched(run_id=run_id, attempt=1)  # said twice: the answer was lost
        raise Conflict(
            "pipelines.launched", f"Run {run_id} exists already.", hint="Execute it by its id."
        )
    if new.wave.changes:
        written = {change.task: written_of(change) for change in new.wave.changes}
        follow_up(book, run_id, new.wave, new.claim.owner, written)
    if new.wave.end is not None:
        end_run(book, run_id, new.run.name, new.wave.end)
    return Launched(run_id=run_id, attempt=1)


def insert_tasks(sql: Sql, run_id: str, graph: Graph, known: Iterable[TaskChange] = ()) -> None:
    """One task per node: pending, or as it is known to be."""
    states = {change.task: _state(change) for change in known}
    rows: list[Row] = [
        (
            *(run_id, node.name, place, node.step, as_json(node.outputs), node.kind),
            *states.get(node.name, _PENDING),
        )
        for place, node in enumerate(graph.nodes)
    ]
    sql.many(_TASK, rows)


def _state(change: TaskChange) -> Row:
    return (
        *(change.status, change.attempt, change.cache_key, stored_outputs(change.outputs)),
        *(as_json(change.reason), change.started_ms, change.finished_ms),
    )


def stored_graph(graph: Graph) -> str:
    """A graph as it stands in its row: JSON without what is usual."""
    return graph.model_dump_json(exclude_defaults=True)


def end_run(book: Book, run_id: str, name: str, end: RunEnd) -> None:
    """Enter how a run ended; what was running is cancelled, what did not run is skipped, each with
    the reason.

    Raises:
        Conflict: tasks are left and it should succeed.
    """
    sql = book.sql
    if end.status == "succeeded":
        query = (
            "SELECT count(*) FROM pipeline_tasks WHERE run_id = ? "
            "AND status NOT IN ('succeeded', 'cached', 'skipped')"
        )
        left = sql.rows(query, run_id)[0][0]
        if left:
            raise Conflict(
                "pipelines.unfinished",
                f"Run {run_id} cannot have succeeded: {left} of its steps have not.",
            )
    elif end.status != "waiting":
        _leave_open_tasks(book, run_id, end)
    status: str = end.status
    if status == "waiting" and not _open_questions(sql, run_id):
        status = "queued"  # somebody answered in the meantime
    finished = None if end.status == "waiting" else clock.now_ms()
    error = None if end.error is None else end.error.model_dump()
    sql.run(
        "UPDATE pipeline_runs SET status = ?, finished_ms = ?, error = ?, lease_expires_ms = NULL "
        "WHERE id = ?",
        *(status, finished, as_json(error), run_id),
    )
    sql.run("DELETE FROM pipeline_slots WHERE run_id = ?", run_id)
    payload = {"pipeline": name, "error": error and error["message"]}
    book.event(f"pipeline-run.{status}", run_id, payload)


def _leave_open_tasks(book: Book, run_id: str, end: RunEnd) -> None:
    """What the end of a run means for the tasks that have not ended."""
    reason = as_json([_reason(book, run_id, end)])
    now = clock.now_ms()
    book.sql.run(
        "UPDATE pipeline_attempts SET finished_ms = ?, outcome = 'cancelled' WHERE run_id = ? "
        "AND finished_ms IS NULL AND task IN (SELECT name FROM pipeline_tasks WHERE run_id = ? "
        "AND status = 'running')",
        *(now, run_id, run_id),
    )
    book.sql.run(
        "UPDATE pipeline_tasks SET status = 'cancelled', reason = ?, finished_ms = ? "
        "WHERE run_id = ? AND status = 'running'",
        *(reason, now, run_id),
    )
    book.sql.run(
        "UPDATE pipeline_tasks SET status = 'skipped', reason = ? WHERE run_id = ? "
        "AND status IN ('pending', 'waiting')",
        *(reason, run_id),
    )


def _reason(book: Book, run_id: str, end: RunEnd) -> str:
    """Why the run went no further."""
    if end.status == "cancelled":
        asked = book.sql.rows(CANCELLED_BY, f"pipeline-run:{run_id}")
        return f"{asked[0][0] if asked else book.actor} cancelled the run"
    failed = None if end.error is None else end.error.task
    return "the run failed" if failed is None else f"the step {failed} failed"


def _open_questions(sql: Sql, run_id: str) -> bool:
    query = "SELECT 1 FROM pipeline_approvals WHERE run_id = ? AND decision IS NULL"
    return bool(sql.rows(query, run_id))


def unknown_run(run_id: str) -> NotFound:
    """The error for a run that does not exist."""
    return NotFound(
        "pipelines.unknown_run",
        f"There is no pipeline run {run_id}.",
        hint="See them with: mw pipelines list",
        value=run_id,
    )


def fenced(run_id: str, status: str, attempt: int, given: int) -> MillwrightError:
    """The error for a change by a worker that no longer owns the run."""
    return Conflict(
        "pipelines.fenced",
        f"Run {run_id} is no longer this worker's: it is {status} at attempt {attempt}.",
        hint="Another worker took it over; this one should stop.",
        value=given,
    )


def _cause_edges(cause: dict[str, Any] | None, run_id: str) -> list[Edge]:
    """A cause such as ``{"alert": ID}`` is where the run comes from."""
    return [
        (f"{kind}:{identifier}", f"pipeline-run:{run_id}")
        for kind, identifier in (cause or {}).items()
        if kind in ("alert", "window", "dataset") and isinstance(identifier, str)
    ]
