"""Deletion that deletes: a run is hidden first and can come back; then it is purged for good.

Purging removes every row of the run: metrics, parameters, tags, inputs, and the names of its
artifacts. Bytes that nothing names any more go with the collection of garbage.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select, update

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store, Transaction
from millwright.tracking import tables as t
from millwright.tracking.scorers.tables import scorer_versions, scorers
from millwright.tracking.service.runs import unknown_run
from millwright.tracking.tables import experiments, runs

_CHUNK = 500


def delete_run(tx: Transaction, run: Any) -> None:
    """Hide a run; again changes nothing."""
    if run.deleted_ms is None:
        _mark(tx, run.no, clock.now_ms())
        tx.event("run.deleted", f"run:{run.id}", {"name": run.name})


def restore_run(tx: Transaction, run: Any) -> None:
    """Show a hidden run again."""
    if run.deleted_ms is not None:
        _mark(tx, run.no, None)
        tx.event("run.restored", f"run:{run.id}", {"name": run.name})


def hide(store: Store, actor: Actor, run: str) -> None:
    """Delete a run for now; it can be restored until it is purged.

    Raises:
        NotFound: there is no such run.
    """
    with store.write(actor, _project_of(store, run)) as tx:
        delete_run(tx, _row(tx.connection, run))


def bring_back(store: Store, actor: Actor, run: str) -> None:
    """Restore a deleted run; raises ``NotFound`` where it never was, or was purged."""
    with store.write(actor, _project_of(store, run)) as tx:
        restore_run(tx, _row(tx.connection, run))


def _project_of(store: Store, run: str) -> str:
    with store.read() as connection:
        return str(_row(connection, run).project)


def _row(connection: Connection, run: str) -> Any:
    found = connection.execute(select(runs).where(runs.c.id == run)).first()
    if found is None:
        raise unknown_run(run)
    return found


def purge(store: Store, actor: Actor, project: str, *, older_than_ms: int = 0) -> int:
    """Remove what was deleted at least ``older_than_ms`` ago, for good; how many runs it was.

    Each batch of runs is one transaction with one event, so a purge that is interrupted goes on
    where it was.
    """
    limit = clock.now_ms() - older_than_ms
    purged = 0
    gone = (runs.c.project == project, runs.c.deleted_ms <= limit)
    query = select(runs.c.no, runs.c.id).where(*gone).order_by(runs.c.no).limit(_CHUNK)
    while True:
        with store.write(actor, project) as tx:
            rows = tx.execute(query).all()
            if rows:
                _remove(tx, [row.no for row in rows], [row.id for row in rows])
                ids = [row.id for row in rows]
                tx.event("runs.purged", f"project:{project}", {"runs": ids})
        purged += len(rows)
        if len(rows) < _CHUNK:
            break
    _purge_experiments(store, actor, project, limit)
    return purged


def _remove(tx: Transaction, numbers: list[int], ids: list[str]) -> None:
    for table in (
        t.run_metrics,
        t.run_latest_metrics,
        t.run_params,
        t.run_tags,
        t.run_dataset_inputs,
        t.run_models,
    ):
        tx.execute(delete(table).where(table.c.run_no.in_(numbers)))
    tx.execute(delete(t.run_artifacts).where(t.run_artifacts.c.run.in_(ids)))
    tx.execute(delete(runs).where(runs.c.no.in_(numbers)))


def _purge_experiments(store: Store, actor: Actor, project: str, limit: int) -> None:
    gone = (experiments.c.project == project, experiments.c.deleted_ms <= limit)
    used = select(runs.c.experiment_no)
    with store.write(actor, project) as tx:
        query = select(experiments).where(*gone, experiments.c.no.not_in(used))
        for row in tx.execute(query).all():
            for table in (t.experiment_tags, t.run_datasets):
                tx.execute(delete(table).where(table.c.experiment_no == row.no))
            _remove_scorers(tx, row.no)
            tx.execute(delete(experiments).where(experiments.c.no == row.no))
            tx.event("experiment.purged", f"experiment:{row.id}", {"name": row.name})


def _remove_scorers(tx: Transaction, experiment: int) -> None:
    mine = select(scorers.c.id).where(scorers.c.experiment_no == experiment)
    tx.execute(delete(scorer_versions).where(scorer_versions.c.scorer.in_(mine)))
    tx.execute(delete(scorers).where(scorers.c.experiment_no == experiment))


def _mark(tx: Transaction, no: int, deleted_ms: int | None) -> None:
    tx.execute(update(runs).where(runs.c.no == no).values(deleted_ms=deleted_ms))
