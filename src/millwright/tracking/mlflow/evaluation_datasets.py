"""Evaluation datasets of the MLflow protocol."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from millwright.kernel.access import Permission
from millwright.tracking.evaluation_datasets import filling, service
from millwright.tracking.evaluation_datasets.search import search
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.errors import bad_value, invalid, missing
from millwright.tracking.mlflow.limits import at_most, without_nul
from millwright.tracking.mlflow.searching import checked_size

endpoints = Endpoints()
_ID = "datasets/{dataset_id}"
MAX_NAME = 255
MAX_TAG_VALUE = 5_000
MAX_EXPERIMENTS = 1_000
MAX_PAGE = 50_000
DEFAULT_PAGE = 1_000


class NewDataset(msgspec.Struct):
    """``datasets/create``; the tags are JSON in text."""

    name: str | None = None
    experiment_ids: list[str] = []
    tags: str | None = None


class Sent(msgspec.Struct):
    """What changes a dataset; records and tags are JSON in text."""

    records: str | None = None
    tags: str | None = None
    experiment_ids: list[str] = []
    dataset_record_ids: list[str] = []


class Page(msgspec.Struct):
    """Which records are wanted."""

    max_results: int | None = None
    page_token: str | None = None


class DatasetSearch(msgspec.Struct):
    """``datasets/search``."""

    experiment_ids: list[str] = []
    filter_string: str | None = None
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str | None = None


@endpoints.post("datasets/create", permission=Permission.WRITE)
def create_dataset(call: MlflowCall) -> object:
    """Make a dataset without records."""
    asked = call.read(NewDataset)
    if not asked.name:
        raise missing("name")
    at_most("Dataset name", MAX_NAME, without_nul(asked.name))
    tags = _tags(asked.tags) if asked.tags else {}
    experiments = _experiments(asked.experiment_ids)
    with call.store.write(call.actor, call.project) as tx:
        row = service.create(tx, call.project, asked.name, tags, experiments)
        shown = service.datasets_json(tx.connection, [row])[0]
    return {"dataset": shown | ({"experiment_ids": experiments} if experiments else {})}


@endpoints.post("datasets/search", permission=Permission.READ)
@endpoints.get("datasets/search", permission=Permission.READ)
def search_datasets(call: MlflowCall) -> object:
    """A page of the datasets that pass a filter, in order."""
    asked = call.read(DatasetSearch)
    size = asked.max_results or DEFAULT_PAGE
    checked_size(size, MAX_PAGE)
    with call.store.read() as connection:
        rows, token = search(
            connection,
            call.project,
            _experiments(asked.experiment_ids),
            text=asked.filter_string,
            order=asked.order_by,
            size=size,
            token=asked.page_token,
        )
        found: dict[str, Any] = {"datasets": service.datasets_json(connection, rows)}
    return found | ({"next_page_token": token} if token else {})


@endpoints.get(_ID, permission=Permission.READ)
def get_dataset(call: MlflowCall) -> object:
    """One dataset, without its records."""
    with call.store.read() as connection:
        row = service.find(connection, call.project, call.parts["dataset_id"])
        return {"dataset": service.datasets_json(connection, [row])[0]}


@endpoints.delete(_ID, permission=Permission.WRITE)
def delete_dataset(call: MlflowCall) -> object:
    """Delete a dataset with its records."""
    with call.store.write(call.actor, call.project) as tx:
        service.remove(tx, call.project, call.parts["dataset_id"])
    return {}


@endpoints.post(f"{_ID}/records", permission=Permission.WRITE)
def upsert_records(call: MlflowCall) -> object:
    """Merge records in; two with the same inputs are one."""
    records = _decoded("records", call.read(Sent).records)
    if not isinstance(records, list):
        raise invalid("The field 'records' must hold a list of records.")
    with call.store.write(call.actor, call.project) as tx:
        new, known = filling.upsert(tx, call.project, call.parts["dataset_id"], records)
    return {"inserted_count": new, "updated_count": known}


@endpoints.get(f"{_ID}/records", permission=Permission.READ)
def get_records(call: MlflowCall) -> object:
    """A page of records, which are JSON in text."""
    asked = call.read(Page)
    size = asked.max_results or DEFAULT_PAGE
    checked_size(size, MAX_PAGE)
    identifier = call.parts["dataset_id"]
    with call.store.read() as connection:
        records, token = filling.page(connection, call.project, identifier, size, asked.page_token)
    return {"records": json.dumps(records)} | ({"next_page_token": token} if token else {})


@endpoints.delete(f"{_ID}/records", permission=Permission.WRITE)
def delete_records(call: MlflowCall) -> object:
    """Delete records by their ids."""
    ids = call.read(Sent).dataset_record_ids
    with call.store.write(call.actor, call.project) as tx:
        return {"deleted_count": filling.remove(tx, call.project, call.parts["dataset_id"], ids)}


@endpoints.patch(f"{_ID}/tags", permission=Permission.WRITE)
def set_tags(call: MlflowCall) -> object:
    """Set tags; one without a value is passed."""
    tags = _tags(call.read(Sent).tags)
    with call.store.write(call.actor, call.project) as tx:
        service.set_tags(tx, call.project, call.parts["dataset_id"], tags)
    return {}


@endpoints.delete(f"{_ID}/tags/{{key:path}}", permission=Permission.WRITE)
def delete_tag(call: MlflowCall) -> object:
    """Remove a tag."""
    with call.store.write(call.actor, call.project) as tx:
        service.remove_tag(tx, call.project, call.parts["dataset_id"], call.parts["key"])
    return {}


@endpoints.get(f"{_ID}/experiment-ids", permission=Permission.READ)
def get_experiments(call: MlflowCall) -> object:
    """The experiments that a dataset belongs to."""
    with call.store.read() as connection:
        found = service.experiments_of(connection, call.project, call.parts["dataset_id"])
    return {"experiment_ids": found} if found else {}


@endpoints.post(f"{_ID}/add-experiments", permission=Permission.WRITE)
def add_experiments(call: MlflowCall) -> object:
    """Let a dataset belong to more experiments."""
    wanted = _experiments(call.read(Sent).experiment_ids)
    with call.store.write(call.actor, call.project) as tx:
        row = service.add_to_experiments(tx, call.project, call.parts["dataset_id"], wanted)
        return {"dataset": service.datasets_json(tx.connection, [row])[0]}


@endpoints.post(f"{_ID}/remove-experiments", permission=Permission.WRITE)
def remove_experiments(call: MlflowCall) -> object:
    """Let a dataset belong to some experiments no more."""
    wanted = _experiments(call.read(Sent).experiment_ids)
    with call.store.write(call.actor, call.project) as tx:
        row = service.remove_from_experiments(tx, call.project, call.parts["dataset_id"], wanted)
        return {"dataset": service.datasets_json(tx.connection, [row])[0]}


def _experiments(ids: list[str]) -> list[str]:
    if len(ids) > MAX_EXPERIMENTS:
        raise invalid(f"A request may name at most {MAX_EXPERIMENTS} experiments.")
    for each in ids:
        at_most("Experiment ID", 64, each)
    return list(dict.fromkeys(ids))


def _decoded(name: str, text: str | None) -> Any:
    """JSON that was sent in text; what cannot be written again is refused here."""
    if not text:
        raise missing(name)
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as cause:
        raise invalid(f"The field '{name}' does not hold JSON.") from cause
    return found


def _tags(text: str | None) -> dict[str, str]:
    found = _decoded("tags", text)
    if not isinstance(found, dict):
        raise bad_value("tags", found)
    tags = {without_nul(k): without_nul(str(v)) for k, v in found.items() if v is not None}
    for key, value in tags.items():
        at_most("Tag key", 250, key)
        at_most("Tag value", MAX_TAG_VALUE, value)
    return tags
