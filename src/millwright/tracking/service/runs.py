"""Runs: started, named, ended, deleted; and what is logged to them once."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select, update
from sqlalchemy.engine import Row

from millwright.data import require_usable
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.nodes import LineageNode, describes, finds
from millwright.kernel.plain_sql import first, marks
from millwright.kernel.quotas import require_run
from millwright.kernel.store import Store, Transaction
from millwright.tracking.records import (
    ENDED,
    CodeDetail,
    CodeVersion,
    FeatureSet,
    NewRun,
    ParamValue,
    Run,
    RunEnvironment,
    RunPatch,
)
from millwright.tracking.service.ancestry import ancestry_of
from millwright.tracking.service.details import (
    details_of,
    insert_params,
    known_params,
    typed,
    upsert_tags,
)
from millwright.tracking.service.experiments import number_for
from millwright.tracking.service.group_commit import writer_of
from millwright.tracking.service.statements import RunRow, run_row
from millwright.tracking.tables import experiments, runs

_COLUMNS = (
    "id",
    "project",
    "experiment_no",
    "name",
    "status",
    "parent",
    "actor",
    "user",
    "created_ms",
    "ended_ms",
    "seed",
    "inputs",
    "code_commit",
    "code_dirty",
    "code_diff_digest",
    "code_detail",
    "environment",
    "command",
)
T = TypeVar("T", Row[Any], RunRow)
_END_OF_ID = re.compile(r"[0-9a-f]{6,31}")
_QUOTED = ", ".join(f'"{column}"' for column in _COLUMNS)
_INSERT = f"INSERT INTO runs ({_QUOTED}) VALUES {marks(len(_COLUMNS))} RETURNING no"  # noqa: S608


def create_run(store: Store, actor: Actor, project: str, new: NewRun) -> Run:
    """Start a run; the datasets it reads become its ancestors.

    Raises:
        NotFound: the parent run does not exist in this project.
        TooLarge: the project's quota of runs is used up.
        Conflict: its experiment was deleted, or a dataset version breaks its contract.
    """
    identifier = new.id or new_id()
    code = new.code or CodeVersion()

    def work(tx: Transaction) -> Run:
        if new.parent is not None and _row(tx.connection, new.parent).project != project:
            raise unknown_run(new.parent)
        if new.id is not None and (known := run_row(tx.connection, new.id)) is not None:
            if known.project != project:
                raise unknown_run(new.id)
            return load_runs(tx.connection, [_row(tx.connection, new.id)])[0]
        require_usable(tx.connection, new.inputs)
        require_run_quota(store, tx.connection, project)
        row = {
            "id": identifier,
            "project": project,
            "experiment_no": number_for(tx, new.experiment),
            "name": new.name or f"run-{identifier[-6:]}",
            "status": "running",
            "parent": new.parent,
            "actor": actor.name,
            "created_ms": clock.now_ms(),
            "seed": new.seed,
            "inputs": json.dumps(new.inputs),
            "code_commit": code.commit,
            "code_dirty": None if new.code is None else code.dirty,
            "code_diff_digest": code.diff_digest,
            "code_detail": None if code.detail is None else code.detail.model_dump_json(),
            "environment": None if new.environment is None else new.environment.model_dump_json(),
            "command": new.command,
        }
        insert_run(
            tx,
            row,
            new.params,
            new.tags,
            experiment=new.experiment,
            features=new.features,
            origin=new.origin,
        )
        return load_runs(tx.connection, [_row(tx.connection, identifier)])[0]

    run: Run = writer_of(store).do(actor, project, work)
    return run


def require_run_quota(store: Store, connection: Connection, project: str) -> None:
    """Refuse a new run where the project's quota has no room; raises ``TooLarge``."""

    def count() -> int:
        query = select(func.count()).select_from(runs).where(runs.c.project == project)
        return int(connection.execute(query).scalar_one())

    require_run(store, connection, project, count)


def insert_run(
    tx: Transaction,
    row: Mapping[str, Any],
    params: Mapping[str, ParamValue],
    tags: Mapping[str, str],
    *,
    experiment: str,
    features: FeatureSet | None = None,
    origin: str | None = None,
) -> int:
    """A run that does not exist yet, with its event and what it came of; its number."""
    values = [row.get(column) for column in _COLUMNS]
    no = first(tx.connection, int, _INSERT, *values)
    assert no is not None
    insert_params(tx.connection, no, params)
    upsert_tags(tx.connection, no, tags)
    identifier = row["id"]
    ancestry = ancestry_of(
        f"run:{identifier}",
        inputs=json.loads(row["inputs"]),
        parent=row.get("parent"),
        features=features,
        origin=origin,
    )
    payload = {
        "experiment": experiment,
        "name": row["name"],
        "commit": row.get("code_commit"),
    }
    subject = f"run:{identifier}"
    tx.event("run.created", subject, payload, edges=ancestry.edges, nodes=ancestry.nodes)
    return no


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

    def work(tx: Transaction) -> Run:
        before = _row(tx.connection, run)
        changes: dict[str, Any] = patch.model_dump(exclude_none=True)
        if before.status in ENDED and changes.get("status", before.status) != before.status:
            raise Conflict(
                "tracking.ended",
                f"The run {before.name} has {before.status} and cannot become {patch.status}.",
                hint="Start a new run.",
                value=run,
            )
        if changes.get("status") in ENDED and before.status not in ENDED:
            changes["ended_ms"] = clock.now_ms()
        change_run(tx, before, changes)
        return load_runs(tx.connection, [_row(tx.connection, run)])[0]

    patched: Run = writer_of(store).do(actor, project_of(store, run), work)
    return patched


