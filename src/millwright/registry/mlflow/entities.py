"""Rows of the registry as MLflow's clients read them."""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.engine import Row

from millwright.kernel.plain_sql import AnyConnection, fetch, first
from millwright.registry.mlflow.names import model_name, version_number
from millwright.registry.tables import (
    model_aliases,
    model_tags,
    model_version_tags,
    model_versions,
    models,
)
from millwright.tracking import absent

Json = dict[str, Any]
PACKAGES = "packages"
"""Where MLflow clients find our packages below ``mlflow-artifacts:/``."""

# Plain: building a statement and wrapping its rows costs more than a database takes for a point lookup.
ModelRow: Any = namedtuple("ModelRow", models.c.keys())  # type: ignore[misc]
"""A row of ``models``."""
VersionRow: Any = namedtuple("VersionRow", model_versions.c.keys())  # type: ignore[misc]
"""A row of ``model_versions``."""
_OF_MODEL = ", ".join(models.c.keys())
_OF_VERSION = ", ".join(f"v.{name}" for name in model_versions.c.keys())  # noqa: SIM118
_LIVE = f"SELECT {_OF_VERSION} FROM model_versions v WHERE v.deleted_ms IS NULL "  # noqa: S608
_MODEL = f"SELECT {_OF_MODEL} FROM models WHERE project = ? AND name = ?"  # noqa: S608
_VERSION = f"{_LIVE} AND v.project = ? AND v.model = ? AND v.version = ?"
_ALIASED = (
    f"SELECT {_OF_VERSION} FROM model_aliases a JOIN model_versions v "  # noqa: S608
    "ON v.project = a.project AND v.model = a.model AND v.version = a.version "
    "WHERE v.deleted_ms IS NULL AND a.project = ? AND a.model = ? AND a.alias = ?"
)
_NEWEST = f"{_LIVE} AND v.project = ? AND v.model = ? ORDER BY v.version DESC LIMIT 1"
_OF_ONE = "WHERE project = ? AND model = ? AND version = ?"
_TAGS_OF_ONE = f"SELECT key, value FROM model_version_tags {_OF_ONE} ORDER BY key"  # noqa: S608
_ALIASES_OF_ONE = f"SELECT alias FROM model_aliases {_OF_ONE} ORDER BY alias"  # noqa: S608


def model_row(connection: AnyConnection, project: str, name: str) -> Any:
    """The row of a registered model; raises ``RESOURCE_DOES_NOT_EXIST``."""
    model_name(name)
    row = first(connection, ModelRow, _MODEL, project, name)
    if row is None:
        raise absent(f"Registered Model with name={name} not found")
    return row


def live_version(connection: AnyConnection, project: str, name: str, version: str | int) -> Any:
    """The row of a version that was not deleted; raises ``RESOURCE_DOES_NOT_EXIST``."""
    model_name(name)
    number = version_number(str(version))
    row = first(connection, VersionRow, _VERSION, project, name, number)
    if row is None:
        raise absent(f"Model Version (name={name}, version={version}) not found")
    return row


def aliased_version(connection: AnyConnection, project: str, name: str, alias: str) -> Any | None:
    """The row of the version that an alias points to; None where there is no such alias."""
    return first(connection, VersionRow, _ALIASED, project, name, alias)


def newest_version(connection: AnyConnection, project: str, name: str) -> Any | None:
    """The row of a model's version with the highest number; None where it has none."""
    return first(connection, VersionRow, _NEWEST, project, name)


def models_json(connection: Connection, project: str, rows: Sequence[Row[Any]]) -> list[Json]:
    """Registered models with their tags, aliases and the latest version of each stage."""
    names = [row.name for row in rows]
    tags = _model_tags(connection, project, names)
    aliases = _aliases(connection, project, names)
    latest = latest_versions(connection, project, names)
    return [_model(row, tags[row.name], aliases[row.name], latest[row.name]) for row in rows]


def model_json(connection: Connection, row: Row[Any]) -> Json:
    """One registered model; see ``models_json``."""
    return models_json(connection, row.project, [row])[0]


def versions_json(
    connection: Connection, rows: Sequence[Row[Any]], *, aliases: bool = True
) -> list[Json]:
    """Versions with their tags, and the aliases that point to each where asked for."""
    if not rows:
        return []
    project = rows[0].project
    if len(rows) == 1:
        return [_one_version(connection, rows[0], aliases=aliases)]
    tags = _version_tags(connection, project, rows)
    named: dict[str, list[Row[Any]]] = {}
    if aliases:
        named = _aliases(connection, project, sorted({row.model for row in rows}))
    return [
        _version(
            row,
            [(tag.key, tag.value) for tag in tags[row.model, row.version]],
            [each.alias for each in named.get(row.model, ()) if each.version == row.version],
        )
        for row in rows
    ]


