"""Runs of pipelines: queued, claimed with a lease, changed in waves, cancelled.

Of any number of workers one owns a run: the one whose claim was the last. Every change it makes
carries the number of that claim (``attempt``); a change with an older number is refused, so a
worker that was thought dead can do no harm when it wakes up.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from millwright.kernel import clock
from millwright.kernel.access import SYSTEM, Actor
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.store import Store, Transaction
from millwright.pipelines.approvals import reject_late
from millwright.pipelines.ledger import pools, results, runs, waves
from millwright.pipelines.ledger.book import Book
from millwright.pipelines.ledger.sql import Row, Sql, from_json
from millwright.pipelines.queries import get_run
from millwright.pipelines.records import (
    ENDED,
    Claim,
    Failure,
    Found,
    Launch,
    Launched,
    Lookup,
    NewPipelineRun,
    PipelineRunDetail,
    Pool,
    Pulse,
    RunEnd,
    SlotAnswer,
    SlotRequest,
    Wave,
)

_RUN = (
    "SELECT project, status, attempt, lease_owner, lease_expires_ms, started_ms, name, graph "
    "FROM pipeline_runs WHERE id = ?"
)
_CLAIM = (
    "UPDATE pipeline_runs SET status = 'running', attempt = attempt + 1, wave = 0, lease_owner = ?, "
    "lease_expires_ms = ?, worker_pid = ?, started_ms = COALESCE(started_ms, ?) "
    "WHERE id = ? AND attempt = ?"
)
_NEXT = (
    "SELECT r.id FROM pipeline_runs r WHERE (r.status = 'queued' AND "
    "(r.not_before_ms IS NULL OR r.not_before_ms <= ?) "
    "OR (r.status = 'running' AND r.lease_expires_ms <= ?)) {project}"
    "AND (r.max_active IS NULL OR r.status = 'running' OR r.max_active > ("
    "SELECT count(*) FROM pipeline_runs a WHERE a.project = r.project AND a.name = r.name "
    "AND a.status = 'running')) ORDER BY r.priority DESC, r.id LIMIT 1"
)


def create_run(store: Store, actor: Actor, project: str, new: NewPipelineRun) -> PipelineRunDetail:
    """Queue a run with one pending task per node."""
    with store.write(actor, project) as tx:
        run_id = add_run(tx, project, new)
    return get_run(store, run_id)


def add_run(tx: Transaction, project: str, new: NewPipelineRun) -> str:
    """Queue a run within the caller's transaction, which says why it exists; the run's id.

    A run whose id or idempotency key is there already is left as it is, and its id returned. A
    graph without nodes is planned by the worker that claims the run.
    """
    return runs.insert_run(Book(Sql(tx.connection), tx.actor.name, project), new)[0]


def launch_run(store: Store, actor: Actor, project: str, launch: Launch) -> Launched:
    """Queue, claim and begin a run that its creator executes."""
    if launch.wave.objects:
        store.objects.of(project).put_many(launch.wave.objects)
    with store.write(actor, project) as tx:
        return runs.launch(Book(Sql(tx.connection), actor.name, project), launch)


def claim_run(store: Store, actor: Actor, run_id: str, claim: Claim) -> PipelineRunDetail:
    """Make the caller the one worker of a run; tasks that were running are pending again.

    Raises:
        NotFound: there is no such run.
        Conflict: the run has ended, or another worker holds it.
    """
    if claim.code is not None:
        with store.read() as connection:
            project = str(_row(Sql(connection), run_id)[0])
        # What it names is what is stored.
        claim = claim.model_copy(
            update={"code_digest": store.objects.of(project).put(claim.code), "code": None}
        )
    with store.write(actor) as tx:
        _claim(tx, run_id, claim)
    return get_run(store, run_id)


def claim_next(
    store: Store, actor: Actor, project: str | None, claim: Claim
) -> PipelineRunDetail | None:
    """Claim the queued run with the highest priority, or one whose worker's lease ran out.

    Runs wait while as many of their name are running as they allow, and until their time has come.
    None if there is nothing to do.
    """
    now = clock.now_ms()
    query = _NEXT.format(project="" if project is None else "AND r.project = ? ")
    given = (now, now) if project is None else (now, now, project)
    # Most looks find nothing, and reading keeps nobody waiting.
    with store.read() as connection:
        if not Sql(connection).rows(query, *given):
            return None
    with store.write(actor) as tx:
        sql = Sql(tx.connection)
        locked = " FOR UPDATE OF r SKIP LOCKED" if sql.is_postgresql else ""
        found = sql.rows(query + locked, *given)
        if not found:
            return None
        run_id = str(found[0][0])
        _claim(tx, run_id, claim)
    return get_run(store, run_id)


def commit_wave(store: Store, actor: Actor, run_id: str, wave: Wave) -> Pulse:
    """Commit what an engine says of its run, and tell it whether to stop.

    Raises:
        Conflict: another worker owns the run by now, or a task was committed already.
        InvalidInput: an output is missing or unknown, or its object is not stored.
    """
    with store.read() as connection:
        project = str(_row(Sql(connection), run_id)[0])
    if wave.objects:
        store.objects.of(project).put_many(wave.objects)
    with store.write(actor, project) as tx:
        sql = Sql(tx.connection)
        _check_outputs(store, sql, project, run_id, wave)
        return waves.apply_wave(Book(sql, actor.name, project), run_id, wave)


def look_up(store: Store, project: str, wanted: Lookup) -> Found:
    """Earlier results of steps whose bytes are all there."""
    with store.read() as connection:
        return results.look_up(Sql(connection), store.objects.of(project), project, wanted)


def take_slots(store: Store, actor: Actor, run_id: str, request: SlotRequest) -> SlotAnswer:
    """Ask for slots of a pool for a task."""
    with store.write(actor) as tx:
        sql = Sql(tx.connection)
        project = str(_row(sql, run_id)[0])
        granted = pools.acquire(Book(sql, actor.name, project), run_id, request)
    return SlotAnswer(granted=granted)


def put_pool(store: Store, actor: Actor, project: str, pool: Pool) -> Pool:
    """Make a pool, or change how many slots it has; tasks that hold some go on."""
    with store.write(actor, project) as tx:
        Sql(tx.connection).run(
            "INSERT INTO pipeline_pools (project, name, slots) VALUES (?, ?, ?) "
            "ON CONFLICT (project, name) DO UPDATE SET slots = excluded.slots",
            *(project, pool.name, pool.slots),
        )
        tx.event("pipeline-pool.changed", f"pipeline-pool:{pool.name}", {"slots": pool.slots})
    return pool


class Unattended(NamedTuple):
    """A run that could be executed and that nobody executes."""

    id: str
    name: str
    max_active: int | None


def unattended_runs(store: Store, project: str) -> list[Unattended]:
    """Those of a project, oldest first: queued and their time has come, or the lease of their worker
    has run out."""
    now = clock.now_ms()
    query = (
        "SELECT id, name, max_active FROM pipeline_runs WHERE status IN ('queued', 'running') "
        "AND project = ? AND ((status = 'queued' AND (not_before_ms IS NULL OR not_before_ms <= ?)) "
        "OR (status = 'running' AND lease_expires_ms <= ?)) ORDER BY id LIMIT 1000"
    )
    with store.read() as connection:
        return [Unattended(*row) for row in Sql(connection).rows(query, project, now, now)]


def cancel_run(store: Store, actor: Actor, run_id: str) -> PipelineRunDetail:
    """Ask a run to stop. It ends at once if nobody works on it, else at the worker's next look.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended already.
    """
    with store.write(actor) as tx:
        sql = Sql(tx.connection)
        project, status, _, _, expires, _, name, _ = _row(sql, run_id)
        if status in ENDED:
            raise _ended(run_id, status)
        book = Book(sql, actor.name, project)
        sql.run("UPDATE pipeline_runs SET cancel_requested = ? WHERE id = ?", True, run_id)
        book.event("pipeline-run.cancel-requested", run_id)
        if status != "running" or expires <= clock.now_ms():
            runs.end_run(book, run_id, name, RunEnd(status="cancelled"))
    return get_run(store, run_id)


def fire_due(store: Store) -> int:
    """Do what is due: fail runs past their deadline, reject questions nobody answered in time.

    To be called every second or so by whoever schedules; what was due while nobody called is done
    at the next call. Returns how many runs and questions there were.
    """
    return _fire_deadlines(store) + reject_late(store)


def _fire_deadlines(store: Store) -> int:
    """Fail the runs whose deadline has passed and on which nobody works; how many they were.

    A run that somebody works on is ended by its worker. Deadlines are moments in the table, so one
    that passed while nothing was running is found by the next look.
    """
    now = clock.now_ms()
    query = (
        "SELECT id, project, name, deadline_ms FROM pipeline_runs WHERE "
        "status IN ('queued', 'waiting', 'running') AND deadline_ms <= ? AND "
        "(status != 'running' OR lease_expires_ms <= ?)"
    )
    actor = SYSTEM
    with store.read() as connection:
        if not Sql(connection).rows(query, now, now):
            return 0
    with store.write(actor) as tx:
        sql = Sql(tx.connection)
        late = sql.rows(query, now, now)
        for run_id, project, name, deadline in late:
            message = f"The run was not done by its deadline, {clock.rfc3339(deadline)}."
            end = RunEnd(status="failed", error=Failure(kind="DeadlineExceeded", message=message))
            runs.end_run(Book(sql, actor.name, project), run_id, name, end)
    return len(late)


def _claim(tx: Transaction, run_id: str, claim: Claim) -> None:
    sql, now = Sql(tx.connection), clock.now_ms()
    project, status, attempt, owner, expires, _, _, graph = _row(sql, run_id)
    if status in ENDED:
        raise _ended(run_id, status)
    if status == "running" and expires > now and owner not in (claim.owner, claim.replaces):
        raise Conflict(
            "pipelines.claimed",
            f"Run {run_id} is being executed by {owner}.",
            hint="Wait until it ends, or cancel it.",
        )
    if claim.graph is not None and not from_json(graph).get("nodes"):
        sql.run(
            "UPDATE pipeline_runs SET graph = ?, code_digest = ? WHERE id = ?",
            *(runs.stored_graph(claim.graph), claim.code_digest, run_id),
        )
        runs.insert_tasks(sql, run_id, claim.graph)
    sql.run(_CLAIM, claim.owner, now + claim.lease_ms, claim.pid, now, run_id, attempt)
    sql.run(
        "UPDATE pipeline_tasks SET status = 'pending' WHERE run_id = ? AND status = 'running'",
        run_id,
    )
    sql.run(
        "UPDATE pipeline_attempts SET outcome = 'lost', finished_ms = ? "
        "WHERE run_id = ? AND outcome IS NULL",
        *(now, run_id),
    )
    sql.run("DELETE FROM pipeline_slots WHERE run_id = ?", run_id)
    book = Book(sql, tx.actor.name, project)
    book.event("pipeline-run.claimed", run_id, {"owner": claim.owner, "attempt": attempt + 1})


def _row(sql: Sql, run_id: str) -> Row:
    found = sql.rows(_RUN, run_id)
    if not found:
        raise runs.unknown_run(run_id)
    return found[0]


def _ended(run_id: str, status: str) -> Conflict:
    return Conflict(
        "pipelines.ended",
        f"Run {run_id} has {status} already.",
        hint="Start a new one; steps that did not change are not run again.",
    )


def _check_outputs(store: Store, sql: Sql, project: str, run_id: str, wave: Wave) -> None:
    """What comes over the network declares the outputs of its step, and their objects are here."""
    made = {one.task: one.outputs for one in wave.changes if one.status in ("succeeded", "cached")}
    if not made:
        return
    among, values = sql.among(list(made))
    query = f"SELECT name, output_names FROM pipeline_tasks WHERE run_id = ? AND name {among}"  # noqa: S608
    declared = {name: from_json(names) for name, names in sql.rows(query, run_id, values)}
    declared |= {one.name: list(one.outputs) for one in wave.added}
    for task, outputs in made.items():
        wanted: list[Any] = declared.get(task, [])
        if set(wanted) != set(outputs):
            raise InvalidInput(
                "pipelines.wrong_outputs",
                f"The step {task!r} should make {', '.join(wanted)}, but made {', '.join(outputs)}.",
            )
    digests = {one.digest for outputs in made.values() for one in outputs.values()}
    missing = digests - store.objects.of(project).has_many(digests)
    if missing:
        raise InvalidInput(
            "pipelines.missing_object",
            f"The bytes of {len(missing)} outputs are not stored.",
            hint="Send them with the wave, or upload them before.",
            value=min(missing),
        )
