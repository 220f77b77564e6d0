"""Our runs and experiments in MLflow's form, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.tracking.mlflow.errors import absent, invalid
from millwright.tracking.mlflow.wire import (
    STATUS_OUT,
    DatasetInput,
    DatasetOut,
    ExperimentOut,
    KeyValue,
    MetricOut,
    ModelUse,
    RunData,
    RunInfo,
    RunInputs,
    RunOut,
    RunOutputs,
    number,
    pairs,
)
from millwright.tracking.service.details import details_of
from millwright.tracking.service.experiments import ExperimentRow, tags_of
from millwright.tracking.service.statements import execute, marks

RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
COMMIT = "mlflow.source.git.commit"
RUN_COLUMNS = (
    'r.no, r.id, r.name, r.status, r.parent, r.actor, r."user", r.created_ms, r.ended_ms, '
    "r.deleted_ms, r.code_commit, e.id AS experiment, e.artifact_location AS location"
)
_ONE = (
    f"SELECT {RUN_COLUMNS} FROM runs r JOIN experiments e ON e.no = r.experiment_no "  # noqa: S608
    "WHERE r.id = ? AND r.project = ?"
)
_DATASETS = (
    "SELECT i.run_no, i.tags, d.name, d.digest, d.source_type, d.source, d.schema, d.profile "
    "FROM run_dataset_inputs i JOIN run_datasets d ON d.no = i.dataset_no WHERE i.run_no IN "
)
_MODELS = "SELECT run_no, model, direction, step FROM run_models WHERE run_no IN "
_CHUNK = 5_000
_decode_tags = msgspec.json.Decoder(list[KeyValue]).decode


def artifact_location(project: str, experiment: str, given: str | None) -> str:
    """Where clients find an experiment's artifacts: with us, unless it was made with a place."""
    return given or f"mlflow-artifacts:/{experiment}"


def found_run(connection: Connection, project: str, run: str) -> Row[Any]:
    """The row of a run with its experiment, deleted or not.

    Raises:
        MlflowError: there is no such run in the project.
    """
    row = execute(connection, _ONE, run, project).first()
    if row is None:
        raise absent(f"Run with id={run[:260]} not found")
    return row


def refused(run: str, row: Any) -> Exception | None:
    """Why nothing can be logged to a run in its state, or None."""
    if row is None:
        return absent(f"Run with id={run[:260]} not found")
    if row.deleted_ms is not None:
        return invalid(f"The run {run} must be in the 'active' state. Current state is deleted.")
    return None


def active_run(connection: Connection, project: str, run: str) -> Row[Any]:
    """As ``found_run``; a deleted run is refused."""
    row = found_run(connection, project, run)
    error = refused(run, row)
    if error is not None:
        raise error
    return row


def info_of(row: Row[Any]) -> RunInfo:
    """The facts of a run."""
    location = row.location or f"mlflow-artifacts:/{row.experiment}"
    return RunInfo(
        run_uuid=row.id,
        run_name=row.name,
        experiment_id=row.experiment,
        user_id=row.actor if row.user is None else row.user,
        status=STATUS_OUT[row.status],
        start_time=row.created_ms,
        artifact_uri=f"{location.rstrip('/')}/{row.id}/artifacts",
        lifecycle_stage="active" if row.deleted_ms is None else "deleted",
        run_id=row.id,
        end_time=row.ended_ms,
    )


def new_run(row: dict[str, Any], experiment: ExperimentRow, tags: dict[str, str]) -> RunOut:
    """A run just made, from what it was made of."""
    location = experiment.artifact_location or f"mlflow-artifacts:/{experiment.id}"
    given = [*pairs(tags), KeyValue(RUN_NAME, row["name"])]
    if row["parent"] is not None:
        given.append(KeyValue(PARENT, row["parent"]))
    info = RunInfo(
        run_uuid=row["id"],
        run_name=row["name"],
        experiment_id=experiment.id,
        user_id=row["user"] or row["actor"],
        status=STATUS_OUT[row["status"]],
        start_time=row["created_ms"],
        artifact_uri=f"{location.rstrip('/')}/{row['id']}/artifacts",
        lifecycle_stage="active",
        run_id=row["id"],
    )
    return RunOut(info, RunData(tags=given), RunInputs(), RunOutputs())


def whole_runs(connection: Connection, rows: Sequence[Row[Any]]) -> list[RunOut]:
    """Runs with everything that was logged to them, in a handful of queries for all of them."""
    numbers = [row.no for row in rows]
    metrics = details_of(
        connection, "run_latest_metrics", "key, value, is_nan, time_ms, step", numbers
    )
    params = details_of(connection, "run_params", "key, value", numbers)
    tags = details_of(connection, "run_tags", "key, value", numbers)
    datasets = _datasets(connection, numbers)
    read, written = _models(connection, numbers)
    return [
        RunOut(
            info=info_of(row),
            data=RunData(
                metrics=[
                    MetricOut(key, number(value, is_nan), time_ms, step)
                    for _, key, value, is_nan, time_ms, step in metrics[row.no]
                ],
                params=[KeyValue(key, value) for _, key, value in params[row.no]],
                tags=_tags(row, tags[row.no]),
            ),
            inputs=RunInputs(datasets[row.no], read[row.no]),
            outputs=RunOutputs(written[row.no]),
        )
        for row in rows
    ]


def experiments_out(connection: Connection, rows: Sequence[Any]) -> list[ExperimentOut]:
    """Experiments with their tags."""
    tags = tags_of(connection, [row.no for row in rows])
    return [
        ExperimentOut(
            experiment_id=row.id,
            name=row.name,
            artifact_location=artifact_location(row.project, row.id, row.artifact_location),
            lifecycle_stage="active" if row.deleted_ms is None else "deleted",
            last_update_time=row.updated_ms,
            creation_time=row.created_ms,
            tags=pairs(tags[row.no]),
        )
        for row in rows
    ]


def _tags(row: Row[Any], stored: list[Any]) -> list[KeyValue]:
    """Stored tags, and those that say what we keep as a fact of the run."""
    found = [KeyValue(key, value) for _, key, value in stored if key != RUN_NAME]
    if len(found) == len(stored):
        found.append(KeyValue(RUN_NAME, row.name))
    if row.parent is not None:
        found.append(KeyValue(PARENT, row.parent))
    if row.code_commit is not None and not any(tag.key == COMMIT for tag in found):
        found.append(KeyValue(COMMIT, row.code_commit))
    return found


def _datasets(connection: Connection, numbers: list[int]) -> defaultdict[int, list[DatasetInput]]:
    found: defaultdict[int, list[DatasetInput]] = defaultdict(list)
    for chunk in _chunks(numbers):
        for row in execute(connection, _DATASETS + marks(len(chunk)), *chunk):
            dataset = DatasetOut(
                row.name, row.digest, row.source_type, row.source, row.schema, row.profile
            )
            found[row.run_no].append(DatasetInput(dataset, _decode_tags(row.tags)))
    return found


def _models(
    connection: Connection, numbers: list[int]
) -> tuple[defaultdict[int, list[ModelUse]], defaultdict[int, list[ModelUse]]]:
    read: defaultdict[int, list[ModelUse]] = defaultdict(list)
    written: defaultdict[int, list[ModelUse]] = defaultdict(list)
    for chunk in _chunks(numbers):
        for row in execute(connection, _MODELS + marks(len(chunk)), *chunk):
            if row.direction == "input":
                read[row.run_no].append(ModelUse(row.model))
            else:
                written[row.run_no].append(ModelUse(row.model, row.step))
    return read, written


def _chunks(numbers: list[int]) -> list[list[int]]:
    return [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
