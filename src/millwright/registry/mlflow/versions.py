"""Versions of the MLflow protocol: create, get, update, stages, delete, where the files are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from anyio import to_thread
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.ids import new_id
from millwright.kernel.plain_sql import first, marks, perform
from millwright.kernel.store import Transaction
from millwright.registry.holding import require_free
from millwright.registry.mlflow.entities import (
    Json,
    live_version,
    model_row,
    new_version_json,
    storage_of,
    version_json,
)
from millwright.registry.mlflow.models import (
    HIDDEN_PROMPT_TAGS,
    Tag,
    checked_tags,
    is_prompt,
    touch,
)
from millwright.registry.mlflow.names import ACTIVE_STAGES, model_name, required, stage_name
from millwright.registry.mlflow.screening import may_be_here, screened
from millwright.registry.mlflow.sources import Source, prompt_source, resolved
from millwright.registry.tables import model_aliases, model_version_tags, model_versions
from millwright.registry.vetting.contents import Finding
from millwright.registry.vetting.service import keep_findings
from millwright.registry.webhooks.events import Happening, announce
from millwright.tracking import Endpoints, MlflowCall, MlflowError, tag_registered

endpoints = Endpoints()
PROMPT_TEXT = "mlflow.prompt.text"
EXTERNAL = "external"
_LAST = "SELECT max(version) FROM model_versions WHERE project = ? AND model = ?"


class NewVersion(msgspec.Struct):
    """``model-versions/create``."""

    name: str | None = None
    source: str | None = None
    run_id: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    description: str | None = None
    model_id: str | None = None


class Named(msgspec.Struct):
    """A request that names a version."""

    name: str | None = None
    version: str | None = None
    description: str | None = None
    stage: str | None = None
    archive_existing_versions: bool = False


@endpoints.post("model-versions/create", permission=Permission.WRITE)
async def create_model_version(call: MlflowCall) -> Json:
    """Register what an MLflow client logged as the next version of a model.

    It is external to us: it passed no gates and has no package, and says so everywhere.
    """
    asked = call.read(NewVersion)
    name = required(asked.name, "name")
    given = required(asked.source, "source")
    tags = checked_tags(asked.tags)
    prompt = is_prompt(tags)
    named = (asked.run_id or None, asked.model_id or None)
    found: tuple[Finding, ...] = ()
    if not prompt and may_be_here(given):
        found = await to_thread.run_sync(screened, call.store, call.project, given, *named)

    def work(tx: Transaction) -> Json:
        if prompt:
            source = Source(prompt_source(given), given, asked.run_id or None, None)
        else:
            source = resolved(tx.connection, call.project, given, *named)
        model_row(tx.connection, call.project, model_name(name))
        row = _add(tx, call.project, name, asked, source, call.actor.name, found)
        if tags:
            mine = {"project": call.project, "model": name, "version": row["version"]}
            rows = [{**mine, "key": key, "value": value} for key, value in tags.items()]
            tx.execute(insert(model_version_tags), rows)
        if source.logged_model:
            tag_registered(tx, call.project, source.logged_model, name, row["version"])
        announce(tx, call.project, _created(name, row, tags, prompt=prompt))
        return {"model_version": new_version_json(row, tags)}

    made: Json = await call.write(work, brief=True)
    return made


@endpoints.get("model-versions/get", permission=Permission.READ, quick=True)
def get_model_version(call: MlflowCall) -> Json:
    """One version."""
    name, version = _named(call.read(Named))
    with call.store.lookup() as connection:
        row = live_version(connection, call.project, name, version)
        return {"model_version": version_json(connection, row)}


@endpoints.patch("model-versions/update", permission=Permission.WRITE)
async def update_model_version(call: MlflowCall) -> Json:
    """Change the description."""
    asked = call.read(Named)
    name, version = _named(asked)

    def work(tx: Transaction) -> Json:
        row = live_version(tx.connection, call.project, name, version)
        _change(tx, row, description=asked.description or "")
        payload = {"model": name, "version": row.version}
        tx.event("model.version-described", f"model-version:{row.id}", payload)
        row = live_version(tx.connection, call.project, name, version)
        return {"model_version": version_json(tx.connection, row)}

    made: Json = await call.write(work)
    return made


@endpoints.post("model-versions/transition-stage", permission=Permission.OPERATE)
async def transition_stage(call: MlflowCall) -> Json:
    """Move a version to a stage; others in it may be archived."""
    asked = call.read(Named)
    name, version = _named(asked)
    given = required(asked.stage, "stage")
    stage = stage_name(given)
    if asked.archive_existing_versions and stage not in ACTIVE_STAGES:
        raise MlflowError(
            "INVALID_PARAMETER_VALUE",
            "Model version transition cannot archive existing model versions because "
            f"'{given}' is not an Active stage. Valid stages are {list(ACTIVE_STAGES)}",
        )

    def work(tx: Transaction) -> Json:
        row = live_version(tx.connection, call.project, name, version)
        if asked.archive_existing_versions:
            _archive_others(tx, row, stage)
        now = clock.now_ms()
        _change(tx, row, stage=stage, updated_ms=now)
        touch(tx, call.project, name, now)
        payload = {"model": name, "version": row.version, "from": row.stage, "to": stage}
        tx.event("model.stage-changed", f"model-version:{row.id}", payload)
        row = live_version(tx.connection, call.project, name, version)
        return {"model_version": version_json(tx.connection, row)}

    made: Json = await call.write(work)
    return made


@endpoints.delete("model-versions/delete", permission=Permission.OPERATE)
async def delete_model_version(call: MlflowCall) -> Json:
    """Delete a version; its number is not given again. Refused while it is deployed."""
    name, version = _named(call.read(Named))

    def work(tx: Transaction) -> None:
        row = live_version(tx.connection, call.project, name, version)
        require_free(tx.connection, call.project, [row.id])
        now = clock.now_ms()
        _change(tx, row, deleted_ms=now, updated_ms=now, description="", source=None, storage=None)
        table = model_aliases.c
        mine = (table.project == call.project, table.model == name, table.version == row.version)
        tx.execute(delete(model_aliases).where(*mine))
        touch(tx, call.project, name, now)
        payload = {"model": name, "version": row.version}
        tx.event("model.version-deleted", f"model-version:{row.id}", payload)

    await call.write(work)
    return {}


@endpoints.get("model-versions/get-download-uri", permission=Permission.READ, quick=True)
def get_download_uri(call: MlflowCall) -> Json:
    """Where the files of a version are."""
    name, version = _named(call.read(Named))
    with call.store.lookup() as connection:
        row = live_version(connection, call.project, name, version)
    return {"artifact_uri": storage_of(row)}


def _named(asked: Named) -> tuple[str, str]:
    return required(asked.name, "name"), required(asked.version, "version")


def _add(
    tx: Transaction,
    project: str,
    name: str,
    asked: NewVersion,
    source: Source,
    actor: str,
    found: Sequence[Finding],
) -> dict[str, Any]:
    now = clock.now_ms()
    last = first(tx.connection, lambda newest: newest, _LAST, project, name)
    values: dict[str, Any] = {
        "id": new_id(),
        "project": project,
        "model": name,
        "version": int(last or 0) + 1,
        "status": EXTERNAL,
        "created_ms": now,
        "updated_ms": now,
        "actor": actor,
        "description": asked.description or "",
        "run": source.run,
        "source": source.source,
        "storage": source.storage,
        "run_link": asked.run_link or None,
        "logged_model": source.logged_model,
        "stage": "None",
        **_NO_PACKAGE,
    }
    perform(tx.connection, _INSERT, *values.values())
    if found:
        keep_findings(tx, values["id"], found)
    touch(tx, project, name, now)
    node = f"model-version:{values['id']}"
    payload = {
        "model": name,
        "version": values["version"],
        "status": EXTERNAL,
        "source": source.source[:500],
        "logged_model": source.logged_model,
        "findings": [f"{finding.kind}: {finding.file}" for finding in found],
    }
    edges = [(f"run:{source.run}", node)] if source.run else []
    if source.logged_model:
        edges.append((f"logged-model:{source.logged_model}", node))
    tx.event("model.version-registered", node, payload, edges=edges)
    return values


_NO_PACKAGE = {
    "manifest": "",
    "task": "",
    "family": "",
    "classes": "[]",
    "threshold": 0.5,
    "parity": 0.0,
    "signature": "[]",
    "metrics": "{}",
    "gates": "[]",
}


# The columns that ``_add`` fills, in its order.
_FILLED = (
    *("id", "project", "model", "version", "status", "created_ms", "updated_ms", "actor"),
    *("description", "run", "source", "storage", "run_link", "logged_model", "stage"),
    *_NO_PACKAGE,
)
_INSERT = f"INSERT INTO model_versions ({', '.join(_FILLED)}) VALUES {marks(len(_FILLED))}"  # noqa: S608


def _change(tx: Transaction, row: Row[Any], **values: Any) -> None:
    known = {"updated_ms": clock.now_ms(), **values}
    tx.execute(update(model_versions).where(model_versions.c.id == row.id).values(**known))


def _archive_others(tx: Transaction, row: Row[Any], stage: str) -> None:
    table = model_versions.c
    others = (
        table.project == row.project,
        table.model == row.model,
        table.version != row.version,
        table.stage == stage,
        table.deleted_ms.is_(None),
    )
    now = clock.now_ms()
    moved = list(tx.execute(select(table.id, table.version).where(*others)))
    tx.execute(update(model_versions).where(*others).values(stage="Archived", updated_ms=now))
    for each in moved:
        payload = {"model": row.model, "version": each.version, "from": stage, "to": "Archived"}
        tx.event("model.stage-changed", f"model-version:{each.id}", payload)


def _created(name: str, row: dict[str, Any], tags: dict[str, str], *, prompt: bool) -> Happening:
    data: Json = {"name": name, "version": str(row["version"])}
    if prompt:
        data["template"] = tags.get(PROMPT_TEXT)
        hidden = HIDDEN_PROMPT_TAGS | {PROMPT_TEXT}
        data["tags"] = {key: value for key, value in tags.items() if key not in hidden}
    else:
        data |= {"source": row["source"], "run_id": row["run"], "tags": tags}
    data["description"] = row["description"] or None
    return Happening("prompt_version" if prompt else "model_version", "created", data)
