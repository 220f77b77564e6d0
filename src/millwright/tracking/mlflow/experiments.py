"""Experiments over the MLflow protocol."""

from __future__ import annotations

from urllib.parse import unquote

from msgspec import Struct
from sqlalchemy import Connection

from millwright.kernel.access import Permission
from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.entities import experiments_out
from millwright.tracking.mlflow.errors import MlflowError, absent, invalid, missing
from millwright.tracking.mlflow.limits import (
    at_most,
    checked_experiment_name,
    checked_experiment_tag,
    without_nul,
)
from millwright.tracking.mlflow.wire import NO_ANSWER, KeyValue
from millwright.tracking.service import experiments
from millwright.tracking.service.group_commit import writer_of

MAX_LOCATION = 2048
endpoints = Endpoints()


class NewExperiment(Struct):
    """What ``experiments/create`` takes."""

    name: str
    artifact_location: str | None = None
    tags: list[KeyValue] = []


class OneExperiment(Struct):
    """An experiment by its id."""

    experiment_id: str


class NamedExperiment(Struct):
    """An experiment by its name."""

    experiment_name: str


class Renamed(Struct):
    """A new name."""

    experiment_id: str
    new_name: str | None = None


class ExperimentTag(Struct):
    """A tag of an experiment."""

    experiment_id: str
    key: str
    value: str = ""


@endpoints.post("experiments/create", permission=Permission.WRITE)
async def create_experiment(call: MlflowCall) -> object:
    """A new experiment's id."""
    asked = call.read(NewExperiment)
    if not asked.name:
        raise missing("name")
    name = checked_experiment_name(asked.name)
    location = checked_location(asked.artifact_location)
    tags = {tag.key: checked_experiment_tag(tag.key, tag.value) for tag in asked.tags}

    def work(tx: Transaction) -> str:
        experiments.ensure_default(tx)
        if experiments.by_name(tx.connection, call.project, name) is not None:
            raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
        return str(experiments.insert_experiment(tx, name, location=location, tags=tags))

    return {"experiment_id": await call.write(work)}


@endpoints.get("experiments/get", permission=Permission.READ)
def get_experiment(call: MlflowCall) -> object:
    """One experiment, deleted or not."""
    wanted = _required_id(call.read(OneExperiment).experiment_id)
    prepare(call)
    with call.store.read() as connection:
        row = found_experiment(connection, call.project, wanted)
        return {"experiment": experiments_out(connection, [row])[0]}


@endpoints.get("experiments/get-by-name", permission=Permission.READ)
def get_by_name(call: MlflowCall) -> object:
    """One experiment by name, deleted or not."""
    name = call.read(NamedExperiment).experiment_name
    if not name:
        raise missing("experiment_name")
    prepare(call)
    with call.store.read() as connection:
        row = experiments.by_name(connection, call.project, name)
        if row is None:
            raise absent(f"Could not find experiment with name '{name}'")
        return {"experiment": experiments_out(connection, [row])[0]}


@endpoints.post("experiments/delete", permission=Permission.WRITE)
async def delete_experiment(call: MlflowCall) -> object:
    """Delete an experiment and its runs; they can be restored until they are purged."""
    wanted = _required_id(call.read(OneExperiment).experiment_id)

    def work(tx: Transaction) -> None:
        row = found_experiment(tx.connection, call.project, wanted)
        if row.deleted_ms is not None:
            raise absent(f"No Experiment with id={wanted} exists")
        experiments.delete_experiment(tx, row)

    await call.write(work)
    return NO_ANSWER


@endpoints.post("experiments/restore", permission=Permission.WRITE)
async def restore_experiment(call: MlflowCall) -> object:
    """Undo a deletion."""
    wanted = _required_id(call.read(OneExperiment).experiment_id)

    def work(tx: Transaction) -> None:
        row = found_experiment(tx.connection, call.project, wanted)
        if row.deleted_ms is None:
            raise absent(f"No Experiment with id={wanted} exists")
        experiments.restore_experiment(tx, row)

    await call.write(work)
    return NO_ANSWER


