"""Registering versions and reading them back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.engine import Row

from millwright.evaluation import GateResult
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.ids import new_id
from millwright.kernel.model_package import MANIFEST, Field, Manifest
from millwright.kernel.nodes import LineageNode, describes, finds
from millwright.kernel.store import Store, Transaction
from millwright.registry.records import (
    EVALUATION,
    EXTERNAL,
    Attestation,
    ModelVersion,
    NewVersion,
    VersionStatus,
)
from millwright.registry.service.policy import policy_of
from millwright.registry.tables import (
    model_aliases,
    model_files,
    model_version_tags,
    model_versions,
    models,
)
from millwright.registry.vetting.contents import Finding
from millwright.registry.vetting.service import attest, examine, require_intact, vettings
from millwright.registry.webhooks.events import Happening, announce

_SIGNATURE = TypeAdapter(tuple[Field, ...])
_GATES = TypeAdapter(tuple[GateResult, ...])
_METRICS = TypeAdapter(dict[str, float])


def register_version(
    store: Store, actor: Actor, project: str, model: str, new: NewVersion
) -> ModelVersion:
    """Register a package as the next version of a model; the model is created with its first.

    Registering the same manifest for the same run again gives the version it became, so that a
    step that was killed after registering can simply run again.

    Raises:
        NotFound: the manifest, or a file it names, was not uploaded.
        InvalidInput: the manifest cannot be read, or is of another model; or the package holds
            what runs when it is loaded, and the project refuses that.
    """
    manifest = _manifest(store, project, model, new.manifest)
    for digest in (*manifest.digests.values(), *([new.evaluation] if new.evaluation else [])):
        store.objects.of(project).size(digest)
    found = examine(store, project, manifest.digests, policy_of(store, project))
    now = clock.now_ms()
    with store.write(actor, project) as tx:
        _require_versions(tx.connection, project, new.members)
        known = _same_again(tx, project, model, new)
        if known is not None:
            return load_versions(tx.connection, [known])[0]
        version = _next_version(tx, project, model, now)
        row = _values(new, manifest) | {
            "id": new_id(),
            "project": project,
            "model": model,
            "version": version,
            "created_ms": now,
            "updated_ms": now,
            "stage": "None",
            "actor": actor.name,
        }
        tx.execute(insert(model_versions).values(**row))
        files = [
            {"version": row["id"], "name": name, "digest": digest}
            for name, digest in manifest.digests.items()
        ]
        tx.execute(insert(model_files), files)
        attest(tx, store, row, found)
        node = f"model-version:{row['id']}"
        sources = [
            *([f"run:{new.run}"] if new.run else []),
            *([f"dataset:{new.dataset}"] if new.dataset else []),
            *(f"model-version:{member}" for member in new.members),
        ]
        payload = {
            "model": model,
            "version": version,
            "status": row["status"],
            "manifest": new.manifest,
            "failed_gates": [gate.metric for gate in new.gates if not gate.passed],
            "findings": [f"{finding.kind}: {finding.file}" for finding in found],
        }
        edges = [(source, node) for source in sources]
        tx.event("model.version-registered", node, payload, edges=edges)
        announce(tx, project, _told(row))
        made = version_row(tx.connection, project, model, version)
        return load_versions(tx.connection, [made])[0]


def get_version(store: Store, project: str, model: str, which: str) -> ModelVersion:
    """A version by number or alias (``3``, ``champion``): what it is asked for to be loaded.

    Raises:
        NotFound: there is no such version.
        Corrupt, Forbidden: its signature is another's, or lacks where the project wants one.
    """
    with store.read() as connection:
        number = resolve(connection, project, model, which)
        found = load_versions(connection, [version_row(connection, project, model, number)])[0]
    require_intact(store, found, lambda: policy_of(store, project))
    return found


def _require_versions(connection: Connection, project: str, members: Sequence[str]) -> None:
    """Raise ``NotFound`` where one of these ids is no version of the project."""
    query = select(model_versions.c.id).where(
        model_versions.c.project == project, model_versions.c.id.in_(members)
    )
    known = set(connection.execute(query).scalars()) if members else set()
    missing = next((one for one in members if one not in known), None)
    if missing is not None:
        raise NotFound(
            "registry.unknown_member",
            f"The project '{project}' has no model version with the id '{missing[:60]}'.",
            hint="Register the models of a graph in the project that the graph is registered in.",
        )


def file_digest(version: ModelVersion, name: str) -> str:
    """The digest of a file of a version, of its manifest, or of its evaluation.

    Raises:
        NotFound: the version has no file with exactly this name.
    """
    known = dict(version.digests)
    if version.status == EXTERNAL:
        raise without_package(version)
    known[MANIFEST] = version.manifest
    if version.evaluation is not None:
        known[EVALUATION] = version.evaluation
    if name not in known:
        raise NotFound(
            "registry.unknown_file",
            f"{version.model} version {version.version} has no file named '{name[:100]}'.",
            hint=f"It has: {', '.join(sorted(known))}.",
            value=name,
        )
    return known[name]


def without_package(version: ModelVersion) -> Conflict:
    """The error for using an external version as if it had a package."""
    return Conflict(
        "registry.external",
        f"{version.model} version {version.version} was registered by an MLflow client: it passed "
        "no gates and has no package that can be verified and served.",
        hint="Load it with mlflow.pyfunc, or package the model with mw.log_model and use that "
        "version.",
        value=version.version,
    )


def resolve(connection: Connection, project: str, model: str, which: str) -> int:
    """The version number that a number or an alias means; raises ``NotFound``."""
    if which.isascii() and which.isdigit() and len(which) < 10:
        return int(which)
    query = select(model_aliases.c.version).where(
        model_aliases.c.project == project,
        model_aliases.c.model == model,
        model_aliases.c.alias == which,
    )
    found = connection.execute(query).scalar()
    if found is None:
        _require_model(connection, project, model)
        raise NotFound(
            "registry.unknown_alias",
            f"The model '{model}' has no alias '{which[:60]}'.",
            hint=f"Set it with: mw models alias {model} ALIAS VERSION",
            value=which,
        )
    return int(found)


def version_row(connection: Connection, project: str, model: str, version: int) -> Row[Any]:
    """The row of a version; raises ``NotFound``."""
    query = select(model_versions).where(
        model_versions.c.project == project,
        model_versions.c.model == model,
        model_versions.c.version == version,
        model_versions.c.deleted_ms.is_(None),
    )
    row = connection.execute(query).first()
    if row is None:
        _require_model(connection, project, model)
        raise NotFound(
            "registry.unknown_version",
            f"The model '{model}' has no version {version}.",
            hint=f"See its versions with: mw models show {model}",
            value=version,
        )
    return row


def load_versions(connection: Connection, rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    """Rows of ``model_versions`` as records, with two queries for all their details together."""
    ids = [row.id for row in rows]
    digests: dict[str, dict[str, str]] = defaultdict(dict)
    query = select(model_files).where(model_files.c.version.in_(ids)).order_by(model_files.c.name)
    for file in connection.execute(query):
        digests[file.version][file.name] = file.digest
    aliases: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    named = select(model_aliases).where(
        model_aliases.c.project.in_({row.project for row in rows}),
        model_aliases.c.model.in_({row.model for row in rows}),
    )
    for alias in connection.execute(named.order_by(model_aliases.c.alias)):
        aliases[(alias.project, alias.model, alias.version)].append(alias.alias)
    tags = _tags(connection, rows)
    vetted = vettings(connection, ids)
    return [
        _version(
            row,
            digests[row.id],
            aliases[(row.project, row.model, row.version)],
            tags[(row.model, row.version)],
            *vetted.get(row.id, ((), None)),
        )
        for row in rows
    ]


def _tags(
    connection: Connection, rows: Sequence[Row[Any]]
) -> defaultdict[tuple[str, int], dict[str, str]]:
    table = model_version_tags.c
    query = select(model_version_tags).where(
        table.project.in_({row.project for row in rows}),
        table.model.in_({row.model for row in rows}),
        table.version.in_({row.version for row in rows}),
    )
    found: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for tag in connection.execute(query.order_by(table.key)):
        found[(tag.model, tag.version)][tag.key] = tag.value
    return found


def _version(
    row: Row[Any],
    digests: dict[str, str],
    aliases: list[str],
    tags: dict[str, str],
    findings: tuple[Finding, ...],
    attestation: Attestation | None,
) -> ModelVersion:
    return ModelVersion(
        id=row.id,
        project=row.project,
        model=row.model,
        version=row.version,
        status=row.status,
        aliases=tuple(aliases),
        created_at=clock.rfc3339(row.created_ms),
        actor=row.actor,
        description=row.description,
        run=row.run,
        dataset=row.dataset,
        stage=row.stage,
        source=row.source,
        logged_model=row.logged_model,
        tags=tags,
        task=row.task or None,
        family=row.family,
        classes=tuple(json.loads(row.classes)),
        threshold=row.threshold,
        parity=row.parity,
        signature=_SIGNATURE.validate_json(row.signature),
        metrics=_METRICS.validate_json(row.metrics),
        gates=_GATES.validate_json(row.gates),
        manifest=row.manifest,
        evaluation=row.evaluation,
        digests=digests,
        findings=findings,
        attestation=attestation,
    )


def _values(new: NewVersion, manifest: Manifest) -> dict[str, Any]:
    status: VersionStatus = "registered"
    if new.gates:
        status = "validated" if all(gate.passed for gate in new.gates) else "rejected"
    plain = new.model_dump(mode="json")
    return {
        "status": status,
        "description": new.description,
        "run": new.run,
        "dataset": new.dataset,
        "manifest": new.manifest,
        "evaluation": new.evaluation,
        "task": manifest.task,
        "family": manifest.family,
        "classes": json.dumps(manifest.classes),
        "threshold": manifest.threshold,
        "parity": manifest.parity,
        "signature": _SIGNATURE.dump_json(manifest.signature).decode(),
        "metrics": json.dumps(plain["metrics"]),
        "gates": json.dumps(plain["gates"]),
    }


def _manifest(store: Store, project: str, model: str, digest: str) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(store.objects.of(project).read(digest))
    except ValidationError as cause:
        raise InvalidInput(
            "registry.manifest",
            "The object given as the manifest is not the manifest of a model package.",
            hint="Register a folder made by build_package.",
            value=digest,
        ) from cause
    if manifest.model != model:
        raise InvalidInput(
            "registry.other_model",
            f"The package is of the model '{manifest.model}', not of '{model}'.",
            hint="Package it again under this name.",
            value=manifest.model,
        )
    return manifest


def _same_again(tx: Transaction, project: str, model: str, new: NewVersion) -> Row[Any] | None:
    """The version that this manifest became for this run already."""
    table = model_versions.c
    same_run = table.run.is_(None) if new.run is None else table.run == new.run
    mine = (
        table.project == project,
        table.model == model,
        table.manifest == new.manifest,
        table.deleted_ms.is_(None),
    )
    return tx.execute(select(model_versions).where(*mine, same_run)).first()


def _next_version(tx: Transaction, project: str, model: str, now: int) -> int:
    # Write transactions are serialised, so nobody else takes this number. Deleted versions count:
    # their numbers are not given again.
    mine = (model_versions.c.project == project, model_versions.c.model == model)
    last = tx.execute(select(func.max(model_versions.c.version)).where(*mine)).scalar()
    known = (models.c.project == project, models.c.name == model)
    changed = tx.execute(update(models).where(*known).values(updated_ms=now))
    if not changed.rowcount:
        row = {"project": project, "name": model, "created_ms": now, "updated_ms": now}
        tx.execute(insert(models).values(**row, description="", prompt=False))
    return int(last or 0) + 1


def _told(row: dict[str, Any]) -> Happening:
    data = {
        "name": row["model"],
        "version": str(row["version"]),
        "source": f"models:/{row['model']}/{row['version']}",
        "run_id": row["run"],
        "tags": {},
        "description": row["description"] or None,
    }
    return Happening("model_version", "created", data)


def _require_model(connection: Connection, project: str, model: str) -> None:
    query = select(models.c.name).where(models.c.project == project, models.c.name == model)
    if connection.execute(query).first() is None:
        raise unknown_model(model)


def unknown_model(model: str) -> NotFound:
    """The error for a model that does not exist."""
    return NotFound(
        "registry.unknown_model",
        f"There is no model named '{model[:100]}'.",
        hint="See them with: mw models list",
        value=model,
    )


@finds("model-version")
def _find(connection: Connection, project: str, text: str) -> list[str]:
    """The version that ``late@champion``, ``late@3`` or an id means; all where it is a name."""
    table = model_versions.c
    here = select(table.id).where(table.project == project)
    name, at, which = text.rpartition("@")
    if at:
        try:
            number = resolve(connection, project, name, which)
        except NotFound:
            return []
        named = here.where(table.model == name, table.version == number)
        return list(connection.execute(named).scalars())
    named = here.where(table.model == text).order_by(table.version.desc())
    found = connection.execute(named).scalars().all()
    return list(found or connection.execute(here.where(table.id == text)).scalars())


@describes("model-version")
def _describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
    table = model_versions
    query = select(table.c.id, table.c.model, table.c.version).where(
        table.c.project == project, table.c.id.in_(ids)
    )
    return {
        f"model-version:{row.id}": LineageNode(
            id=f"model-version:{row.id}",
            kind="model-version",
            label=f"{row.model} v{row.version}",
            href=f"/models/{row.model}/{row.version}",
            details={"name": row.model, "version": row.version},
        )
        for row in connection.execute(query)
    }
