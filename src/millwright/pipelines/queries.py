"""Reading pipeline runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.errors import NotFound
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store
from millwright.pipelines.graph import Graph
from millwright.pipelines.ledger.runs import CANCELLED_BY, unknown_run
from millwright.pipelines.ledger.sql import Sql, from_json
from millwright.pipelines.records import (
    Attempt,
    LogPart,
    PipelineRun,
    PipelineRunDetail,
    PipelineRunPage,
    Pool,
    Task,
    TaskLog,
)
from millwright.pipelines.tables import pipeline_runs, pipeline_tasks


def owner_of(store: Store, run_id: str) -> str | None:
    """The project of a run; None where there is no such run."""
    query = select(pipeline_runs.c.project).where(pipeline_runs.c.id == run_id)
    with store.read() as connection:
        return connection.execute(query).scalar()


def get_run(store: Store, run_id: str) -> PipelineRunDetail:
    """A run with its graph and tasks.

    Raises:
        NotFound: there is no such run.
    """
    with store.read() as connection:
        row = connection.execute(select(pipeline_runs).where(pipeline_runs.c.id == run_id)).first()
        if row is None:
            raise unknown_run(run_id)
        tasks = connection.execute(
            select(pipeline_tasks)
            .where(pipeline_tasks.c.run_id == run_id)
            .order_by(pipeline_tasks.c.position)
        )
        graph = Graph.model_validate(row.graph)
        stops = row.cancel_requested or row.status == "cancelled"
        asked = Sql(connection).rows(CANCELLED_BY, f"pipeline-run:{run_id}") if stops else []
        return PipelineRunDetail(
            **_summary(row),
            # Once it is planned, those that were left at their defaults are known, too.
            params={**row.params, **graph.parameters},
            graph=graph,
            tasks=tuple(task_of(task) for task in tasks),
            cancelled_by=asked[0][0] if asked else None,
            cancel_asked=_time(asked[0][1]) if asked else None,
        )


def run_summaries(store: Store, run_ids: Collection[str]) -> dict[str, PipelineRun]:
    """The runs with these ids, without graphs and tasks; ids that no run has are left out."""
    query = select(pipeline_runs).where(pipeline_runs.c.id.in_(run_ids))
    with store.read() as connection:
        return {row.id: PipelineRun(**_summary(row)) for row in connection.execute(query)}


def list_runs(
    store: Store,
    project: str,
    *,
    name: str | None = None,
    status: str | None = None,
    limit: int = 50,
    page_token: str | None = None,
) -> PipelineRunPage:
    """Runs of a project, newest first."""
    runs = pipeline_runs.c
    query = select(pipeline_runs).where(runs.project == project).order_by(runs.id.desc())
    if name is not None:
        query = query.where(runs.name == name)
    if status is not None:
        query = query.where(runs.status == status)
    if page_token is not None:
        query = query.where(runs.id < page_token)
    with store.read() as connection:
        rows = connection.execute(query.limit(limit + 1)).all()
    found = tuple(PipelineRun(**_summary(row)) for row in rows[:limit])
    return PipelineRunPage(
        pipeline_runs=found, next_page_token=found[-1].id if len(rows) > limit else None
    )


def task_of(row: Row[Any]) -> Task:
    """A task as it is answered."""
    both = row.started_ms is not None and row.finished_ms is not None
    return Task(
        name=row.name,
        status=row.status,
        attempt=row.attempt,
        cache_key=row.cache_key,
        outputs=row.outputs or {},
        reason=tuple(row.reason or ()),
        started=_time(row.started_ms),
        finished=_time(row.finished_ms),
        duration_ms=row.finished_ms - row.started_ms if both else None,
        error=row.error,
        log_digest=row.log_digest,
        kind=row.kind,
        parent=row.parent,
    )


def _summary(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "project": row.project,
        "name": row.name,
        "entry_point": row.entry_point,
        "status": row.status,
        "attempt": row.attempt,
        "created": _time(row.created_ms),
        "started": _time(row.started_ms),
        "finished": _time(row.finished_ms),
        "lease_owner": row.lease_owner,
        "lease_expires": _time(row.lease_expires_ms),
        "worker_pid": row.worker_pid,
        "cancel_requested": row.cancel_requested,
        "cause": row.cause,
        "error": row.error,
        "trigger": row.trigger,
        "priority": row.priority,
        "idempotency_key": row.idempotency_key,
        "code_digest": row.code_digest,
        "not_before": _time(row.not_before_ms),
        "deadline": _time(row.deadline_ms),
    }


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else clock.rfc3339(milliseconds)


def attempts(store: Store, run_id: str) -> list[Attempt]:
    """Every try of every task of a run, in order."""
    query = (
        "SELECT task, number, owner, started_ms, finished_ms, outcome, error FROM pipeline_attempts "
        "WHERE run_id = ? ORDER BY started_ms, task, number"
    )
    with store.read() as connection:
        return [
            Attempt(
                task=row[0],
                number=row[1],
                owner=row[2],
                started=clock.rfc3339(row[3]),
                finished=_time(row[4]),
                outcome=row[5],
                error=from_json(row[6]),
            )
            for row in Sql(connection).rows(query, run_id)
        ]


def task_log(
    store: Store, run_id: str, task: str, *, after: int = -1, attempt: int | None = None
) -> TaskLog:
    """What a step has written in its newest attempt, from the part after number ``after`` on.

    ``attempt`` is the one that ``after`` was told of; of another all parts are told.

    Raises:
        NotFound: there is no such task.
    """
    row_query = (
        "SELECT t.attempt, t.status, t.log_digest, r.project FROM pipeline_tasks t "
        "JOIN pipeline_runs r ON r.id = t.run_id WHERE t.run_id = ? AND t.name = ?"
    )
    lines = (
        "SELECT seq, time_ms, text FROM pipeline_log WHERE run_id = ? AND task = ? AND attempt = ? "
        "AND seq > ? ORDER BY seq LIMIT 1000"
    )
    with store.read() as connection:
        sql = Sql(connection)
        found = sql.rows(row_query, run_id, task)
        if not found:
            raise NotFound("pipelines.unknown_step", f"This run has no step {task!r}.", value=task)
        newest, status, digest, project = found[0]
        is_new = attempt not in (None, newest)
        parts = sql.rows(lines, run_id, task, newest, -1 if is_new else after)
    ended = status in ("succeeded", "cached", "failed", "cancelled", "skipped")
    is_whole = digest is not None and (ended or after < 0)
    if is_whole:
        # The live lines are gone, and the last of them may have been seen by nobody.
        text = store.objects.of(project).read(digest).decode("utf-8", "replace")
        parts = [(0, 0, text)]
    return TaskLog(
        attempt=newest,
        parts=tuple(
            LogPart(task=task, attempt=newest, number=number, time_ms=time_ms, text=text)
            for number, time_ms, text in parts
        ),
        ended=ended,
        whole=is_whole or is_new,
    )


def list_pools(store: Store, project: str) -> list[Pool]:
    """The pools of a project, and how many of their slots are held."""
    query = (
        "SELECT p.name, p.slots, COALESCE((SELECT sum(s.slots) FROM pipeline_slots s WHERE "
        "s.project = p.project AND s.pool = p.name AND s.held_ms IS NOT NULL), 0) "
        "FROM pipeline_pools p WHERE p.project = ? ORDER BY p.name"
    )
    with store.read() as connection:
        return [
            Pool(name=name, slots=slots, held=int(held))
            for name, slots, held in Sql(connection).rows(query, project)
        ]


@describes("pipeline-run")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    runs = pipeline_runs.c
    query = select(runs.id, runs.name).where(runs.project == project, runs.id.in_(ids))
    return {
        f"pipeline-run:{row.id}": LineageNode(
            id=f"pipeline-run:{row.id}", kind="pipeline-run", label=row.name
        )
        for row in connection.execute(query)
    }
