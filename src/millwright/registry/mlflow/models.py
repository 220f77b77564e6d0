"""Registered models of the MLflow protocol: create, get, update, rename, delete."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.plain_sql import perform
from millwright.kernel.store import Transaction
from millwright.registry.holding import require_free
from millwright.registry.mlflow.entities import (
    Json,
    latest_rows,
    model_json,
    model_row,
    versions_json,
)
from millwright.registry.mlflow.names import (
    model_name,
    new_name,
    required,
    stage_name,
    tag_key,
    tag_value,
)
from millwright.registry.tables import (
    model_aliases,
    model_approvals,
    model_files,
    model_tags,
    model_version_tags,
    model_versions,
    models,
)
from millwright.registry.webhooks.events import Happening, announce
from millwright.tracking import Endpoints, MlflowCall, MlflowError

endpoints = Endpoints()
PROMPT_TAG = "mlflow.prompt.is_prompt"
_TOUCH = "UPDATE models SET updated_ms = ? WHERE project = ? AND name = ?"
HIDDEN_PROMPT_TAGS = frozenset({PROMPT_TAG, "_mlflow_prompt_type"})


class Tag(msgspec.Struct):
    """A key and a value, as tags are sent."""

    key: str | None = None
    value: str | None = None


class NewModel(msgspec.Struct):
    """``registered-models/create``."""

    name: str | None = None
    tags: list[Tag] = []
    description: str | None = None


class Named(msgspec.Struct):
    """A request that names a model and perhaps a description or a new name."""

    name: str | None = None
    new_name: str | None = None
    description: str | None = None
    stages: list[str] = []


@endpoints.post("registered-models/create", permission=Permission.WRITE)
async def create_registered_model(call: MlflowCall) -> Json:
    """Create a registered model without versions."""
    asked = call.read(NewModel)
    name = model_name(required(asked.name, "name"))
    tags = checked_tags(asked.tags)
    prompt = is_prompt(tags)

    def work(tx: Transaction) -> Json:
        taken = _find(tx, call.project, name)
        if taken is not None:
            raise _taken(name, taken.prompt, prompt)
        row = add_model(tx, call.project, name, description=asked.description or "", prompt=prompt)
        add_tags(tx, call.project, name, tags)
        shown = {key: v for key, v in tags.items() if not prompt or key not in HIDDEN_PROMPT_TAGS}
        data = {"name": name, "tags": shown, "description": asked.description or ""}
        entity = "prompt" if prompt else "registered_model"
        announce(tx, call.project, Happening(entity, "created", data))
        return {"registered_model": model_json(tx.connection, row)}

    made: Json = await call.write(work)
    return made


@endpoints.get("registered-models/get", permission=Permission.READ)
def get_registered_model(call: MlflowCall) -> Json:
    """One registered model."""
    name = required(call.read(Named).name, "name")
    with call.store.read() as connection:
        row = model_row(connection, call.project, name)
        return {"registered_model": model_json(connection, row)}


@endpoints.patch("registered-models/update", permission=Permission.WRITE)
async def update_registered_model(call: MlflowCall) -> Json:
    """Change the description."""
    asked = call.read(Named)
    name = required(asked.name, "name")

    def work(tx: Transaction) -> Json:
        model_row(tx.connection, call.project, name)
        _change(tx, call.project, name, description=asked.description or "")
        tx.event("model.described", f"model:{name}", {"model": name})
        row = model_row(tx.connection, call.project, name)
        return {"registered_model": model_json(tx.connection, row)}

    made: Json = await call.write(work)
    return made


@endpoints.post("registered-models/rename", permission=Permission.OPERATE)
async def rename_registered_model(call: MlflowCall) -> Json:
    """Give a model another name; its versions, tags and aliases go with it."""
    asked = call.read(Named)
    name = required(asked.name, "name")
    to = new_name(required(asked.new_name, "new_name"))

    def work(tx: Transaction) -> Json:
        row = model_row(tx.connection, call.project, name)
        if to != name:
            if _find(tx, call.project, to) is not None:
                raise MlflowError(
                    "RESOURCE_ALREADY_EXISTS",
                    f"Registered Model (name={to}) already exists.",
                )
            require_free(tx.connection, call.project, _version_ids(tx, call.project, name))
            _rename(tx, call.project, name, to)
        tx.event("model.renamed", f"model:{to}", {"from": name, "to": to})
        row = model_row(tx.connection, call.project, to)
        return {"registered_model": model_json(tx.connection, row)}

    made: Json = await call.write(work)
    return made


@endpoints.delete("registered-models/delete", permission=Permission.OPERATE)
async def delete_registered_model(call: MlflowCall) -> Json:
    """Delete a model with all its versions; refused while one is deployed."""
    name = required(call.read(Named).name, "name")

    def work(tx: Transaction) -> None:
        model_row(tx.connection, call.project, name)
        ids = _version_ids(tx, call.project, name)
        require_free(tx.connection, call.project, ids)
        for table in (model_files, model_approvals):
            tx.execute(delete(table).where(table.c.version.in_(ids)))
        for table in (model_version_tags, model_tags, model_aliases, model_versions):
            tx.execute(delete(table).where(table.c.project == call.project, table.c.model == name))
        tx.execute(delete(models).where(models.c.project == call.project, models.c.name == name))
        tx.event("model.deleted", f"model:{name}", {"model": name, "versions": len(ids)})

    await call.write(work)
    return {}


@endpoints.get("registered-models/get-latest-versions", permission=Permission.READ)
@endpoints.post("registered-models/get-latest-versions", permission=Permission.READ)
def get_latest_versions(call: MlflowCall) -> Json:
    """The newest version of each stage, or of the stages asked for."""
    asked = call.read(Named)
    name = required(asked.name, "name")
    wanted = {stage_name(stage) for stage in asked.stages}
    with call.store.read() as connection:
        model_row(connection, call.project, name)
        rows = [
            row
            for row in latest_rows(connection, call.project, [name])
            if not wanted or row.stage in wanted
        ]
        found = versions_json(connection, rows)
    return {"model_versions": found} if found else {}


def add_model(
    tx: Transaction, project: str, name: str, *, description: str, prompt: bool
) -> Row[Any]:
    """Insert a model and say so in the log."""
    now = clock.now_ms()
    values = {
        "project": project,
        "name": name,
        "created_ms": now,
        "updated_ms": now,
        "description": description,
        "prompt": prompt,
    }
    tx.execute(insert(models).values(**values))
    tx.event("model.created", f"model:{name}", {"model": name, "prompt": prompt})
    made: Row[Any] = model_row(tx.connection, project, name)
    return made


def add_tags(tx: Transaction, project: str, name: str, tags: dict[str, str]) -> None:
    """Insert the tags of a new model."""
    rows = [{"project": project, "model": name, "key": k, "value": v} for k, v in tags.items()]
    if rows:
        tx.execute(insert(model_tags), rows)


def touch(tx: Transaction, project: str, name: str, now: int) -> None:
    """Note that something of the model changed."""
    perform(tx.connection, _TOUCH, now, project, name)


def checked_tags(tags: list[Tag]) -> dict[str, str]:
    """Tags by key, each checked; the last of equal keys counts."""
    return {tag_key(required(tag.key, "key")): tag_value(tag.value) for tag in tags}


def is_prompt(tags: dict[str, str]) -> bool:
    """Whether tags mark a model as a prompt."""
    return tags.get(PROMPT_TAG, "").lower() == "true"


def _change(tx: Transaction, project: str, model: str, **values: Any) -> None:
    mine = (models.c.project == project, models.c.name == model)
    tx.execute(update(models).where(*mine).values(**{"updated_ms": clock.now_ms(), **values}))


def _rename(tx: Transaction, project: str, name: str, to: str) -> None:
    _change(tx, project, name, name=to)
    now = clock.now_ms()
    table = model_versions
    mine = (table.c.project == project, table.c.model == name)
    tx.execute(update(table).where(*mine).values(model=to, updated_ms=now))
    for each in (model_version_tags, model_tags, model_aliases):
        where = (each.c.project == project, each.c.model == name)
        tx.execute(update(each).where(*where).values(model=to))


def _version_ids(tx: Transaction, project: str, name: str) -> list[str]:
    query = select(model_versions.c.id).where(
        model_versions.c.project == project, model_versions.c.model == name
    )
    return [str(identifier) for identifier in tx.execute(query).scalars()]


def _find(tx: Transaction, project: str, name: str) -> Row[Any] | None:
    query = select(models).where(models.c.project == project, models.c.name == name)
    return tx.execute(query).first()


def _taken(name: str, was_prompt: bool, is_new_prompt: bool) -> MlflowError:
    old = "Prompt" if was_prompt else "Registered Model"
    new = "Prompt" if is_new_prompt else "Registered Model"
    if old == new:
        return MlflowError("RESOURCE_ALREADY_EXISTS", f"{new} (name={name}) already exists.")
    return MlflowError(
        "RESOURCE_ALREADY_EXISTS",
        f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a "
        f"{old.lower()}. MLflow does not allow creating a model and a prompt with the same name.",
    )