@endpoints.post("experiments/update", permission=Permission.WRITE)
async def update_experiment(call: MlflowCall) -> object:
    """Rename an experiment."""
    asked = call.read(Renamed)
    _required_id(asked.experiment_id)
    if not asked.new_name:
        raise missing("new_name")
    name = checked_experiment_name(asked.new_name)

    def work(tx: Transaction) -> None:
        row = found_experiment(tx.connection, call.project, asked.experiment_id)
        if row.deleted_ms is not None:
            raise MlflowError("INVALID_STATE", "Cannot rename a non-active experiment.")
        known = experiments.by_name(tx.connection, call.project, name)
        if known is not None and known.no != row.no:
            raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.")
        payload = {"from": row.name, "to": name}
        experiments.change_experiment(tx, row, "experiment.renamed", payload, name=name)

    await call.write(work)
    return NO_ANSWER


@endpoints.post("experiments/set-experiment-tag", permission=Permission.WRITE)
async def set_tag(call: MlflowCall) -> object:
    """Set a tag of an experiment."""
    asked = call.read(ExperimentTag)
    _required_id(asked.experiment_id)
    if not asked.key:
        raise missing("key")
    value = checked_experiment_tag(asked.key, asked.value)

    def work(tx: Transaction) -> None:
        row = _active(tx.connection, call.project, asked.experiment_id)
        experiments.set_experiment_tag(tx, row, asked.key, value)

    await call.write(work)
    return NO_ANSWER


@endpoints.post("experiments/delete-experiment-tag", permission=Permission.WRITE)
@endpoints.delete("experiments/delete-experiment-tag", permission=Permission.WRITE)
async def delete_tag(call: MlflowCall) -> object:
    """Remove a tag of an experiment."""
    asked = call.read(ExperimentTag)
    _required_id(asked.experiment_id)
    if not asked.key:
        raise missing("key")

    def work(tx: Transaction) -> None:
        row = _active(tx.connection, call.project, asked.experiment_id)
        if not experiments.delete_experiment_tag(tx, row, asked.key):
            raise absent(
                f"No tag with name: {asked.key} in experiment with id {asked.experiment_id}"
            )

    await call.write(work)
    return NO_ANSWER


def prepare(call: MlflowCall) -> None:
    """Make the project's experiment ``0`` where it is missing and the caller may."""
    with call.store.read() as connection:
        known = experiments.by_id(connection, call.project, experiments.DEFAULT_ID)
    if known is None and call.actor.may(Permission.WRITE):
        writer_of(call.store).do(call.actor, call.project, experiments.ensure_default)


def found_experiment(
    connection: Connection, project: str, wanted: str
) -> experiments.ExperimentRow:
    """An experiment's row, deleted or not.

    Raises:
        MlflowError: the project has no such experiment.
    """
    wanted = wanted or experiments.DEFAULT_ID
    row = experiments.by_id(connection, project, checked_experiment_id(wanted))
    if row is None:
        raise absent(f"No Experiment with id={wanted} exists")
    return row


def checked_experiment_id(wanted: str) -> str:
    """An id that could be an experiment's; raises ``MlflowError``."""
    if not wanted.lstrip("-").isascii() or not wanted.lstrip("-").isdigit():
        raise invalid(
            f"Invalid experiment ID '{wanted[:100]}'. Experiment ID must be a valid integer."
        )
    return wanted


def checked_location(location: str | None) -> str | None:
    """A place for artifacts that is not ours. We never go there; clients do, with their own rights.

    Raises:
        MlflowError: it has a query, a fragment or parameters, or climbs.
    """
    if not location:
        return None
    at_most("artifact_location", MAX_LOCATION, without_nul(location))
    if location.startswith(("runs:", "models:")):
        raise invalid(f"Artifact location cannot be a runs:/ URI. Given: '{location[:200]}'")
    plain = unquote(unquote(location))
    if any(letter in plain for letter in "?#;\\") or not plain.isprintable():
        raise invalid("'artifact_location' URL can't include fragments or params.")
    if ".." in plain.split("/"):
        raise invalid("Invalid artifact_location: it may not hold '..'.")
    return location


def _required_id(wanted: str) -> str:
    if not wanted:
        raise missing("experiment_id")
    return wanted


def _active(connection: Connection, project: str, wanted: str) -> experiments.ExperimentRow:
    row = found_experiment(connection, project, wanted)
    if row.deleted_ms is not None:
        raise invalid(
            f"The experiment {row.id} must be in the 'active' state. Current state is deleted."
        )
    return row
