"""Taking over experiments and runs from elsewhere: again and again, with the same result."""

from __future__ import annotations

from sqlalchemy import update

from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.store import Store, Transaction
from millwright.tracking.exchange.records import CarriedExperiment, CarriedRun, Taken
from millwright.tracking.service import experiments, inputs
from millwright.tracking.service.details import insert_params, known_params, upsert_tags
from millwright.tracking.service.group_commit import writer_of
from millwright.tracking.service.metric_points import insert_points, points_of
from millwright.tracking.service.runs import insert_run
from millwright.tracking.service.statements import execute, run_row
from millwright.tracking.tables import runs

_NAME_TAG = "mlflow.runName"
_PARENT_TAG = "mlflow.parentRunId"


def take(store: Store, actor: Actor, project: str, carried: CarriedExperiment) -> Taken:
    """Bring an experiment and some of its runs to the state they have elsewhere.

    What is here already stays; only what is missing is added, so an interrupted import is simply
    done again. One transaction.
    """

    def work(tx: Transaction) -> Taken:
        experiment = _experiment(tx, carried)
        made = points = 0
        refused = []
        for run in carried.runs:
            known = run_row(tx.connection, run.id)
            if known is not None and known.project != project:
                refused.append(run.id)
                continue
            if known is None:
                _insert(tx, experiment.no, carried.name, run)
                made += 1
            points += _bring_up_to_date(tx, experiment.no, run)
        return Taken(experiment=experiment.id, runs=made, points=points, refused=tuple(refused))

    taken: Taken = writer_of(store).do(actor, project, work)
    return taken


def _experiment(tx: Transaction, carried: CarriedExperiment) -> experiments.ExperimentRow:
    row = experiments.named(
        tx,
        carried.name,
        location=carried.artifact_location,
        tags=carried.tags,
        created_ms=carried.created_ms,
    )
    if carried.deleted and row.deleted_ms is None and row.id != experiments.DEFAULT_ID:
        experiments.delete_experiment(tx, row)
    return row


def _insert(tx: Transaction, experiment_no: int, experiment: str, run: CarriedRun) -> None:
    row = {
        "id": run.id,
        "project": tx.project,
        "experiment_no": experiment_no,
        "name": run.tags.get(_NAME_TAG) or run.name,
        "status": run.status,
        "parent": run.tags.get(_PARENT_TAG),
        "actor": tx.actor.name,
        "user": run.user,
        "created_ms": run.created_ms,
        "ended_ms": run.ended_ms,
        "inputs": "[]",
    }
    insert_run(tx, row, {}, {}, experiment=experiment)


def _bring_up_to_date(tx: Transaction, experiment_no: int, run: CarriedRun) -> int:
    row = run_row(tx.connection, run.id)
    assert row is not None
    deleted = (row.deleted_ms or clock.now_ms()) if run.deleted else None
    tx.execute(
        update(runs)
        .where(runs.c.no == row.no)
        .values(status=run.status, ended_ms=run.ended_ms, deleted_ms=deleted)
    )
    known = known_params(tx.connection, row.no, run.params)
    fresh = {key: value for key, value in run.params.items() if key not in known}
    insert_params(tx.connection, row.no, fresh)
    facts = (_NAME_TAG, _PARENT_TAG)
    tags = {key: value for key, value in run.tags.items() if key not in facts}
    upsert_tags(tx.connection, row.no, tags)
    uses = [
        inputs.DatasetUse(
            inputs.Dataset(d.name, d.digest, d.source_type, d.source, d.schema_text, d.profile),
            [inputs.InputTag(key, value) for key, value in d.tags.items()],
        )
        for d in run.datasets
    ]
    inputs.log_datasets(tx, row, experiment_no, uses)
    for direction in ("input", "output"):
        used = [(u.model, u.step) for u in run.models if u.direction == direction]
        inputs.log_models(tx, row, direction, used)
    return _points(tx, row.no, experiment_no, run)


def _points(tx: Transaction, no: int, experiment_no: int, run: CarriedRun) -> int:
    if not run.points:
        return 0
    before = _count(tx, no)
    rows = points_of([(p.key, p.step, p.time_ms, p.value) for p in run.points])
    insert_points(tx.connection, [(no, *row) for row in rows], {no: experiment_no})
    added = _count(tx, no) - before
    if added:
        keys = sorted({point.key for point in run.points})[:200]
        tx.event("run.metrics-logged", f"run:{run.id}", {"keys": keys, "points": added})
    return added


def _count(tx: Transaction, no: int) -> int:
    query = "SELECT COUNT(*) FROM run_metrics WHERE run_no = ?"
    return int(execute(tx.connection, query, no).scalar_one())
