"""Runs over the MLflow protocol: created, read, changed, deleted, restored, tagged."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.ids import new_id
from millwright.kernel.store import Transaction
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.entities import (
    PARENT,
    RUN_NAME,
    active_run,
    found_run,
    info_of,
    new_run,
    whole_runs,
)
from millwright.tracking.mlflow.errors import absent, bad_value, invalid, missing
from millwright.tracking.mlflow.experiments import found_experiment
from millwright.tracking.mlflow.limits import at_most, checked_tag, without_nul
from millwright.tracking.mlflow.wire import NO_ANSWER, STATUS_IN, Int64, KeyValue
from millwright.tracking.names import random_name
from millwright.tracking.service import deletion
from millwright.tracking.service.details import upsert_tags
from millwright.tracking.service.experiments import DEFAULT_ID, ensure_default
from millwright.tracking.service.runs import change_run, insert_run, require_run_quota
from millwright.tracking.service.statements import execute, run_row

MAX_USER = 256
MAX_RUN_NAME = 8_000
_STATUS_NUMBERS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_WITHOUT_TAG = "DELETE FROM run_tags WHERE run_no = ? AND key = ?"
endpoints = Endpoints()


class NewRun(Struct):
    """What ``runs/create`` takes."""

    experiment_id: str = DEFAULT_ID
    user_id: str | None = None
    run_name: str | None = None
    start_time: Int64 | None = None
    tags: list[KeyValue] = []


class OneRun(Struct):
    """A run by its id, or by what the id was called once."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def id(self) -> str:
        """The run's id; raises ``MlflowError`` where none is given."""
        found = self.run_id or self.run_uuid
        if not found:
            raise missing("run_id")
        return found


class RunUpdate(OneRun):
    """What ``runs/update`` takes."""

    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class RunTag(OneRun):
    """A tag of a run."""

    key: str = ""
    value: str = ""


@endpoints.post("runs/create", permission=Permission.WRITE)
async def create_run(call: MlflowCall) -> object:
    """A run, started."""
    asked = call.read(NewRun)
    tags = {tag.key: checked_tag(tag.key, tag.value, "tags") for tag in asked.tags}
    tagged = tags.pop(RUN_NAME, None)
    if asked.run_name and tagged and asked.run_name != tagged:
        raise invalid(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            f"values (run_name='{asked.run_name}', mlflow.runName='{tagged}')."
        )
    name = asked.run_name or tagged or random_name()
    at_most("run_name", MAX_RUN_NAME, without_nul(name))
    user = without_nul(asked.user_id or "")[:MAX_USER] or tags.get("mlflow.user")
    identifier = new_id()

    def work(tx: Transaction) -> object:
        if (asked.experiment_id or DEFAULT_ID) == DEFAULT_ID:
            ensure_default(tx)
        experiment = found_experiment(tx.connection, call.project, asked.experiment_id)
        if experiment.deleted_ms is not None:
            raise invalid(
                f"The experiment {experiment.id} must be in the 'active' state. "
                "Current state is deleted."
            )
        require_run_quota(call.store, tx.connection, call.project)
        stored = dict(tags)
        parent = _parent(tx.connection, call.project, stored)
        row = {
            "id": identifier,
            "project": call.project,
            "experiment_no": experiment.no,
            "name": name,
            "status": "running",
            "parent": parent,
            "actor": call.actor.name,
            "user": user,
            "created_ms": asked.start_time or clock.now_ms(),
            "inputs": "[]",
        }
        insert_run(tx, row, {}, stored, experiment=experiment.name)
        return new_run(row, experiment, stored)

    return {"run": await call.write(work, brief=True)}


@endpoints.get("runs/get", permission=Permission.READ)
def get_run(call: MlflowCall) -> object:
    """A run with everything that was logged to it."""
    wanted = call.read(OneRun).id
    with call.store.read() as connection:
        row = found_run(connection, call.project, wanted)
        return {"run": whole_runs(connection, [row])[0]}


