"""What a run reads and writes: datasets by name and digest, logged models by id."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from millwright.kernel.external import DATASET, external_node
from millwright.kernel.plain_sql import perform_many
from millwright.kernel.store import Node, Transaction
from millwright.tracking.service.statements import execute

CONTEXT = "mlflow.data.context"


class InputTag(Struct):
    """A tag of a dataset's use."""

    key: str
    value: str


class Dataset(Struct):
    """A dataset as a client describes it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetUse(Struct):
    """A dataset, and what it is used for."""

    dataset: Dataset
    tags: list[InputTag] = []


def log_datasets(tx: Transaction, run: Any, experiment_no: int, uses: list[DatasetUse]) -> None:
    """Name datasets as inputs of a run; one that it names already stays as it is."""
    known: set[tuple[str, str]] = set()
    for use in uses:
        key = (use.dataset.name, use.dataset.digest)
        if key in known:
            continue
        known.add(key)
        no = _dataset_no(tx.connection, experiment_no, use.dataset)
        context = next((tag.value for tag in use.tags if tag.key == CONTEXT), None)
        tags = msgspec.json.encode(use.tags).decode()
        execute(
            tx.connection,
            "INSERT INTO run_dataset_inputs (run_no, dataset_no, context, tags) "
            "VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
            run.no,
            no,
            context,
            tags,
        )
    if known:
        names = sorted(f"{name}@{digest}" for name, digest in known)
        nodes = [_node(use.dataset) for use in uses]
        edges = [(node.name, f"run:{run.id}") for node in nodes]
        payload = {"datasets": names}
        tx.event("run.inputs-logged", f"run:{run.id}", payload, edges=edges, nodes=nodes)


def _node(dataset: Dataset) -> Node:
    """The state of a dataset that a client described: other bytes are another node."""
    named = f"{dataset.name}@{dataset.digest}"
    return external_node(DATASET, "mlflow", named, source_type=dataset.source_type)


def log_models(tx: Transaction, run: Any, direction: str, models: list[tuple[str, int]]) -> None:
    """Name logged models as what a run read (``input``) or wrote (``output``)."""
    statement = (
        "INSERT INTO run_models (run_no, model, direction, step) VALUES (?,?,?,?) "
        "ON CONFLICT DO NOTHING"
    )
    rows = [(run.no, model[:100], direction, step) for model, step in models]
    perform_many(tx.connection, statement, rows)
    if models:
        here = f"run:{run.id}"
        nodes = dict.fromkeys(f"logged-model:{model}" for model, _ in models)
        edges = [(node, here) if direction == "input" else (here, node) for node in nodes]
        payload = {"models": [model for model, _ in models]}
        tx.event(f"run.{direction}s-logged", here, payload, edges=edges)


def experiment_of(connection: Connection, run_no: int) -> int:
    """The number of a run's experiment."""
    query = "SELECT experiment_no FROM runs WHERE no = ?"
    return int(execute(connection, query, run_no).scalar_one())


def tag_value(connection: Connection, run_no: int, key: str) -> str | None:
    """The value of a run's tag, if it has it."""
    query = "SELECT value FROM run_tags WHERE run_no = ? AND key = ?"
    found = execute(connection, query, run_no, key).scalar()
    return None if found is None else str(found)


def _dataset_no(connection: Connection, experiment_no: int, dataset: Dataset) -> int:
    query = "SELECT no FROM run_datasets WHERE experiment_no = ? AND name = ? AND digest = ?"
    found = execute(connection, query, experiment_no, dataset.name, dataset.digest).scalar()
    if found is not None:
        return int(found)
    made = execute(
        connection,
        "INSERT INTO run_datasets "
        "(experiment_no, name, digest, source_type, source, schema, profile) "
        "VALUES (?,?,?,?,?,?,?) RETURNING no",
        experiment_no,
        dataset.name,
        dataset.digest,
        dataset.source_type,
        dataset.source,
        dataset.schema,
        dataset.profile,
    )
    return int(made.scalar_one())
