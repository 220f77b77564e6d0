"""Models as a whole: the list, and one with its versions."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.store import Store
from millwright.registry.records import Model, ModelDetail
from millwright.registry.service.versions import load_versions, unknown_model
from millwright.registry.tables import model_aliases, model_tags, model_versions, models


def list_models(store: Store, project: str) -> list[Model]:
    """The models of a project, the one changed last first."""
    with store.read() as connection:
        found = _models(connection, project)
    return sorted(found, key=lambda model: model.updated_at, reverse=True)


def get_model(store: Store, project: str, name: str) -> ModelDetail:
    """A model with its versions, newest first; raises ``NotFound``."""
    with store.read() as connection:
        found = _models(connection, project, name)
        if not found:
            raise unknown_model(name)
        query = (
            select(model_versions)
            .where(
                model_versions.c.project == project,
                model_versions.c.model == name,
                model_versions.c.deleted_ms.is_(None),
            )
            .order_by(model_versions.c.version.desc())
        )
        versions = load_versions(connection, connection.execute(query).all())
    return ModelDetail(model=found[0], versions=tuple(versions))


def _models(connection: Connection, project: str, name: str | None = None) -> list[Model]:
    versions = model_versions
    query = (
        select(
            models,
            func.count(versions.c.version).label("versions"),
            func.max(versions.c.version).label("latest"),
            func.max(versions.c.created_ms).label("newest_ms"),
        )
        .outerjoin(
            versions,
            (versions.c.project == models.c.project)
            & (versions.c.model == models.c.name)
            & versions.c.deleted_ms.is_(None),
        )
        .where(models.c.project == project, models.c.prompt.is_(False))
        .group_by(*models.primary_key.columns, *(c for c in models.c if not c.primary_key))
    )
    if name is not None:
        query = query.where(models.c.name == name)
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    named = select(model_aliases).where(model_aliases.c.project == project)
    for row in connection.execute(named.order_by(model_aliases.c.alias)):
        aliases[row.model][row.alias] = row.version
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    tagged = select(model_tags).where(model_tags.c.project == project)
    for row in connection.execute(tagged.order_by(model_tags.c.key)):
        tags[row.model][row.key] = row.value
    return [_model(row, aliases[row.name], tags[row.name]) for row in connection.execute(query)]


def _model(row: Row[Any], aliases: dict[str, int], tags: dict[str, str]) -> Model:
    return Model(
        name=row.name,
        project=row.project,
        created_at=clock.rfc3339(row.created_ms),
        updated_at=clock.rfc3339(max(row.updated_ms, row.newest_ms or row.created_ms)),
        versions=row.versions,
        latest=row.latest or 0,
        aliases=aliases,
        description=row.description or "",
        tags=tags,
    )