def version_json(connection: AnyConnection, row: Any) -> Json:
    """One version with its tags and aliases."""
    return _one_version(connection, row, aliases=True)


def new_version_json(row: Mapping[str, Any], tags: Mapping[str, str]) -> Json:
    """A version that was made a moment ago: nothing points to it yet."""
    return _version(SimpleNamespace(**row), list(tags.items()), [])


def _one_version(connection: AnyConnection, row: Any, *, aliases: bool) -> Json:
    of_it = (row.project, row.model, row.version)
    tags = fetch(connection, _TAGS_OF_ONE, *of_it)
    named = fetch(connection, _ALIASES_OF_ONE, *of_it) if aliases else []
    return _version(row, tags, [alias for (alias,) in named])


def latest_rows(connection: Connection, project: str, names: Sequence[str]) -> list[Row[Any]]:
    """The newest version of each stage of each model, stages in the order they were first used."""
    if not names:
        return []
    table = model_versions.c
    mine = (
        table.project == project,
        table.model.in_(names),
        table.deleted_ms.is_(None),
    )
    newest = (
        select(
            table.model.label("name"),
            func.max(table.version).label("newest"),
            func.min(table.version).label("oldest"),
        )
        .where(*mine)
        .group_by(table.model, table.stage)
        .subquery()
    )
    query = (
        select(model_versions)
        .join(newest, and_(table.model == newest.c.name, table.version == newest.c.newest))
        .where(table.project == project)
        .order_by(table.model, newest.c.oldest)
    )
    return list(connection.execute(query).all())


def latest_versions(
    connection: Connection, project: str, names: Sequence[str]
) -> defaultdict[str, list[Json]]:
    """``latest_rows`` as MLflow shows them within a registered model: without aliases."""
    rows = latest_rows(connection, project, names)
    found: defaultdict[str, list[Json]] = defaultdict(list)
    for row, version in zip(rows, versions_json(connection, rows, aliases=False), strict=True):
        found[row.model].append(version)
    return found


def storage_of(row: Row[Any]) -> str:
    """Where the files of a version are."""
    return row.storage or row.source or package_uri(row.id)


def package_uri(version_id: str) -> str:
    """Where MLflow clients find the package of one of our own versions."""
    return f"mlflow-artifacts:/{PACKAGES}/{version_id}"


def _model(
    row: Row[Any], tags: list[Row[Any]], aliases: list[Row[Any]], latest: list[Json]
) -> Json:
    known: Json = {
        "name": row.name,
        "creation_timestamp": row.created_ms,
        "last_updated_timestamp": row.updated_ms or row.created_ms,
    }
    if row.description:
        known["description"] = row.description
    if latest:
        known["latest_versions"] = latest
    if tags:
        known["tags"] = [{"key": tag.key, "value": tag.value} for tag in tags]
    if aliases:
        known["aliases"] = [{"alias": each.alias, "version": str(each.version)} for each in aliases]
    return known


def _version(row: Any, tags: Sequence[tuple[Any, ...]], aliases: list[str]) -> Json:
    known: Json = {
        "name": row.model,
        "version": str(row.version),
        "creation_timestamp": row.created_ms,
        "last_updated_timestamp": row.updated_ms or row.created_ms,
        "current_stage": row.stage,
        "description": row.description,
        "source": row.source or package_uri(row.id),
        "run_id": row.run or "",
        "status": "READY",
        "run_link": row.run_link or "",
    }
    if tags:
        known["tags"] = [{"key": key, "value": value} for key, value in tags]
    if aliases:
        known["aliases"] = aliases
    return known


def _model_tags(
    connection: Connection, project: str, names: Sequence[str]
) -> defaultdict[str, list[Row[Any]]]:
    query = select(model_tags).where(model_tags.c.project == project, model_tags.c.model.in_(names))
    return _grouped(connection.execute(query.order_by(model_tags.c.key)))


def _aliases(
    connection: Connection, project: str, names: Sequence[str]
) -> defaultdict[str, list[Row[Any]]]:
    query = select(model_aliases).where(
        model_aliases.c.project == project, model_aliases.c.model.in_(names)
    )
    return _grouped(connection.execute(query.order_by(model_aliases.c.alias)))


def _grouped(rows: Iterable[Row[Any]]) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.model].append(row)
    return found


def _version_tags(
    connection: Connection, project: str, rows: Sequence[Row[Any]]
) -> defaultdict[tuple[str, int], list[Row[Any]]]:
    table = model_version_tags.c
    by_model: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_model[row.model].append(row.version)
    found: defaultdict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
    wanted = list(by_model.items())
    for start in range(0, len(wanted), 200):
        either = [
            and_(table.model == model, table.version.in_(numbers))
            for model, numbers in wanted[start : start + 200]
        ]
        query = select(model_version_tags).where(table.project == project, or_(*either))
        for tag in connection.execute(query.order_by(table.key)):
            found[tag.model, tag.version].append(tag)
    return found