def change_run(tx: Transaction, before: Row[Any], changes: Mapping[str, Any]) -> None:
    """Write new values into a run, with the event of what became of it."""
    if not changes:
        return
    tx.execute(update(runs).where(runs.c.no == before.no).values(**changes))
    status, name = changes.get("status"), changes.get("name")
    subject = f"run:{before.id}"
    if status in ENDED and before.status not in ENDED:
        tx.event("run.finished", subject, {"status": status, "error": changes.get("error")})
    elif status is not None and status != before.status:
        tx.event("run.resumed", subject, {"from": before.status, "to": status})
    if name not in (None, before.name):
        tx.event("run.renamed", subject, {"from": before.name, "to": name})


def log_params(store: Store, actor: Actor, run: str, params: Mapping[str, ParamValue]) -> int:
    """Record parameters; the same value again is no change.

    Raises:
        NotFound: there is no such run.
        Conflict: a parameter has another value already.
    """

    def work(tx: Transaction) -> int:
        no = _row(tx.connection, run).no
        known = known_params(tx.connection, no, params)
        for key, value in params.items():
            if key in known and known[key] != str(value):
                raise Conflict(
                    "tracking.param_changed",
                    f"The parameter '{key}' of this run is {known[key]!r} and cannot become "
                    f"{value!r}.",
                    hint="Parameters describe how a run started; log what changes as a metric.",
                    value=key,
                )
        fresh = {key: value for key, value in params.items() if key not in known}
        insert_params(tx.connection, no, fresh)
        if fresh:
            tx.event("run.params-logged", f"run:{run}", {"keys": sorted(fresh)})
        return len(fresh)

    return int(writer_of(store).do(actor, project_of(store, run), work))


def log_inputs(store: Store, actor: Actor, run: str, datasets: Sequence[str]) -> int:
    """Name dataset versions that a run reads, beside those it named before; how many are new.

    Raises:
        NotFound: there is no such run.
        Conflict: one of them breaks its contract, and nobody let it through.
    """

    def work(tx: Transaction) -> int:
        row = _row(tx.connection, run)
        known = json.loads(row.inputs)
        fresh = [one for one in dict.fromkeys(datasets) if one not in known]
        if fresh:
            require_usable(tx.connection, fresh)
            inputs = json.dumps([*known, *fresh])
            tx.execute(update(runs).where(runs.c.no == row.no).values(inputs=inputs))
            edges = ancestry_of(f"run:{run}", inputs=fresh).edges
            tx.event("run.inputs-logged", f"run:{run}", {"datasets": fresh}, edges=edges)
        return len(fresh)

    return int(writer_of(store).do(actor, project_of(store, run), work))


def set_tags(store: Store, actor: Actor, run: str, tags: Mapping[str, str]) -> int:
    """Set tags, replacing earlier values.

    Raises:
        NotFound: there is no such run.
    """

    def work(tx: Transaction) -> int:
        upsert_tags(tx.connection, _row(tx.connection, run).no, tags)
        if tags:
            tx.event("run.tags-set", f"run:{run}", {"keys": sorted(tags)})
        return len(tags)

    return int(writer_of(store).do(actor, project_of(store, run), work))


def project_of(store: Store, run: str) -> str:
    """The project a run belongs to; raises ``NotFound`` for an unknown or deleted run."""
    with store.read() as connection:
        return str(active(run_row(connection, run), run).project)


def owner_of(store: Store, run: str) -> str | None:
    """The project of a run, deleted or not; None where there is no such run."""
    with store.read() as connection:
        row = run_row(connection, run)
    return None if row is None else row.project


def active(row: T | None, run: str) -> T:
    """The row, if there is one and the run is not deleted; raises ``NotFound``."""
    if row is None or row.deleted_ms is not None:
        raise unknown_run(run)
    return row


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
    numbers = [row.no for row in rows]
    params = details_of(connection, "run_params", "key, value, kind", numbers)
    metrics = details_of(connection, "run_latest_metrics", "key, value, is_nan", numbers)
    tags = details_of(connection, "run_tags", "key, value", numbers)
    wanted = {row.experiment_no for row in rows}
    query = select(experiments.c.no, experiments.c.name).where(experiments.c.no.in_(wanted))
    names = {row.no: row.name for row in connection.execute(query)}
    return [
        _run(
            row,
            experiment=names[row.experiment_no],
            params={key: typed(value, kind) for _, key, value, kind in params[row.no]},
            metrics={k: math.nan if is_nan else v for _, k, v, is_nan in metrics[row.no]},
            tags={key: value for _, key, value in tags[row.no]},
        )
        for row in rows
    ]


def _run(
    row: Row[Any],
    *,
    experiment: str,
    params: dict[str, ParamValue],
    metrics: dict[str, float],
    tags: dict[str, str],
) -> Run:
    code = None
    if row.code_dirty is not None:
        code = CodeVersion(
            commit=row.code_commit,
            dirty=row.code_dirty,
            diff_digest=row.code_diff_digest,
            detail=None
            if row.code_detail is None
            else CodeDetail.model_validate_json(row.code_detail),
        )
    environment = None
    if row.environment is not None:
        environment = RunEnvironment.model_validate_json(row.environment)
    ended = row.ended_ms is not None
    return Run(
        id=row.id,
        project=row.project,
        experiment=experiment,
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
    return active(connection.execute(select(runs).where(runs.c.id == run)).first(), run)


@finds("run")
def _find(connection: Connection, project: str, text: str) -> list[str]:
    """The run with an id, or with the last characters (six or more) of one."""
    query = select(runs.c.id).where(runs.c.project == project)
    exact = connection.execute(query.where(runs.c.id == text)).scalars().all()
    if exact or not _END_OF_ID.fullmatch(text):
        return list(exact)
    return list(connection.execute(query.where(runs.c.id.like(f"%{text}"))).scalars())


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