@endpoints.post("runs/update", permission=Permission.WRITE)
async def update_run(call: MlflowCall) -> object:
    """Change a run's status, end or name."""
    asked = call.read(RunUpdate)
    wanted, changes = asked.id, _changes(asked)

    def work(tx: Transaction) -> object:
        row = active_run(tx.connection, call.project, wanted)
        if changes.get("status") in ("running", "scheduled") and asked.end_time is None:
            changes["ended_ms"] = row.ended_ms
        change_run(tx, row, changes)
        if "name" in changes:
            execute(tx.connection, _WITHOUT_TAG, row.no, RUN_NAME)
        return info_of(found_run(tx.connection, call.project, wanted))

    return {"run_info": await call.write(work, brief=True)}


@endpoints.post("runs/delete", permission=Permission.WRITE)
async def delete_run(call: MlflowCall) -> object:
    """Delete a run; it can be restored until it is purged."""
    wanted = call.read(OneRun).id

    def work(tx: Transaction) -> None:
        deletion.delete_run(tx, found_run(tx.connection, call.project, wanted))

    await call.write(work)
    return NO_ANSWER


@endpoints.post("runs/restore", permission=Permission.WRITE)
async def restore_run(call: MlflowCall) -> object:
    """Undo a deletion."""
    wanted = call.read(OneRun).id

    def work(tx: Transaction) -> None:
        deletion.restore_run(tx, found_run(tx.connection, call.project, wanted))

    await call.write(work)
    return NO_ANSWER


@endpoints.post("runs/set-tag", permission=Permission.WRITE)
async def set_tag(call: MlflowCall) -> object:
    """Set a tag of a run."""
    asked = call.read(RunTag)
    wanted = asked.id
    if not asked.key:
        raise missing("key")
    tags = {asked.key: checked_tag(asked.key, asked.value)}

    def work(tx: Transaction) -> None:
        put_tags(tx, active_run(tx.connection, call.project, wanted), tags)

    await call.write(work, brief=True)
    return NO_ANSWER


@endpoints.post("runs/delete-tag", permission=Permission.WRITE)
async def delete_tag(call: MlflowCall) -> object:
    """Remove a tag of a run."""
    asked = call.read(RunTag)
    wanted = asked.id
    if not asked.key:
        raise missing("key")

    def work(tx: Transaction) -> None:
        row = active_run(tx.connection, call.project, wanted)
        gone = execute(tx.connection, _WITHOUT_TAG, row.no, asked.key).rowcount
        if asked.key == RUN_NAME:
            # The name stays; that the tag is gone is kept as an empty one.
            upsert_tags(tx.connection, row.no, {RUN_NAME: ""})
            gone = 1 - gone
        if asked.key == PARENT and row.parent is not None:
            change_run(tx, row, {"parent": None})
            gone += 1
        if not gone:
            raise absent(f"No tag with name: {asked.key} in run with id {wanted}")
        tx.event("run.tag-deleted", f"run:{row.id}", {"key": asked.key})

    await call.write(work, brief=True)
    return NO_ANSWER


def put_tags(tx: Transaction, row: Row[Any], tags: dict[str, str]) -> None:
    """Set tags; those that say what we keep as a fact of the run change the fact."""
    assert tx.project is not None
    stored, changes = dict(tags), dict[str, Any]()
    name = stored.pop(RUN_NAME, None)
    if name:
        changes["name"] = name
    parent = _parent(tx.connection, tx.project, stored)
    if parent is not None:
        changes["parent"] = parent
    change_run(tx, row, changes)
    if name:
        execute(tx.connection, _WITHOUT_TAG, row.no, RUN_NAME)
    upsert_tags(tx.connection, row.no, stored)
    if stored:
        tx.event("run.tags-set", f"run:{row.id}", {"keys": sorted(stored)})


def _parent(connection: Connection, project: str, tags: dict[str, str]) -> str | None:
    """The run that a tag names as the parent, taken out of the tags where it is one of ours."""
    named = tags.get(PARENT)
    known = run_row(connection, named) if named else None
    if known is None or known.project != project:
        return None
    return tags.pop(PARENT)


def _changes(asked: RunUpdate) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if asked.status is not None:
        word = asked.status
        word = _STATUS_NUMBERS.get(word, str(word)) if isinstance(word, int) else word
        if word not in STATUS_IN:
            raise bad_value("status", asked.status)
        changes["status"] = STATUS_IN[word]
    if asked.end_time is not None:
        changes["ended_ms"] = asked.end_time
    if asked.run_name:
        at_most("run_name", MAX_RUN_NAME, without_nul(asked.run_name))
        changes["name"] = asked.run_name
    return changes
