"""Logged models: made, changed, found again, deleted."""

from __future__ import annotations

import math
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Transaction
from millwright.tracking.artifacts.files import location_of
from millwright.tracking.artifacts.paths import joined
from millwright.tracking.logged_models.tables import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from millwright.tracking.mlflow.errors import MlflowError, absent, invalid
from millwright.tracking.service.experiments import ExperimentRow
from millwright.tracking.tables import experiments

Json = dict[str, Any]
STATUSES = (
    "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
)
PENDING = 1
REGISTERED_TAG = "mlflow.modelVersions"
_BAD = ("/", ":", ".", "%", '"', "'")
_ADJECTIVES = ("able", "bold", "brisk", "calm", "clever", "fair", "keen", "merry", "swift", "wise")
_NOUNS = ("ash", "crane", "finch", "heron", "larch", "mole", "otter", "pike", "tern", "wren")


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """A metric measured of a logged model."""

    model: str
    key: str
    value: float
    time_ms: int
    step: int
    run: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What registering needs to know of a logged model."""

    artifact_uri: str
    run: str | None


def create(
    tx: Transaction,
    experiment: ExperimentRow,
    *,
    name: str | None,
    model_type: str | None,
    run: str | None,
    params: dict[str, str],
    tags: dict[str, str],
) -> Row[Any]:
    """A new logged model, pending until its files are there.

    Raises:
        MlflowError: the name holds a character that names cannot have.
    """
    if name is not None and (not name or any(letter in name for letter in _BAD)):
        raise invalid(
            f"Invalid model name ({name[:200]!r}) provided. Model name must be a non-empty string "
            f"and cannot contain the following characters: {_BAD}"
        )
    identifier = f"m-{uuid.uuid4().hex}"
    now = clock.now_ms()
    values = {
        "id": identifier,
        "project": experiment.project,
        "experiment_no": experiment.no,
        "name": name or random_name(),
        "model_type": model_type,
        "run": run,
        "status": PENDING,
        "artifact_uri": joined(
            location_of(experiment).rstrip("/"), "models", identifier, "artifacts"
        ),
        "created_ms": now,
        "updated_ms": now,
    }
    tx.execute(insert(logged_models).values(**values))
    _add(tx, logged_model_params, identifier, params)
    _add(tx, logged_model_tags, identifier, tags)
    edges = [(f"run:{run}", f"logged-model:{identifier}")] if run else []
    payload = {"name": values["name"], "experiment": experiment.id, "run": run}
    tx.event("logged-model.created", f"logged-model:{identifier}", payload, edges=edges)
    return find(tx.connection, experiment.project, identifier)


def find(
    connection: Connection, project: str, identifier: str, *, deleted: bool = False
) -> Row[Any]:
    """The row of a logged model; raises ``RESOURCE_DOES_NOT_EXIST``."""
    query = select(logged_models).where(
        logged_models.c.id == identifier, logged_models.c.project == project
    )
    if not deleted:
        query = query.where(logged_models.c.deleted_ms.is_(None))
    row = connection.execute(query).first()
    if row is None:
        raise absent(f"Logged model with ID '{identifier[:100]}' not found.")
    return row


def finalize(tx: Transaction, project: str, identifier: str, status: int) -> None:
    """Say whether the files of a model have arrived."""
    if status not in (1, 2, 3):
        raise invalid(f"Unknown model status: {status}")
    find(tx.connection, project, identifier, deleted=True)
    _change(tx, identifier, status=status)
    payload = {"status": STATUSES[status]}
    tx.event("logged-model.finalized", f"logged-model:{identifier}", payload)


def remove(tx: Transaction, project: str, identifier: str) -> None:
    """Delete a model; it can still be read by those who ask for deleted ones."""
    find(tx.connection, project, identifier, deleted=True)
    _change(tx, identifier, deleted_ms=clock.now_ms())
    tx.event("logged-model.deleted", f"logged-model:{identifier}", {})


def add_params(tx: Transaction, project: str, identifier: str, params: dict[str, str]) -> None:
    """Record parameters; one that is there keeps its value.

    Raises:
        MlflowError: a parameter has another value already.
    """
    find(tx.connection, project, identifier, deleted=True)
    table = logged_model_params.c
    query = select(table.key, table.value).where(table.model == identifier)
    known = {row.key: row.value for row in tx.execute(query)}
    for key, value in params.items():
        if known.get(key, value) != value:
            raise invalid(
                f"Changing param values is not allowed. Param with key='{key}' was already logged "
                f"with value='{known[key][:200]}' for model ID='{identifier}'."
            )
    fresh = {key: value for key, value in params.items() if key not in known}
    _add(tx, logged_model_params, identifier, fresh)
    if fresh:
        payload = {"keys": sorted(fresh)}
        tx.event("logged-model.params-logged", f"logged-model:{identifier}", payload)


def set_tags(tx: Transaction, project: str, identifier: str, tags: dict[str, str]) -> None:
    """Set tags, replacing earlier values."""
    find(tx.connection, project, identifier, deleted=True)
    table = logged_model_tags
    mine = (table.c.model == identifier, table.c.key.in_(list(tags)))
    tx.execute(delete(table).where(*mine))
    _add(tx, table, identifier, tags)
    if tags:
        payload = {"keys": sorted(tags)}
        tx.event("logged-model.tags-set", f"logged-model:{identifier}", payload)


def remove_tag(tx: Transaction, project: str, identifier: str, key: str) -> None:
    """Remove a tag; raises ``RESOURCE_DOES_NOT_EXIST`` where it is not set."""
    find(tx.connection, project, identifier, deleted=True)
    table = logged_model_tags
    gone = tx.execute(delete(table).where(table.c.model == identifier, table.c.key == key))
    if not gone.rowcount:
        raise absent(f"No tag with key {key!r} found for model with ID {identifier!r}.")
    tx.event("logged-model.tag-removed", f"logged-model:{identifier}", {"key": key})


def add_metrics(tx: Transaction, metrics: Iterable[ModelMetric]) -> None:
    """Record what was measured of models; a point that is there already stays as it is."""
    rows = {}
    for metric in metrics:
        nan = math.isnan(metric.value)
        key = (metric.model, metric.key, metric.time_ms, metric.step, metric.run)
        rows[key] = {
            "model": metric.model,
            "key": metric.key,
            "time_ms": metric.time_ms,
            "step": metric.step,
            "run": metric.run,
            "value": 0.0
            if nan
            else max(-1.7976931348623157e308, min(metric.value, 1.7976931348623157e308)),
            "is_nan": int(nan),
            "dataset_name": metric.dataset_name,
            "dataset_digest": metric.dataset_digest,
        }
    if not rows:
        return
    table = logged_model_metrics.c
    models = {row["model"] for row in rows.values()}
    query = select(table.model, table.key, table.time_ms, table.step, table.run).where(
        table.model.in_(models), table.run.in_({row["run"] for row in rows.values()})
    )
    known = {tuple(row) for row in tx.execute(query)}
    fresh = [row for key, row in rows.items() if key not in known]
    if fresh:
        tx.execute(insert(logged_model_metrics), fresh)


def models_json(connection: Connection, rows: Sequence[Row[Any]]) -> list[Json]:
    """Logged models as MLflow's clients read them."""
    ids = [row.id for row in rows]
    params = _grouped(connection, logged_model_params, ids)
    tags = _grouped(connection, logged_model_tags, ids)
    metrics = _grouped(connection, logged_model_metrics, ids)
    numbers = {row.experiment_no for row in rows}
    query = select(experiments.c.no, experiments.c.id).where(experiments.c.no.in_(numbers))
    named = {row.no: row.id for row in connection.execute(query)}
    return [
        _model(row, named[row.experiment_no], params[row.id], tags[row.id], metrics[row.id])
        for row in rows
    ]


