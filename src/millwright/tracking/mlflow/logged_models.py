"""Logged models of the MLflow protocol."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.engine import Row

from millwright.kernel.access import Permission
from millwright.kernel.store import Transaction
from millwright.tracking.artifacts import files
from millwright.tracking.artifacts.paths import checked_path, joined
from millwright.tracking.experiment_lookup import active_experiment
from millwright.tracking.logged_models import search as searching
from millwright.tracking.logged_models import service
from millwright.tracking.mlflow.artifacts import download, listing
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, invalid, missing
from millwright.tracking.mlflow.logging import model_metrics
from millwright.tracking.mlflow.wire import MetricSent

endpoints = Endpoints()
_ID = "logged-models/{model_id}"
MAX_KEY = 250
MAX_VALUE = 8_000
MAX_ENTRIES = 1_000


class Pair(msgspec.Struct):
    """A key and a value."""

    key: str | None = None
    value: str | None = None


class NewModel(msgspec.Struct):
    """``logged-models``."""

    experiment_id: str | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Pair] = []
    tags: list[Pair] = []


class Change(msgspec.Struct):
    """A request that changes a model."""

    model_id: str | None = None
    status: str | int | None = None
    params: list[Pair] = []
    tags: list[Pair] = []


class Dataset(msgspec.Struct):
    """A dataset that metrics were measured on."""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class Order(msgspec.Struct):
    """One key to sort by."""

    field_name: str | None = None
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(msgspec.Struct):
    """``logged-models/search``."""

    experiment_ids: list[str] = []
    filter: str | None = None
    datasets: list[Dataset] = []
    max_results: int | None = None
    order_by: list[Order] = []
    page_token: str | None = None


class Listing(msgspec.Struct):
    """A request for a folder or a file of a model."""

    artifact_directory_path: str | None = None
    artifact_file_path: str | None = None
    allow_deleted: bool = False


@endpoints.post("logged-models", permission=Permission.WRITE)
def create_logged_model(call: MlflowCall) -> object:
    """Make a model, pending until its files have arrived."""
    asked = call.read(NewModel)
    if not asked.experiment_id:
        raise missing("experiment_id")
    params, tags = pairs(asked.params), pairs(asked.tags)
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, asked.experiment_id)
        row = service.create(
            tx,
            experiment,
            name=asked.name or None,
            model_type=asked.model_type,
            run=asked.source_run_id,
            params=params,
            tags=tags,
        )
        return {"model": service.models_json(tx.connection, [row])[0]}


@endpoints.get(_ID, permission=Permission.READ)
def get_logged_model(call: MlflowCall) -> object:
    """One model."""
    deleted = call.read(Listing).allow_deleted if call.query else False
    with call.store.read() as connection:
        row = service.find(connection, call.project, call.parts["model_id"], deleted=deleted)
        return {"model": service.models_json(connection, [row])[0]}


@endpoints.patch(_ID, permission=Permission.WRITE)
def finalize_logged_model(call: MlflowCall) -> object:
    """Say that the files of a model have arrived, or that they will not."""
    status = _status(call.read(Change).status)
    identifier = call.parts["model_id"]
    with call.store.write(call.actor, call.project) as tx:
        service.finalize(tx, call.project, identifier, status)
        row = service.find(tx.connection, call.project, identifier, deleted=True)
        return {"model": service.models_json(tx.connection, [row])[0]}


@endpoints.delete(_ID, permission=Permission.WRITE)
def delete_logged_model(call: MlflowCall) -> object:
    """Delete a model."""
    with call.store.write(call.actor, call.project) as tx:
        service.remove(tx, call.project, call.parts["model_id"])
    return {}


@endpoints.post(f"{_ID}/params", permission=Permission.WRITE)
def log_params(call: MlflowCall) -> object:
    """Record parameters of a model."""
    params = pairs(call.read(Change).params)
    with call.store.write(call.actor, call.project) as tx:
        service.add_params(tx, call.project, call.parts["model_id"], params)
    return {}


@endpoints.patch(f"{_ID}/tags", permission=Permission.WRITE)
def set_tags(call: MlflowCall) -> object:
    """Set tags of a model."""
    tags = pairs(call.read(Change).tags)
    with call.store.write(call.actor, call.project) as tx:
        service.set_tags(tx, call.project, call.parts["model_id"], tags)
    return {}


@endpoints.delete(f"{_ID}/tags/{{tag_key:path}}", permission=Permission.WRITE)
def delete_tag(call: MlflowCall) -> object:
    """Remove a tag of a model."""
    with call.store.write(call.actor, call.project) as tx:
        service.remove_tag(tx, call.project, call.parts["model_id"], call.parts["tag_key"])
    return {}


@endpoints.post("logged-models/search", permission=Permission.READ)
def search_logged_models(call: MlflowCall) -> object:
    """Models of experiments, filtered and in order."""
    asked = call.read(Search)
    if not asked.experiment_ids:
        raise missing("experiment_ids")
    if any(not dataset.dataset_name for dataset in asked.datasets):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    size = asked.max_results or 50
    if not 1 <= size <= searching.MOST:
        raise invalid(f"max_results must be between 1 and {searching.MOST}.")
    order = [_order(each) for each in asked.order_by]
    shown = [msgspec.to_builtins(each) for each in asked.order_by] or None
    text = asked.filter or None
    start = searching.offset_of(asked.page_token, asked.experiment_ids, text, shown)
    rows = searching.search(
        call.store,
        call.project,
        asked.experiment_ids,
        text=text,
        datasets=[(str(d.dataset_name), d.dataset_digest or None) for d in asked.datasets],
        order=order,
        size=size,
        start=start,
    )
    with call.store.read() as connection:
        found = service.models_json(connection, rows[:size])
    answer: dict[str, object] = {"models": found} if found else {}
    if len(rows) > size:
        answer["next_page_token"] = searching.page_token(
            asked.experiment_ids, text, shown, start + size
        )
    return answer


@endpoints.get(f"{_ID}/artifacts/directories", permission=Permission.READ)
def list_artifacts(call: MlflowCall) -> object:
    """What lies directly below a folder of a model."""
    below = checked_path(call.read(Listing).artifact_directory_path or "", empty=True)
    with call.store.read() as connection:
        root = service.find(connection, call.project, call.parts["model_id"]).artifact_uri
    entries = files.entries(call.store, call.project, joined(_place(root), below))
    return {"root_uri": root, **listing(entries, below)}


@endpoints.get(f"{_ID}/artifacts/files", permission=Permission.READ)
def get_artifact(call: MlflowCall) -> Reply:
    """The bytes of a file of a model."""
    path = call.read(Listing).artifact_file_path
    if not path:
        raise MlflowError(
            "BAD_REQUEST", 'Request must include the "artifact_file_path" query parameter.'
        )
    with call.store.read() as connection:
        root = service.find(connection, call.project, call.parts["model_id"]).artifact_uri
    return download(call, joined(_place(root), checked_path(path)))


def _measured(tx: Transaction, run: Row[Any], sent: list[MetricSent]) -> None:
    """Keep the metrics of a run that name a logged model with that model, too."""
    service.add_metrics(
        tx,
        [
            service.ModelMetric(
                model=str(metric.model_id),
                key=metric.key,
                value=metric.value,
                time_ms=metric.timestamp,
                step=metric.step,
                run=run.id,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
            for metric in sent
        ],
    )


model_metrics.append(_measured)


def pairs(given: list[Pair]) -> dict[str, str]:
    """Keys and values, checked; the last of equal keys counts."""
    if len(given) > MAX_ENTRIES:
        raise invalid(f"A request may hold at most {MAX_ENTRIES} entries.")
    found = {}
    for pair in given:
        if not pair.key:
            raise missing("key")
        value = pair.value or ""
        if len(pair.key) > MAX_KEY:
            raise invalid(f"'key' exceeds the maximum length of {MAX_KEY} characters")
        if len(value) > MAX_VALUE:
            raise invalid(f"'value' exceeds the maximum length of {MAX_VALUE} characters")
        found[pair.key] = value
    return found


def _status(given: str | int | None) -> int:
    if given is None or given == "":
        raise missing("status")
    if isinstance(given, str) and given in service.STATUSES:
        return service.STATUSES.index(given)
    try:
        return int(given)
    except ValueError:
        raise invalid(f"Unknown model status: {str(given)[:100]}") from None


def _order(each: Order) -> searching.OrderBy:
    if each.field_name is None:
        raise invalid("`field_name` in the `order_by` clause must be specified.")
    if each.dataset_digest and not each.dataset_name:
        raise invalid("`dataset_digest` can only be specified if `dataset_name` is also specified.")
    return searching.OrderBy(
        each.field_name.strip(), each.ascending, each.dataset_name, each.dataset_digest
    )


def _place(root: str) -> str:
    path = files.path_of(root)
    if path is None:
        raise invalid(
            f"The files of this model are at {root[:200]}, which this server does not keep."
        )
    return path
