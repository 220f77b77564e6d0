"""Evaluation datasets: made, filled, tagged, deleted."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Transaction
from millwright.tracking.evaluation_datasets.records import USER_TAG, Json
from millwright.tracking.evaluation_datasets.tables import (
    evaluation_dataset_experiments,
    evaluation_dataset_records,
    evaluation_dataset_tags,
    evaluation_datasets,
)
from millwright.tracking.experiment_lookup import numbers_of
from millwright.tracking.mlflow.errors import absent

_SET = evaluation_datasets.c
_LINK = evaluation_dataset_experiments.c


def create(
    tx: Transaction, project: str, name: str, tags: dict[str, str], experiments: Sequence[str]
) -> Row[Any]:
    """A new dataset without records."""
    identifier, now = f"d-{uuid.uuid4().hex}", clock.now_ms()
    user = tags.get(USER_TAG, "")[:255] or None
    values = {
        "id": identifier,
        "project": project,
        "name": name,
        "digest": digest(name, now),
        "records": 0,
        "created_ms": now,
        "updated_ms": now,
        "created_by": user,
        "updated_by": user,
    }
    tx.execute(insert(evaluation_datasets).values(**values))
    _put_tags(tx, identifier, tags)
    _link(tx, identifier, experiments)
    payload = {"name": name, "experiments": list(experiments)}
    tx.event("evaluation-dataset.created", f"evaluation-dataset:{identifier}", payload)
    return find(tx.connection, project, identifier)


def find(connection: Connection, project: str, identifier: str) -> Row[Any]:
    """The row of a dataset; raises ``RESOURCE_DOES_NOT_EXIST``."""
    row = _row(connection, project, identifier)
    if row is None:
        raise absent(f"Evaluation dataset with id '{identifier[:100]}' not found")
    return row


def locked(tx: Transaction, project: str, identifier: str) -> Row[Any]:
    """As ``find``, and no other transaction changes its records until this one ends."""
    mine = (_SET.id == identifier, _SET.project == project)
    tx.execute(update(evaluation_datasets).where(*mine).values(name=_SET.name))
    return find(tx.connection, project, identifier)


def remove(tx: Transaction, project: str, identifier: str) -> None:
    """Delete a dataset with all it holds; one that is not there stays so."""
    if _row(tx.connection, project, identifier) is None:
        return
    for table in (
        evaluation_dataset_records,
        evaluation_dataset_tags,
        evaluation_dataset_experiments,
    ):
        tx.execute(delete(table).where(table.c.dataset == identifier))
    tx.execute(delete(evaluation_datasets).where(_SET.id == identifier))
    tx.event("evaluation-dataset.deleted", f"evaluation-dataset:{identifier}", {})


def set_tags(tx: Transaction, project: str, identifier: str, tags: dict[str, str]) -> None:
    """Set tags, replacing earlier values; nothing else of the dataset changes."""
    if _row(tx.connection, project, identifier) is None:
        raise absent(f"Could not find evaluation dataset with ID {identifier[:100]}")
    table = evaluation_dataset_tags
    tx.execute(delete(table).where(table.c.dataset == identifier, table.c.key.in_(list(tags))))
    _put_tags(tx, identifier, tags)
    payload = {"keys": sorted(tags)}
    tx.event("evaluation-dataset.tags-set", f"evaluation-dataset:{identifier}", payload)


def remove_tag(tx: Transaction, project: str, identifier: str, key: str) -> None:
    """Remove a tag; one that is not there stays so."""
    if _row(tx.connection, project, identifier) is None:
        return
    table = evaluation_dataset_tags
    gone = tx.execute(delete(table).where(table.c.dataset == identifier, table.c.key == key))
    if gone.rowcount:
        subject = f"evaluation-dataset:{identifier}"
        tx.event("evaluation-dataset.tag-removed", subject, {"key": key})


def add_to_experiments(
    tx: Transaction, project: str, identifier: str, experiments: Sequence[str]
) -> Row[Any]:
    """Say that a dataset belongs to more experiments, all of which must be there."""
    _known(tx.connection, project, identifier)
    found = set(numbers_of(tx.connection, project, list(experiments)).values())
    for each in experiments:
        if each not in found:
            raise absent(f"No Experiment with id={each[:100]}")
    fresh = set(experiments) - set(experiments_of(tx.connection, project, identifier))
    _link(tx, identifier, [each for each in dict.fromkeys(experiments) if each in fresh])
    return _moved(tx, project, identifier, "experiments-added", experiments)


def remove_from_experiments(
    tx: Transaction, project: str, identifier: str, experiments: Sequence[str]
) -> Row[Any]:
    """Say that a dataset belongs to some experiments no more; those it did not belong to are passed."""
    row = _known(tx.connection, project, identifier)
    mine = (_LINK.dataset == identifier, _LINK.experiment.in_(list(experiments)))
    if not tx.execute(delete(evaluation_dataset_experiments).where(*mine)).rowcount:
        return row
    return _moved(tx, project, identifier, "experiments-removed", experiments)


def experiments_of(connection: Connection, project: str, identifier: str) -> list[str]:
    """The experiments of a dataset, in the order in which they were named; none of an unknown one."""
    query = (
        select(_LINK.experiment)
        .join(evaluation_datasets, _SET.id == _LINK.dataset)
        .where(_LINK.dataset == identifier, _SET.project == project)
        .order_by(_LINK.place)
    )
    return list(connection.execute(query).scalars())


def datasets_json(connection: Connection, rows: Sequence[Row[Any]]) -> list[Json]:
    """Datasets as MLflow's clients read them; tags, schema and profile are JSON in text there."""
    tags: dict[str, dict[str, str]] = {row.id: {} for row in rows}
    table = evaluation_dataset_tags
    ids = list(tags)
    for start in range(0, len(ids), 500):
        query = select(table).where(table.c.dataset.in_(ids[start : start + 500]))
        for tag in connection.execute(query.order_by(table.c.key)):
            tags[tag.dataset][tag.key] = tag.value
    return [_dataset(row, tags[row.id]) for row in rows]


