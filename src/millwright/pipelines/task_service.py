"""Tasks of a run: resolved from the cache, started, finished, failed.

Finishing a task commits its outputs, the cache entry, the lineage and the event together, so a
step has either happened with all its consequences or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store, Transaction
from millwright.pipelines import cache
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.cache import Outputs
from millwright.pipelines.fingerprint import Fingerprint, explain
from millwright.pipelines.graph import Reference
from millwright.pipelines.queries import get_run, task_of
from millwright.pipelines.records import (
    COMMITTED,
    FailTask,
    FinishTask,
    Resolve,
    StartTask,
    Task,
)
from millwright.pipelines.service import require_owner
from millwright.pipelines.tables import pipeline_runs, pipeline_tasks


def resolve(store: Store, actor: Actor, run_id: str, request: Resolve) -> tuple[Task, ...]:
    """Give every task whose result is known already that result, as far down as is known.

    A task that this run committed stands if its fingerprint is still the same; else, where the step
    allows it, the cache is asked. Returns all tasks, in order.
    """
    with _owned(store, actor, run_id, request.attempt) as (tx, run):
        rows = {row.name: row for row in _tasks(tx.connection, run_id)}
        digests: dict[Reference, str] = {}
        edges: list[tuple[str, str]] = []
        cached: list[str] = []
        for recipe in request.recipes:
            row = rows.get(recipe.node)
            fingerprint = recipe.with_inputs(digests)
            if row is None or fingerprint is None:
                continue
            outputs = _committed(row, fingerprint.key)
            if outputs is None and recipe.cache:
                outputs = cache.find(store, tx.connection, run.project, fingerprint.key)
                if outputs is not None:
                    _commit(tx, row, "cached", fingerprint, outputs)
                    edges += _edges(run_id, fingerprint, outputs)
                    cached.append(recipe.node)
            for name, artifact in (outputs or {}).items():
                digests[Reference(node=recipe.node, output=name)] = artifact.digest
        if cached:
            tx.event("steps.cached", f"pipeline-run:{run_id}", {"steps": cached}, edges)
    return get_run(store, run_id).tasks


def start(store: Store, actor: Actor, run_id: str, name: str, request: StartTask) -> Task:
    """Mark a task as running, unless its result is known: then it takes that and need not run.

    Raises:
        NotFound: the run has no such task.
        Conflict: another worker owns the run by now.
    """
    fingerprint = request.fingerprint
    with _owned(store, actor, run_id, request.attempt) as (tx, run):
        row = _task(tx, run_id, name)
        if _committed(row, fingerprint.key) is not None:
            return task_of(row)
        found = None
        if request.cache:
            found = cache.find(store, tx.connection, run.project, fingerprint.key)
        if found is not None:
            _commit(tx, row, "cached", fingerprint, found)
            edges = _edges(run_id, fingerprint, found)
            tx.event("steps.cached", f"pipeline-run:{run_id}", {"steps": [name]}, edges)
            return task_of(_task(tx, run_id, name))
        before = cache.last_fingerprint(tx.connection, run.project, row.step)
        reason = () if before is None else explain(before, fingerprint)
        _change(
            tx,
            row,
            status="running",
            attempt=row.attempt + 1,
            cache_key=fingerprint.key,
            fingerprint=fingerprint.model_dump(),
            reason=list(reason),
            started_ms=clock.now_ms(),
            finished_ms=None,
            error=None,
            outputs=None,
        )
        payload = {"step": name, "attempt": row.attempt + 1, "reason": list(reason)}
        tx.event("step.started", f"pipeline-run:{run_id}", payload)
        return task_of(_task(tx, run_id, name))


def finish(store: Store, actor: Actor, run_id: str, name: str, request: FinishTask) -> Task:
    """Commit what a running task made. Said twice (the answer was lost), it happens once.

    Raises:
        InvalidInput: an output is missing or unknown, or its object is not stored.
        Conflict: the task is not running, or another worker owns the run by now.
    """
    with _owned(store, actor, run_id, request.attempt) as (tx, run):
        row = _task(tx, run_id, name)
        if row.status == "succeeded" and row.outputs == cache.dumped(request.outputs):
            return task_of(row)
        _require_running(row)
        _check_outputs(store, run.project, name, row.output_names, request.outputs)
        fingerprint = Fingerprint.model_validate(row.fingerprint)
        _commit(tx, row, "succeeded", fingerprint, request.outputs, log_digest=request.log_digest)
        if request.cache:
            cache.remember(tx, run, row.step, fingerprint, request.outputs)
        payload = {
            "step": name,
            "outputs": {key: artifact.digest for key, artifact in request.outputs.items()},
        }
        edges = _edges(run_id, fingerprint, request.outputs)
        tx.event("step.succeeded", f"pipeline-run:{run_id}", payload, edges)
        return task_of(_task(tx, run_id, name))


def fail(store: Store, actor: Actor, run_id: str, name: str, request: FailTask) -> Task:
    """Record that a running task raised; pending again unless it was the last try.

    Said twice (the answer was lost), it happens once.

    Raises:
        Conflict: the task is not running, or another worker owns the run by now.
    """
    with _owned(store, actor, run_id, request.attempt) as (tx, _):
        row = _task(tx, run_id, name)
        if row.status in ("failed", "pending") and row.error == request.error.model_dump():
            return task_of(row)
        _require_running(row)
        _change(
            tx,
            row,
            status="failed" if request.last else "pending",
            finished_ms=clock.now_ms(),
            error=request.error.model_dump(),
            log_digest=request.log_digest,
        )
        kind = "step.failed" if request.last else "step.retried"
        payload = {"step": name, "error": request.error.message, "attempt": row.attempt}
        tx.event(kind, f"pipeline-run:{run_id}", payload)
        return task_of(_task(tx, run_id, name))


@contextmanager
def _owned(
    store: Store, actor: Actor, run_id: str, attempt: int
) -> Iterator[tuple[Transaction, Row[Any]]]:
    """A transaction on a run that the caller owns."""
    runs = pipeline_runs.c
    query = select(runs.id, runs.project, runs.status, runs.attempt).where(runs.id == run_id)
    with store.write(actor) as tx:
        row = tx.execute(query).first()
        require_owner(row, run_id, attempt)
        assert row is not None
        tx.project = row.project
        yield tx, row


def _tasks(connection: Connection, run_id: str) -> list[Row[Any]]:
    query = select(pipeline_tasks).where(pipeline_tasks.c.run_id == run_id)
    return list(connection.execute(query.order_by(pipeline_tasks.c.position)))


def _task(tx: Transaction, run_id: str, name: str) -> Row[Any]:
    tasks = pipeline_tasks.c
    found = tx.execute(
        select(pipeline_tasks).where(tasks.run_id == run_id, tasks.name == name)
    ).first()
    if found is None:
        raise NotFound("pipelines.unknown_step", f"This run has no step {name!r}.", value=name)
    return found


def _require_running(row: Row[Any]) -> None:
    if row.status != "running":
        raise Conflict(
            "pipelines.not_running",
            f"The step {row.name!r} is {row.status}, not running.",
            value=row.name,
        )


def _change(tx: Transaction, row: Row[Any], **changes: Any) -> None:
    tasks = pipeline_tasks.c
    result = tx.execute(
        update(pipeline_tasks)
        .where(tasks.run_id == row.run_id, tasks.name == row.name, tasks.status == row.status)
        .values(**changes)
    )
    if result.rowcount != 1:
        raise Conflict("pipelines.changed", f"The step {row.name!r} changed in between.")


def _commit(
    tx: Transaction,
    row: Row[Any],
    status: str,
    fingerprint: Fingerprint,
    outputs: Outputs,
    log_digest: str | None = None,
) -> None:
    now = clock.now_ms()
    _change(
        tx,
        row,
        status=status,
        cache_key=fingerprint.key,
        fingerprint=fingerprint.model_dump(),
        outputs=cache.dumped(outputs),
        started_ms=row.started_ms or now,
        finished_ms=now,
        error=None,
        log_digest=log_digest,
    )


def _committed(row: Row[Any], key: str) -> Outputs | None:
    if row.status not in COMMITTED or row.cache_key != key:
        return None
    return {name: Artifact.model_validate(one) for name, one in row.outputs.items()}


def _check_outputs(
    store: Store, project: str, name: str, wanted: list[str], given: Outputs
) -> None:
    if set(wanted) != set(given):
        raise InvalidInput(
            "pipelines.wrong_outputs",
            f"The step {name!r} should make {', '.join(wanted)}, but made {', '.join(given)}.",
        )
    for output, artifact in given.items():
        if not store.objects.of(project).has(artifact.digest):
            raise InvalidInput(
                "pipelines.missing_object",
                f"The bytes of the output {output!r} of step {name!r} are not stored.",
                hint="Upload them before finishing the step.",
                value=artifact.digest,
            )


def _edges(run_id: str, fingerprint: Fingerprint, outputs: Outputs) -> list[tuple[str, str]]:
    made = [f"artifact:{artifact.digest}" for artifact in outputs.values()]
    sources = [f"artifact:{digest}" for digest in fingerprint.inputs.values()]
    return [
        (source, target)
        for target in made
        for source in (f"pipeline-run:{run_id}", *sources)
        if source != target
    ]