def logged_model_source(
    connection: Connection, project: str, identifier: str
) -> ModelSource | None:
    """Where the files of a logged model are and which run made it; None for an unknown one."""
    try:
        row = find(connection, project, identifier)
    except MlflowError:
        return None
    return ModelSource(row.artifact_uri, row.run)


def tag_registered(tx: Transaction, project: str, identifier: str, name: str, version: int) -> None:
    """Note on a logged model as which version it was registered, as MLflow does."""
    import json

    table = logged_model_tags.c
    query = select(table.value).where(table.model == identifier, table.key == REGISTERED_TAG)
    try:
        known = json.loads(tx.execute(query).scalar() or "[]")
    except ValueError:
        known = []
    entry = {"name": name, "version": version}
    if isinstance(known, list) and entry not in known:
        set_tags(tx, project, identifier, {REGISTERED_TAG: json.dumps([*known, entry])})


def random_name() -> str:
    """A name for a model that was given none."""
    chosen = (random.choice(_ADJECTIVES), random.choice(_NOUNS))  # noqa: S311
    return f"{chosen[0]}-{chosen[1]}-{random.randrange(1000)}"  # noqa: S311


def _add(tx: Transaction, table: Any, identifier: str, values: dict[str, str]) -> None:
    rows = [{"model": identifier, "key": key, "value": value} for key, value in values.items()]
    if rows:
        tx.execute(insert(table), rows)


def _change(tx: Transaction, identifier: str, **values: Any) -> None:
    known = {"updated_ms": clock.now_ms(), **values}
    tx.execute(update(logged_models).where(logged_models.c.id == identifier).values(**known))


def _grouped(
    connection: Connection, table: Any, ids: list[str]
) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        query = select(table).where(table.c.model.in_(ids[start : start + 500]))
        for row in connection.execute(query.order_by(table.c.key)):
            found[row.model].append(row)
    return found


def _model(
    row: Row[Any],
    experiment: str,
    params: list[Row[Any]],
    tags: list[Row[Any]],
    metrics: list[Row[Any]],
) -> Json:
    info: Json = {
        "model_id": row.id,
        "experiment_id": experiment,
        "name": row.name,
        "creation_timestamp_ms": row.created_ms,
        "last_updated_timestamp_ms": row.updated_ms,
        "artifact_uri": row.artifact_uri,
        "status": STATUSES[row.status],
        "tags": [{"key": tag.key, "value": tag.value} for tag in tags],
    }
    if row.model_type is not None:
        info["model_type"] = row.model_type
    if row.run is not None:
        info["source_run_id"] = row.run
    data = {
        "params": [{"key": param.key, "value": param.value} for param in params],
        "metrics": [_metric(metric) for metric in metrics],
    }
    return {"info": info, "data": data}


def _metric(row: Row[Any]) -> Json:
    known: Json = {
        "key": row.key,
        "value": "NaN" if row.is_nan else row.value,
        "timestamp": row.time_ms,
        "step": row.step,
        "model_id": row.model,
        "run_id": row.run,
    }
    if row.dataset_name is not None:
        known["dataset_name"] = row.dataset_name
    if row.dataset_digest is not None:
        known["dataset_digest"] = row.dataset_digest
    return known
