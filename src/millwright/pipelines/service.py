"""Runs of pipelines: queued, claimed with a lease, heartbeaten, finished, cancelled.

Of any number of workers one owns a run: the one whose claim was the last. Every change it makes
carries the number of that claim (``attempt``); a change with an older number is refused, so a
worker that was thought dead can do no harm when it wakes up.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict
from millwright.kernel.ids import new_id
from millwright.kernel.store import Store, Transaction
from millwright.pipelines.graph import Graph, Node
from millwright.pipelines.queries import get_run, unknown_run
from millwright.pipelines.records import (
    COMMITTED,
    Claim,
    FinishRun,
    Heartbeat,
    NewPipelineRun,
    PipelineRunDetail,
    Pulse,
)
from millwright.pipelines.tables import pipeline_runs, pipeline_tasks

_ENDED = ("succeeded", "failed", "cancelled")


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
    run_id = new.id or new_id()
    if new.id is not None and _is_queued(tx, project, new.id):
        return run_id
    if new.idempotency_key is not None:
        runs = pipeline_runs.c
        same = (runs.project == project, runs.idempotency_key == new.idempotency_key)
        earlier = tx.execute(select(runs.id).where(*same)).scalar()
        if earlier is not None:
            return str(earlier)
    tx.execute(
        insert(pipeline_runs).values(
            id=run_id,
            project=project,
            name=new.name,
            entry_point=new.entry_point,
            params=new.graph.parameters,
            graph=new.graph.model_dump(mode="json"),
            status="queued",
            attempt=0,
            created_ms=clock.now_ms(),
            cancel_requested=False,
            cause=new.cause,
            trigger=new.trigger,
            priority=new.priority,
            idempotency_key=new.idempotency_key,
            code_digest=new.code_digest,
            not_before_ms=new.not_before_ms,
            deadline_ms=new.deadline_ms,
            max_active=new.max_active,
        )
    )
    _insert_tasks(tx, run_id, new.graph, known=set())
    payload = {"pipeline": new.name, "steps": len(new.graph.nodes), "cause": new.cause}
    edges = _cause_edges(new.cause, run_id)
    tx.event("pipeline-run.created", f"pipeline-run:{run_id}", payload, edges)
    return run_id


def claim_run(store: Store, actor: Actor, run_id: str, claim: Claim) -> PipelineRunDetail:
    """Make the caller the one worker of a run; tasks that were running are pending again.

    Raises:
        NotFound: there is no such run.
        Conflict: the run has ended, or another worker holds it.
    """
    now = clock.now_ms()
    with store.write(actor) as tx:
        row = _row(tx, run_id)
        if row.status in _ENDED:
            raise _ended(row)
        held = row.status == "running" and row.lease_expires_ms > now
        if held and row.lease_owner not in (claim.owner, claim.replaces):
            raise Conflict(
                "pipelines.claimed",
                f"Run {run_id} is being executed by {row.lease_owner}.",
                hint="Wait until it ends, or cancel it.",
            )
        changes: dict[str, Any] = {
            "status": "running",
            "attempt": row.attempt + 1,
            "lease_owner": claim.owner,
            "lease_expires_ms": now + claim.lease_ms,
            "worker_pid": claim.pid,
            "started_ms": row.started_ms or now,
        }
        planned = None if claim.graph is None else claim.graph.model_dump(mode="json")
        if claim.graph is not None and planned != row.graph:
            changes["graph"] = planned
            _match_tasks(tx, run_id, claim.graph)
        tx.execute(update(pipeline_runs).where(pipeline_runs.c.id == run_id).values(**changes))
        tx.execute(
            update(pipeline_tasks)
            .where(pipeline_tasks.c.run_id == run_id, pipeline_tasks.c.status == "running")
            .values(status="pending")
        )
        payload = {"owner": claim.owner, "attempt": row.attempt + 1}
        tx.event("pipeline-run.claimed", f"pipeline-run:{run_id}", payload)
    return get_run(store, run_id)


def heartbeat(store: Store, run_id: str, beat: Heartbeat) -> Pulse:
    """Renew the lease, and learn whether to stop.

    Raises:
        Conflict: another worker owns the run by now.
    """
    expires = clock.now_ms() + beat.lease_ms
    # A heartbeat changes no state that anyone else can see, so it leaves no event.
    with store.database.write() as connection:
        row = connection.execute(select(pipeline_runs).where(pipeline_runs.c.id == run_id)).first()
        require_owner(row, run_id, beat.attempt)
        connection.execute(
            update(pipeline_runs)
            .where(pipeline_runs.c.id == run_id, pipeline_runs.c.attempt == beat.attempt)
            .values(lease_expires_ms=expires)
        )
    assert row is not None
    return Pulse(cancel_requested=row.cancel_requested, lease_expires_ms=expires)


def finish_run(store: Store, actor: Actor, run_id: str, end: FinishRun) -> PipelineRunDetail:
    """End a run; what did not run is skipped. Said twice (the answer was lost), it happens once.

    Raises:
        Conflict: another worker owns the run by now, or tasks are left and it should succeed.
    """
    with store.write(actor) as tx:
        row = _row(tx, run_id)
        repeated = (row.status, row.attempt) == (end.status, end.attempt)
        if not repeated:
            _finish(tx, row, end)
    return get_run(store, run_id)


def cancel_run(store: Store, actor: Actor, run_id: str) -> PipelineRunDetail:
    """Ask a run to stop. It ends at once if nobody works on it, else at the worker's next look.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended already.
    """
    with store.write(actor) as tx:
        row = _row(tx, run_id)
        if row.status in _ENDED:
            raise _ended(row)
        tx.execute(
            update(pipeline_runs).where(pipeline_runs.c.id == run_id).values(cancel_requested=True)
        )
        tx.event("pipeline-run.cancel-requested", f"pipeline-run:{run_id}")
        if row.status == "queued" or row.lease_expires_ms <= clock.now_ms():
            _end(tx, row, "cancelled", None)
    return get_run(store, run_id)


def require_owner(row: Row[Any] | None, run_id: str, attempt: int) -> None:
    """Refuse the change of a worker that no longer owns the run."""
    if row is None:
        raise unknown_run(run_id)
    if row.status != "running" or row.attempt != attempt:
        raise Conflict(
            "pipelines.fenced",
            f"Run {run_id} is no longer this worker's: it is {row.status} at attempt {row.attempt}.",
            hint="Another worker took it over; this one should stop.",
            value=attempt,
        )


def _finish(tx: Transaction, row: Row[Any], end: FinishRun) -> None:
    require_owner(row, row.id, end.attempt)
    left = tx.execute(
        select(pipeline_tasks.c.name).where(
            pipeline_tasks.c.run_id == row.id, pipeline_tasks.c.status.not_in(COMMITTED)
        )
    ).all()
    if end.status == "succeeded" and left:
        raise Conflict(
            "pipelines.unfinished",
            f"Run {row.id} cannot have succeeded: {len(left)} of its steps have not.",
        )
    _end(tx, row, end.status, None if end.error is None else end.error.model_dump())


def _end(tx: Transaction, row: Row[Any], status: str, error: dict[str, Any] | None) -> None:
    tx.execute(
        update(pipeline_runs)
        .where(pipeline_runs.c.id == row.id)
        .values(status=status, finished_ms=clock.now_ms(), error=error, lease_expires_ms=None)
    )
    tx.execute(
        update(pipeline_tasks)
        .where(
            pipeline_tasks.c.run_id == row.id, pipeline_tasks.c.status.in_(("pending", "running"))
        )
        .values(status="skipped")
    )
    payload = {"pipeline": row.name, "error": error and error["message"]}
    tx.event(f"pipeline-run.{status}", f"pipeline-run:{row.id}", payload)


def _match_tasks(tx: Transaction, run_id: str, graph: Graph) -> None:
    """Tasks for the nodes that the code plans now; those of nodes that are gone go too."""
    tasks = pipeline_tasks.c
    wanted = {node.name for node in graph.nodes}
    known = {row.name for row in tx.execute(select(tasks.name).where(tasks.run_id == run_id))}
    for name in known - wanted:
        tx.execute(delete(pipeline_tasks).where(tasks.run_id == run_id, tasks.name == name))
    for position, node in enumerate(graph.nodes):
        if node.name in known:
            where = (tasks.run_id == run_id, tasks.name == node.name)
            tx.execute(update(pipeline_tasks).where(*where).values(**_task_row(node, position)))
    _insert_tasks(tx, run_id, graph, known)


def _insert_tasks(tx: Transaction, run_id: str, graph: Graph, known: set[str]) -> None:
    rows = [
        {
            "run_id": run_id,
            **_task_row(node, position),
            "status": "pending",
            "attempt": 0,
        }
        for position, node in enumerate(graph.nodes)
        if node.name not in known
    ]
    if rows:
        tx.execute(insert(pipeline_tasks), rows)


def _task_row(node: Node, position: int) -> dict[str, Any]:
    return {
        "name": node.name,
        "position": position,
        "step": node.step,
        "output_names": list(node.outputs),
    }


def _cause_edges(cause: dict[str, Any] | None, run_id: str) -> list[tuple[str, str]]:
    """A cause such as ``{"alert": ID}`` is where the run comes from."""
    return [
        (f"{kind}:{identifier}", f"pipeline-run:{run_id}")
        for kind, identifier in (cause or {}).items()
        if kind in ("alert", "window", "dataset", "retraining") and isinstance(identifier, str)
    ]


def _is_queued(tx: Transaction, project: str, run_id: str) -> bool:
    found = tx.execute(select(pipeline_runs.c.project).where(pipeline_runs.c.id == run_id)).scalar()
    if found is not None and found != project:
        raise unknown_run(run_id)
    return found is not None


def _row(tx: Transaction, run_id: str) -> Row[Any]:
    found = tx.execute(select(pipeline_runs).where(pipeline_runs.c.id == run_id)).first()
    if found is None:
        raise unknown_run(run_id)
    tx.project = found.project
    return found


def _ended(row: Row[Any]) -> Conflict:
    return Conflict(
        "pipelines.ended",
        f"Run {row.id} has {row.status} already.",
        hint="Start a new one; steps that did not change are not run again.",
    )
