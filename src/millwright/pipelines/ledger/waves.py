"""Waves: what an engine says of its run since it last said something, committed together.

One transaction takes the changes of tasks, their attempts, the cache entries, the lineage and the
event, so a step has either happened with all its consequences or not at all. A wave carries the
number of the claim it was made under; one of an older claim is refused, and so is a change of a
task that is committed already.
"""

from __future__ import annotations

from collections.abc import Mapping

from millwright.kernel import clock
from millwright.kernel.errors import Conflict
from millwright.pipelines.ledger import results
from millwright.pipelines.ledger.book import Book, Edge
from millwright.pipelines.ledger.runs import end_run, fenced, unknown_run
from millwright.pipelines.ledger.sql import Row, as_json
from millwright.pipelines.records import COMMITTED, LogPart, Pulse, TaskChange, Wave

_RUN = (
    "SELECT status, attempt, cancel_requested, deadline_ms, lease_owner, wave, name "
    "FROM pipeline_runs WHERE id = ?"
)
_CHANGE = (
    "UPDATE pipeline_tasks SET status = ?, attempt = ?, cache_key = ?, fingerprint = ?, outputs = ?, "
    "reason = ?, started_ms = ?, finished_ms = ?, error = ?, log_digest = ? "
    "WHERE run_id = ? AND name = ? AND status NOT IN ('succeeded', 'cached')"
)
_ADD = (
    "INSERT INTO pipeline_tasks (run_id, name, position, step, output_names, kind, parent, status, "
    "attempt) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0) ON CONFLICT (run_id, name) DO NOTHING"
)
_ATTEMPT = (
    "INSERT INTO pipeline_attempts (run_id, task, number, claim, owner, started_ms, finished_ms, "
    "outcome, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, task, number) DO UPDATE "
    "SET finished_ms = excluded.finished_ms, outcome = excluded.outcome, error = excluded.error"
)
_LOG = (
    "INSERT INTO pipeline_log (run_id, task, attempt, seq, time_ms, text) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
_QUESTION = (
    "INSERT INTO pipeline_approvals (run_id, task, project, message, role, asked_ms, expires_ms) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_id, task) DO NOTHING"
)
_OUTCOMES = {"succeeded": "succeeded", "failed": "failed", "pending": "failed"}


def apply_wave(book: Book, run_id: str, wave: Wave) -> Pulse:
    """Commit a wave, renew the lease, and learn whether to stop.

    Raises:
        NotFound: there is no such run.
        Conflict: another worker owns the run by now, or a task was committed already.
    """
    sql, now = book.sql, clock.now_ms()
    found = sql.rows(_RUN, run_id)
    if not found:
        raise unknown_run(run_id)
    status, attempt, cancelled, deadline, owner, last, name = found[0]
    expires = now + wave.lease_ms
    stop = bool(cancelled) or (deadline is not None and deadline <= now)
    if attempt == wave.attempt and last >= wave.number > 0:
        return Pulse(cancel_requested=stop, lease_expires_ms=expires)
    if status != "running" or attempt != wave.attempt:
        raise fenced(run_id, status, attempt, wave.attempt)
    sql.run(
        "UPDATE pipeline_runs SET lease_expires_ms = ?, wave = ? WHERE id = ?",
        *(expires, wave.number, run_id),
    )
    if wave.added:
        sql.many(_ADD, [
            (run_id, one.name, one.position, one.step, as_json(one.outputs), one.kind, one.parent)
            for one in wave.added
        ])  # fmt: skip
    if wave.changes:
        _change(book, run_id, wave, str(owner))
    _keep_lines(book, run_id, wave.logs)
    sql.many(_QUESTION, [
        (run_id, one.task, book.project, one.message, one.role, now, one.expires_ms)
        for one in wave.questions
    ])  # fmt: skip
    if wave.end is not None:
        end_run(book, run_id, name, wave.end)
    return Pulse(cancel_requested=stop, lease_expires_ms=expires)


def _change(book: Book, run_id: str, wave: Wave, owner: str) -> None:
    sql = book.sql
    latest = {change.task: change for change in wave.changes}
    written = {task: results.written_of(change) for task, change in latest.items()}
    changed = sql.many(
        _CHANGE, [_values(run_id, change, written[task]) for task, change in latest.items()]
    )
    if changed != len(latest):
        raise Conflict(
            "pipelines.changed",
            f"Of {len(latest)} steps {len(latest) - changed} were committed before, or do not exist.",
        )
    follow_up(book, run_id, wave, owner, written)


def follow_up(
    book: Book, run_id: str, wave: Wave, owner: str, written: Mapping[str, results.Written]
) -> None:
    """What changes of tasks bring with them: attempts, cache entries, lineage and the event."""
    sql = book.sql
    latest = {change.task: change for change in wave.changes}
    tries = [change for change in wave.changes if change.attempt and change.started_ms]
    sql.many(_ATTEMPT, [
        (run_id, one.task, one.attempt, wave.attempt, owner, one.started_ms, one.finished_ms,
         _OUTCOMES.get(one.status), as_json(one.error and one.error.model_dump()))
        for one in tries if one.status in ("running", *_OUTCOMES)
    ])  # fmt: skip
    ended = [change for change in latest.values() if change.status not in ("running", "waiting")]
    results.remember(book, run_id, [change for change in ended if change.remember], written)
    _release(book, run_id, ended)
    edges = [edge for change in ended for edge in _edges(run_id, change)]
    book.event("steps.changed", run_id, _told(wave.changes), edges)


def _values(run_id: str, one: TaskChange, written: results.Written) -> Row:
    error = None if one.error is None else as_json(one.error.model_dump())
    return (
        *(one.status, one.attempt, one.cache_key, *written),
        *(as_json(one.reason), one.started_ms, one.finished_ms),
        *(error, one.log_digest, run_id, one.task),
    )


def _release(book: Book, run_id: str, ended: list[TaskChange]) -> None:
    """A step that ended gives its slots back, and its live lines once its log is an object."""
    rows: list[Row] = [(run_id, change.task) for change in ended]
    if book.sql.rows("SELECT 1 FROM pipeline_slots WHERE run_id = ? LIMIT 1", run_id):
        book.sql.many("DELETE FROM pipeline_slots WHERE run_id = ? AND task = ?", rows)
    kept: list[Row] = [(run_id, change.task) for change in ended if change.log_digest]
    book.sql.many("DELETE FROM pipeline_log WHERE run_id = ? AND task = ?", kept)


def _keep_lines(book: Book, run_id: str, parts: tuple[LogPart, ...]) -> None:
    book.sql.many(_LOG, [
        # PostgreSQL stores no zero character.
        (run_id, one.task, one.attempt, one.number, one.time_ms, one.text.replace("\0", "␀"))
        for one in parts
    ])  # fmt: skip


def _edges(run_id: str, change: TaskChange) -> list[Edge]:
    run = f"pipeline-run:{run_id}"
    made = [f"artifact:{artifact.digest}" for artifact in change.outputs.values()]
    if change.status not in COMMITTED or change.fingerprint is None:
        # Of a result from the cache, the step that made it has told where it comes from.
        return [(run, target) for target in made]
    sources = [f"artifact:{digest}" for digest in change.fingerprint.inputs.values()]
    return [(source, target) for target in made for source in (run, *sources) if source != target]


def _told(changes: tuple[TaskChange, ...]) -> dict[str, object]:
    """Of a wave, as an event tells it: names by what became of them, and the digests made."""
    told: dict[str, object] = {}
    for status in dict.fromkeys(change.status for change in changes):
        of_it = [change for change in changes if change.status == status]
        if status == "succeeded":
            told[status] = {
                change.task: {name: one.digest for name, one in change.outputs.items()}
                for change in of_it
            }
        elif status in ("failed", "pending"):
            word = "retried" if status == "pending" else status
            told[word] = {one.task: one.error and one.error.message for one in of_it}
        else:
            told[status] = [change.task for change in of_it]
    return told
