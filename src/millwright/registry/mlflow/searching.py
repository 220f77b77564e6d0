"""``search_registered_models`` and ``search_model_versions``: filters, order, pages."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, and_, exists, func, not_, select

from millwright.kernel.access import Permission
from millwright.registry.mlflow.entities import Json, models_json, versions_json
from millwright.registry.mlflow.models import PROMPT_TAG
from millwright.registry.tables import model_tags, model_version_tags, model_versions, models
from millwright.tracking import (
    Clause,
    Endpoints,
    MlflowCall,
    bad_value,
    clauses,
    compare,
    entity_and_key,
    invalid,
    offset_of,
    order_and_way,
    quoted_text,
    token_of,
    unquoted,
)

endpoints = Endpoints()
MOST_MODELS = 1_000
MOST_VERSIONS = 200_000
DEFAULT_MODELS = 100
DEFAULT_VERSIONS = 200_000
_TAG_COMPARATORS = ("=", "!=", "LIKE", "ILIKE")
_TEXT_COMPARATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_NUMBER_KEYS = ("version_number", "creation_timestamp", "last_updated_timestamp")
_NUMBER_COMPARATORS = ("=", "!=", ">", ">=", "<", "<=")
_MODEL_KEYS = {"name": models.c.name}
_VERSION_KEYS: dict[str, Column[Any]] = {
    "name": model_versions.c.model,
    "version_number": model_versions.c.version,
    "run_id": model_versions.c.run,
    "source_path": model_versions.c.source,
}
_MODEL_ORDER: dict[str, Column[Any]] = {
    "name": models.c.name,
    "timestamp": models.c.updated_ms,
    "last_updated_timestamp": models.c.updated_ms,
}
_VERSION_ORDER: dict[str, Column[Any]] = {
    "name": model_versions.c.model,
    "version_number": model_versions.c.version,
    "creation_timestamp": model_versions.c.created_ms,
    "last_updated_timestamp": model_versions.c.updated_ms,
}


class Search(msgspec.Struct):
    """Both searches take the same."""

    filter: str | None = None
    max_results: int | None = None
    order_by: list[str] = []
    page_token: str | None = None


@endpoints.get("registered-models/search", permission=Permission.READ)
@endpoints.post("registered-models/search", permission=Permission.READ)
def search_registered_models(call: MlflowCall) -> Json:
    """Registered models, prompts only where the filter asks for them."""
    asked = call.read(Search)
    size = _size(asked.max_results, DEFAULT_MODELS, MOST_MODELS)
    start = offset_of(asked.page_token)
    conditions = _model_conditions(call, clauses(asked.filter))
    order = _order(asked.order_by, _MODEL_ORDER, models_only=True)
    if models.c.name not in [column for column, _ in order]:
        order.append((models.c.name, True))
    query = (
        select(models)
        .where(models.c.project == call.project, *conditions)
        .order_by(*(column if up else column.desc() for column, up in order))
        .offset(start)
        .limit(size + 1)
    )
    with call.store.read() as connection:
        rows = connection.execute(query).all()
        found = models_json(connection, call.project, rows[:size])
    return _page("registered_models", found, len(rows) > size, start + size)


@endpoints.get("model-versions/search", permission=Permission.READ)
@endpoints.post("model-versions/search", permission=Permission.READ)
def search_model_versions(call: MlflowCall) -> Json:
    """Versions of all models, without the aliases, as MLflow answers them."""
    asked = call.read(Search)
    size = _size(asked.max_results, DEFAULT_VERSIONS, MOST_VERSIONS)
    start = offset_of(asked.page_token)
    conditions = _version_conditions(call, clauses(asked.filter))
    wanted = asked.order_by or ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
    order = _order(wanted, _VERSION_ORDER)
    known = [column for column, _ in order]
    if model_versions.c.model not in known:
        order.append((model_versions.c.model, True))
    if model_versions.c.version not in known:
        order.append((model_versions.c.version, False))
    query = (
        select(model_versions)
        .where(
            model_versions.c.project == call.project,
            model_versions.c.deleted_ms.is_(None),
            *conditions,
        )
        .order_by(*(column if up else column.desc() for column, up in order))
        .offset(start)
        .limit(size + 1)
    )
    with call.store.read() as connection:
        rows = connection.execute(query).all()
        found = versions_json(connection, rows[:size], aliases=False)
    return _page("model_versions", found, len(rows) > size, start + size)


def _page(name: str, found: list[Json], more: bool, start: int) -> Json:
    answer: Json = {name: found} if found else {}
    if more:
        answer["next_page_token"] = token_of(start)
    return answer


def _size(asked: int | None, usual: int, most: int) -> int:
    size = usual if asked is None else asked
    if size > most:
        raise bad_value("max_results", str(size))
    if size < 1:
        raise invalid(
            f"Invalid value for max_results. It must be a positive integer, but got {size}"
        )
    return size


def _model_conditions(call: MlflowCall, found: list[Clause]) -> list[ColumnElement[bool]]:
    dialect = call.store.database.engine.dialect.name
    conditions: list[ColumnElement[bool]] = []
    tags: defaultdict[str, list[Clause]] = defaultdict(list)
    for clause in found:
        kind, key = _identified(clause, tuple(_MODEL_KEYS))
        if kind == "tag":
            tags[key].append(_checked_tag(clause))
            continue
        value = _text_value(clause, "['name']", lists=True)
        if clause.comparator not in _TEXT_COMPARATORS:
            raise invalid(f"Invalid comparator for attribute: {clause.comparator}")
        conditions.append(compare(dialect, _MODEL_KEYS[key], clause.comparator, value))
    if not _asks_for_prompts(tags):
        tags.pop(PROMPT_TAG, None)
        conditions.append(models.c.prompt.is_(False))
    table = model_tags.c
    for key, asked in tags.items():
        matched = [
            compare(dialect, table.value, each.comparator, each.value.text) for each in asked
        ]
        mine = and_(table.project == models.c.project, table.model == models.c.name)
        conditions.append(exists().where(mine, table.key == key, *matched))
    return conditions


def _version_conditions(call: MlflowCall, found: list[Clause]) -> list[ColumnElement[bool]]:
    dialect = call.store.database.engine.dialect.name
    conditions: list[ColumnElement[bool]] = []
    tags: defaultdict[str, list[Clause]] = defaultdict(list)
    for clause in found:
        kind, key = _identified(clause, tuple(_VERSION_KEYS))
        if kind == "tag":
            tags[key].append(_checked_tag(clause))
        elif key == "version_number":
            conditions.append(_number_condition(dialect, clause))
        else:
            conditions.append(_text_condition(dialect, clause, key))
    if not _asks_for_prompts(tags):
        tags.pop(PROMPT_TAG, None)
        prompts = select(models.c.name).where(
            models.c.project == model_versions.c.project,
            models.c.name == model_versions.c.model,
            models.c.prompt.is_(True),
        )
        conditions.append(not_(exists(prompts)))
    table, versions = model_version_tags.c, model_versions.c
    for key, asked in tags.items():
        matched = [
            compare(dialect, table.value, each.comparator, each.value.text) for each in asked
        ]
        mine = and_(
            table.project == versions.project,
            table.model == versions.model,
            table.version == versions.version,
        )
        conditions.append(exists().where(mine, table.key == key, *matched))
    return conditions


def _identified(clause: Clause, known: tuple[str, ...]) -> tuple[str, str]:
    entity, dot, key = clause.name.partition(".")
    if not dot:
        entity, key = "attribute", clause.name
    if entity in ("tag", "tags"):
        return "tag", unquoted(key)
    if entity != "attribute":
        raise invalid(
            f"Invalid entity type '{entity[:100]}'. "
            "Valid entity types are ('attribute', 'tag', 'tags')"
        )
    # As MLflow has it, an attribute's name stands here without quotes.
    if key not in known:
        raise invalid(
            f"Invalid attribute key '{key[:100]}' specified. Valid keys are '{set(known)}'"
        )
    return "attribute", key


def _checked_tag(clause: Clause) -> Clause:
    if clause.value.kind not in ("string", "word", "nothing"):
        raise invalid(
            "Expected a quoted string value for tag (e.g. 'my-value'). "
            f"Got value {clause.value.shown}"
        )
    quoted_text(clause.value)
    if clause.comparator not in _TAG_COMPARATORS:
        raise invalid(f"Invalid comparator for tag: {clause.comparator}")
    return clause


def _text_condition(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    lists = key in ("run_id", "name")
    if clause.value.kind == "number":
        raise invalid(
            f"Only the '{set(_NUMBER_KEYS)}' attributes support comparison with numeric values."
        )
    value = _text_value(clause, "['name', 'run_id']", lists=lists)
    if clause.comparator not in _TEXT_COMPARATORS:
        raise invalid(f"Invalid comparator for attribute: {clause.comparator}")
    column: ColumnElement[Any] = _VERSION_KEYS[key]
    if key == "run_id" and clause.comparator in ("!=", "NOT IN"):
        # A version of no run has an empty one to MLflow's clients.
        column = func.coalesce(column, "")
    return compare(dialect, column, clause.comparator, value)


def _number_condition(dialect: str, clause: Clause) -> ColumnElement[bool]:
    if clause.value.kind != "number":
        _text_value(clause, "['name', 'run_id']", lists=False)
    if clause.comparator not in _NUMBER_COMPARATORS:
        raise invalid(f"Invalid comparator for attribute version_number: {clause.comparator}")
    try:
        number = int(clause.value.text)
    except ValueError:
        raise invalid(
            "Invalid value for numeric attribute 'version_number': "
            + repr(clause.value.number if clause.value.kind == "number" else clause.value.text)
        ) from None
    # Beyond the column's range every comparison is decided by the sign.
    number = max(-(2**31), min(2**31 - 1, number))
    return compare(dialect, model_versions.c.version, clause.comparator, number)


def _text_value(clause: Clause, listed: str, *, lists: bool) -> str | tuple[str, ...]:
    value = clause.value
    if value.kind in ("string", "word", "nothing"):
        return quoted_text(value)
    if value.kind == "list" and not lists:
        raise invalid(
            f"Only {listed} attributes support comparison with a list of quoted string values."
        )
    items = value.items if value.kind == "list" else ()
    if items and clause.comparator in ("IN", "NOT IN"):
        return items
    raise invalid(
        "Expected a quoted string value or a list of quoted string values for attributes. "
        f"Got value {value.shown}"
    )


def _asks_for_prompts(tags: dict[str, list[Clause]]) -> bool:
    for clause in tags.get(PROMPT_TAG, ())[:1]:
        said = clause.value.text.lower()
        return (clause.comparator, said) in (("=", "true"), ("!=", "false"))
    return False


def _order(
    asked: list[str], known: dict[str, Column[Any]], *, models_only: bool = False
) -> list[tuple[Column[Any], bool]]:
    found: list[tuple[Column[Any], bool]] = []
    for text in asked:
        name, ascending = order_and_way(text)
        if models_only and len(text.split()) > 1:
            name = unquoted(name)
        column = known.get(name if models_only else _order_key(name, known))
        if column is None:
            raise invalid(
                f"Invalid order by key '{name[:100]}' specified. Valid keys are "
                f"'{ {'name', 'timestamp'} }'"
            )
        if any(column is other for other, _ in found):
            raise invalid(f"`order_by` contains duplicate fields: {asked[:20]}")
        found.append((column, ascending))
    return found


def _order_key(name: str, known: dict[str, Column[Any]]) -> str:
    """What orders versions; MLflow reads it as it reads what orders experiments."""
    entity, key = entity_and_key(name)
    if entity not in (None, "attribute", "tag", "tags"):
        raise invalid(
            f"Invalid entity type '{entity}'. Valid entity types are ('attribute', 'tag', 'tags')"
        )
    if entity in ("tag", "tags"):
        raise invalid(
            f"Invalid order by key '{key[:100]}' specified. Valid keys are '{set(known)}'"
        )
    if key not in known:
        raise invalid(
            f"Invalid attribute key '{key[:100]}' specified. Valid keys are '{set(known)}'"
        )
    return key
