"""Aliases and tags of the MLflow protocol."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Table, delete, insert, select

from millwright.kernel.access import Permission
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Transaction
from millwright.registry.mlflow.entities import (
    Json,
    aliased_version,
    live_version,
    model_row,
    newest_version,
    version_json,
)
from millwright.registry.mlflow.names import (
    alias_name,
    free_alias,
    model_name,
    required,
    tag_key,
    tag_value,
    version_number,
)
from millwright.registry.records import AliasChange
from millwright.registry.service.aliases import point_alias
from millwright.registry.service.policy import policy_of
from millwright.registry.tables import model_aliases, model_tags, model_version_tags
from millwright.registry.webhooks.events import Happening, announce
from millwright.tracking import Endpoints, MlflowCall, MlflowError, absent, invalid

endpoints = Endpoints()


class Asked(msgspec.Struct):
    """A request about an alias or a tag."""

    name: str | None = None
    version: str | None = None
    alias: str | None = None
    key: str | None = None
    value: str | None = None


@endpoints.post("registered-models/alias", permission=Permission.OPERATE)
async def set_alias(call: MlflowCall) -> Json:
    """Point an alias to a version; what gates and approvals say holds at this door too."""
    asked = call.read(Asked)
    name = model_name(required(asked.name, "name"))
    alias = free_alias(required(asked.alias, "alias"))
    version = required(asked.version, "version")

    def work(tx: Transaction) -> None:
        policy = policy_of(call.store, call.project)
        row = live_version(tx.connection, call.project, name, version)
        prompt = model_row(tx.connection, call.project, name).prompt
        change = AliasChange(version=row.version)
        try:
            point_alias(tx, call.project, name, alias, change, policy=policy)
        except Conflict as cause:
            raise MlflowError("INVALID_STATE", str(cause)) from cause
        data = {"name": name, "alias": alias, "version": str(row.version)}
        announce(tx, call.project, Happening(_of(prompt, "alias"), "created", data))

    await call.write(work)
    return {}


@endpoints.delete("registered-models/alias", permission=Permission.OPERATE)
async def delete_alias(call: MlflowCall) -> Json:
    """Remove an alias; removing one that is not there changes nothing."""
    asked = call.read(Asked)
    name = model_name(required(asked.name, "name"))
    alias = alias_name(required(asked.alias, "alias"))

    def work(tx: Transaction) -> None:
        prompt = model_row(tx.connection, call.project, name).prompt
        table = model_aliases.c
        mine = (table.project == call.project, table.model == name, table.alias == alias)
        known = tx.execute(select(model_aliases).where(*mine)).first()
        if known is not None:
            row = live_version(tx.connection, call.project, name, known.version)
            tx.execute(delete(model_aliases).where(*mine))
            payload = {"model": name, "alias": alias, "version": known.version}
            tx.event("model.alias-removed", f"model-version:{row.id}", payload)
            data = {"name": name, "alias": alias}
            announce(tx, call.project, Happening(_of(prompt, "alias"), "deleted", data))

    await call.write(work)
    return {}


@endpoints.get("registered-models/alias", permission=Permission.READ, quick=True)
def get_by_alias(call: MlflowCall) -> Json:
    """The version an alias points to; ``latest`` is the newest."""
    asked = call.read(Asked)
    name = model_name(required(asked.name, "name"))
    alias = alias_name(required(asked.alias, "alias"))
    with call.store.lookup() as connection:
        if alias.lower() == "latest":
            model_row(connection, call.project, name)
            newest = newest_version(connection, call.project, name)
            if newest is None:
                raise absent(f"Latest version not found for model {name}.")
            return {"model_version": version_json(connection, newest)}
        row = aliased_version(connection, call.project, name, alias)
        if row is None:
            model_row(connection, call.project, name)
            raise invalid(f"Registered model alias {alias} not found.")
        return {"model_version": version_json(connection, row)}


@endpoints.post("registered-models/set-tag", permission=Permission.WRITE)
async def set_model_tag(call: MlflowCall) -> Json:
    """Set a tag of a model."""
    asked = call.read(Asked)
    name, key = _tag(asked)

    def work(tx: Transaction) -> None:
        row = model_row(tx.connection, call.project, name)
        mine = {"project": call.project, "model": name, "key": key}
        _put(tx, model_tags, mine, tag_value(asked.value))
        tx.event("model.tag-set", f"model:{name}", {"model": name, "key": key})
        if row.prompt:
            data = {"name": name, "key": key, "value": asked.value or ""}
            announce(tx, call.project, Happening("prompt_tag", "set", data))

    await call.write(work)
    return {}


@endpoints.delete("registered-models/delete-tag", permission=Permission.WRITE)
async def delete_model_tag(call: MlflowCall) -> Json:
    """Remove a tag of a model; removing one that is not there changes nothing."""
    name, key = _tag(call.read(Asked))

    def work(tx: Transaction) -> None:
        row = model_row(tx.connection, call.project, name)
        mine = {"project": call.project, "model": name, "key": key}
        if _drop(tx, model_tags, mine):
            tx.event("model.tag-removed", f"model:{name}", {"model": name, "key": key})
        if row.prompt:
            announce(
                tx, call.project, Happening("prompt_tag", "deleted", {"name": name, "key": key})
            )

    await call.write(work)
    return {}


@endpoints.post("model-versions/set-tag", permission=Permission.WRITE)
async def set_version_tag(call: MlflowCall) -> Json:
    """Set a tag of a version."""
    asked = call.read(Asked)
    name = model_name(required(asked.name, "name"))
    version = required(asked.version, "version")
    key = tag_key(required(asked.key, "key"))
    version_number(version)

    def work(tx: Transaction) -> None:
        row = live_version(tx.connection, call.project, name, version)
        prompt = model_row(tx.connection, call.project, name).prompt
        mine = {"project": call.project, "model": name, "version": row.version, "key": key}
        _put(tx, model_version_tags, mine, tag_value(asked.value))
        payload = {"model": name, "version": row.version, "key": key}
        tx.event("model.version-tag-set", f"model-version:{row.id}", payload)
        data = {"name": name, "version": version, "key": key, "value": asked.value or ""}
        announce(tx, call.project, Happening(_of(prompt, "version_tag"), "set", data))

    await call.write(work)
    return {}


@endpoints.delete("model-versions/delete-tag", permission=Permission.WRITE)
async def delete_version_tag(call: MlflowCall) -> Json:
    """Remove a tag of a version; removing one that is not there changes nothing."""
    asked = call.read(Asked)
    name = model_name(required(asked.name, "name"))
    version = required(asked.version, "version")
    key = tag_key(required(asked.key, "key"))

    def work(tx: Transaction) -> None:
        row = live_version(tx.connection, call.project, name, version)
        prompt = model_row(tx.connection, call.project, name).prompt
        mine = {"project": call.project, "model": name, "version": row.version, "key": key}
        if _drop(tx, model_version_tags, mine):
            payload = {"model": name, "version": row.version, "key": key}
            tx.event("model.version-tag-removed", f"model-version:{row.id}", payload)
        data = {"name": name, "version": version, "key": key}
        announce(tx, call.project, Happening(_of(prompt, "version_tag"), "deleted", data))

    await call.write(work)
    return {}


def _tag(asked: Asked) -> tuple[str, str]:
    return model_name(required(asked.name, "name")), tag_key(required(asked.key, "key"))


def _of(prompt: bool, what: str) -> str:
    if prompt:
        return f"prompt_{what}"
    return "model_version_alias" if what == "alias" else f"model_{what}"


def _put(tx: Transaction, table: Table, key: dict[str, Any], value: str) -> None:
    _drop(tx, table, key)
    tx.execute(insert(table).values(**key, value=value))


def _drop(tx: Transaction, table: Table, key: dict[str, Any]) -> bool:
    mine = [table.c[name] == value for name, value in key.items()]
    return bool(tx.execute(delete(table).where(*mine)).rowcount)
