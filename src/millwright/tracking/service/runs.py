"""Starting, reading, changing and ending runs."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes
from millwright.kernel.store import Store, Transaction
from millwright.tracking.records import (
    ENDED,
    CodeVersion,
    NewRun,
    ParamValue,
    Run,
    RunEnvironment,
    RunPatch,
)
from millwright.tracking.tables import run_latest_metrics, run_params, run_tags, runs


def create_run(store: Store, actor: Actor, project: str, new: NewRun) -> Run:
    """Start a run; the datasets it reads become its ancestors.

    Raises:
        NotFound: the parent run does not exist in this project.
    """
    identifier, now = new.id or new_id(), clock.now_ms()
    code = new.code or CodeVersion()
    row = {
        "id": identifier,
        "project": project,
        "experiment": new.experiment,
        "name": new.name or f"run-{identifier[-6:]}",
        "status": "running",
        "parent": new.parent,
        "actor": actor.name,
        "created_ms": now,
        "seed": new.seed,
        "inputs": json.dumps(new.inputs),
        "code_commit": code.commit,
        "code_dirty": None if new.code is None else code.dirty,
        "code_diff_digest": code.diff_digest,
        "environment": None if new.environment is None else new.environment.model_dump_json(),
        "command": new.command,
    }
    with store.write(actor, project) as tx:
        if new.parent is not None and _row(tx.connection, new.parent).project != project:
            raise unknown_run(new.parent)
        if new.id is not None and (known := _find(tx.connection, new.id)) is not None:
            if known.project != project:
                raise unknown_run(new.id)
            return load_runs(tx.connection, [known])[0]
        tx.execute(insert(runs).values(**row))
        _insert_params(tx, identifier, new.params)
        _insert_tags(tx, identifier, new.tags)
        edges = [(f"dataset:{source}", f"run:{identifier}") for source in new.inputs]
        payload = {"experiment": new.experiment, "name": row["name"], "commit": code.commit}
        tx.event("run.created", f"run:{identifier}", payload, edges=edges)
        return load_runs(tx.connection, [_row(tx.connection, identifier)])[0]


def get_run(store: Store, run: str) -> Run:
    """A run with its parameters, tags and latest metrics.

    Raises:
        NotFound: there is no such run.
    """
    with store.read() as connection:
        return load_runs(connection, [_row(connection, run)])[0]


def patch_run(store: Store, actor: Actor, run: str, patch: RunPatch) -> Run:
    """Rename a run or end it. Ending it again the same way changes nothing.

    Raises:
        NotFound: there is no such run.
        Conflict: it has ended in another way.
    """
    with store.write(actor, project_of(store, run)) as tx:
        before = _row(tx.connection, run)
        changes: dict[str, Any] = patch.model_dump(exclude_none=True)
        if before.status in ENDED and changes.get("status", before.status) != before.status:
            raise Conflict(
                "tracking.ended",
                f"The run {before.name} has {before.status} and cannot become {patch.status}.",
                hint="Start a new run.",
                value=run,
            )
        ends = changes.get("status") in ENDED and before.status not in ENDED
        if ends:
            changes["ended_ms"] = clock.now_ms()
        if changes:
            tx.execute(update(runs).where(runs.c.id == run).values(**changes))
        if ends:
            payload = {"status": patch.status, "error": patch.error}
            tx.event("run.finished", f"run:{run}", payload)
        elif patch.name not in (None, before.name):
            tx.event("run.renamed", f"run:{run}", {"from": before.name, "to": patch.name})
        return load_runs(tx.connection, [_row(tx.connection, run)])[0]


def log_params(store: Store, actor: Actor, run: str, params: Mapping[str, ParamValue]) -> int:
    """Record parameters; the same value again is no change.

    Raises:
        NotFound: there is no such run.
        Conflict: a parameter has another value already.
    """
    with store.write(actor, project_of(store, run)) as tx:
        known = {
            row.key: json.loads(row.value)
            for row in tx.execute(select(run_params).where(run_params.c.run == run))
        }
        for key, value in params.items():
            if key in known and known[key] != value:
                raise Conflict(
                    "tracking.param_changed",
                    f"The parameter '{key}' of this run is {known[key]!r} and cannot become "
                    f"{value!r}.",
                    hint="Parameters describe how a run started; log what changes as a metric.",
                    value=key,
                )
        fresh = {key: value for key, value in params.items() if key not in known}
        _insert_params(tx, run, fresh)
        if fresh:
            tx.event("run.params-logged", f"run:{run}", {"keys": sorted(fresh)})
        return len(fresh)


def set_tags(store: Store, actor: Actor, run: str, tags: Mapping[str, str]) -> int:
    """Set tags, replacing earlier values.

    Raises:
        NotFound: there is no such run.
    """
    with store.write(actor, project_of(store, run)) as tx:
        tx.execute(delete(run_tags).where(run_tags.c.run == run, run_tags.c.key.in_(list(tags))))
        _insert_tags(tx, run, tags)
        if tags:
            tx.event("run.tags-set", f"run:{run}", {"keys": sorted(tags)})
        return len(tags)


def project_of(store: Store, run: str) -> str:
    """The project a run belongs to; raises ``NotFound`` for an unknown run."""
    with store.read() as connection:
        return str(_row(connection, run).project)


def unknown_run(run: str) -> NotFound:
    """The error for a run that does not exist."""
    return NotFound(
        "tracking.unknown_run",
        f"There is no run '{run[:60]}'.",
        hint="See them with: mw runs list",
        value=run,
    )


def load_runs(connection: Connection, rows: Sequence[Row[Any]]) -> list[Run]:
    """Rows of ``runs`` as records, with three queries for all their details together."""
    ids = [row.id for row in rows]
    params = _details(connection, run_params, ids)
    metrics = _details(connection, run_latest_metrics, ids)
    tags = _details(connection, run_tags, ids)
    return [
        _run(
            row,
            params={key: json.loads(value) for key, value in params[row.id]},
            # NULL is NaN; see ``tables``.
            metrics={k: math.nan if v is None else v for k, v in metrics[row.id]},
            tags=dict(tags[row.id]),
        )
        for row in rows
    ]


def _details(
    connection: Connection, table: Table, ids: list[str]
) -> defaultdict[str, list[tuple[str, Any]]]:
    found: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
    query = select(table.c.run, table.c.key, table.c.value).where(table.c.run.in_(ids))
    for run, key, value in connection.execute(query.order_by(table.c.key)):
        found[run].append((key, value))
    return found


def _run(
    row: Row[Any], params: dict[str, ParamValue], metrics: dict[str, float], tags: dict[str, str]
) -> Run:
    code = None
    if row.code_dirty is not None:
        code = CodeVersion(
            commit=row.code_commit, dirty=row.code_dirty, diff_digest=row.code_diff_digest
        )
    environment = None
    if row.environment is not None:
        environment = RunEnvironment.model_validate_json(row.environment)
    ended = row.ended_ms is not None
    return Run(
        id=row.id,
        project=row.project,
        experiment=row.experiment,
        name=row.name,
        status=row.status,
        parent=row.parent,
        actor=row.actor,
        created_at=clock.rfc3339(row.created_ms),
        ended_at=clock.rfc3339(row.ended_ms) if ended else None,
        duration_ms=row.ended_ms - row.created_ms if ended else None,
        seed=row.seed,
        inputs=tuple(json.loads(row.inputs)),
        code=code,
        environment=environment,
        command=row.command,
        error=row.error,
        params=params,
        metrics=metrics,
        tags=tags,
    )


def _row(connection: Connection, run: str) -> Row[Any]:
    row = _find(connection, run)
    if row is None:
        raise unknown_run(run)
    return row


def _find(connection: Connection, run: str) -> Row[Any] | None:
    return connection.execute(select(runs).where(runs.c.id == run)).first()


def _insert_params(tx: Transaction, run: str, params: Mapping[str, ParamValue]) -> None:
    rows = [
        {"run": run, "key": key, "value": json.dumps(value), "number": _number(value)}
        for key, value in params.items()
    ]
    if rows:
        tx.execute(insert(run_params), rows)


def _number(value: ParamValue) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _insert_tags(tx: Transaction, run: str, tags: Mapping[str, str]) -> None:
    rows = [{"run": run, "key": key, "value": value} for key, value in tags.items()]
    if rows:
        tx.execute(insert(run_tags), rows)


@describes("run")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    query = select(runs.c.id, runs.c.name).where(runs.c.project == project, runs.c.id.in_(ids))
    return {
        f"run:{row.id}": LineageNode(
            id=f"run:{row.id}",
            kind="run",
            label=row.name,
            href=f"/runs/{row.id}",
        )
        for row in connection.execute(query)
    }