def digest(name: str, now: int) -> str:
    """Eight characters that change with every change of the records.

    >>> digest("a", 1) == digest("a", 2)
    False
    """
    return hashlib.sha256(f"{name}:{now}".encode()).hexdigest()[:8]


def _row(connection: Connection, project: str, identifier: str) -> Row[Any] | None:
    query = select(evaluation_datasets).where(_SET.id == identifier, _SET.project == project)
    return connection.execute(query).first()


def _known(connection: Connection, project: str, identifier: str) -> Row[Any]:
    row = _row(connection, project, identifier)
    if row is None:
        raise absent(f"Dataset '{identifier[:100]}' not found")
    return row


def _moved(
    tx: Transaction, project: str, identifier: str, what: str, experiments: Sequence[str]
) -> Row[Any]:
    now = {"updated_ms": clock.now_ms()}
    tx.execute(update(evaluation_datasets).where(_SET.id == identifier).values(**now))
    payload = {"experiments": list(experiments)}
    tx.event(f"evaluation-dataset.{what}", f"evaluation-dataset:{identifier}", payload)
    return find(tx.connection, project, identifier)


def _put_tags(tx: Transaction, identifier: str, tags: dict[str, str]) -> None:
    rows = [{"dataset": identifier, "key": key, "value": value} for key, value in tags.items()]
    if rows:
        tx.execute(insert(evaluation_dataset_tags), rows)


def _link(tx: Transaction, identifier: str, experiments: Sequence[str]) -> None:
    query = select(func.max(_LINK.place)).where(_LINK.dataset == identifier)
    start = (tx.execute(query).scalar() or 0) + 1
    rows = [
        {"dataset": identifier, "experiment": each, "place": place}
        for place, each in enumerate(dict.fromkeys(experiments), start)
    ]
    if rows:
        tx.execute(insert(evaluation_dataset_experiments), rows)


def _dataset(row: Row[Any], tags: dict[str, str]) -> Json:
    shown: Json = {
        "dataset_id": row.id,
        "name": row.name,
        "tags": json.dumps(tags),
        "digest": row.digest,
        "created_time": row.created_ms,
        "last_update_time": row.updated_ms,
    }
    optional = {
        "schema": row.schema,
        "profile": json.dumps({"num_records": row.records}) if row.records else None,
        "created_by": row.created_by,
        "last_updated_by": row.updated_by,
    }
    return shown | {key: value for key, value in optional.items() if value is not None}
