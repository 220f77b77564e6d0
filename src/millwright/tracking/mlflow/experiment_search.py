"""A search for experiments as SQL with bound values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.tracking.mlflow.clauses import Clause, clauses, entity_and_key, quoted_text
from millwright.tracking.mlflow.comparing import glob_of
from millwright.tracking.mlflow.errors import MlflowError, invalid
from millwright.tracking.mlflow.paging import offset_of, token_of
from millwright.tracking.mlflow.run_filter import order_and_way
from millwright.tracking.service.statements import execute, marks

_COLUMNS = {
    "name": "e.name",
    "experiment_id": "e.id",
    "creation_time": "e.created_ms",
    "last_update_time": "e.updated_ms",
}
_ENTITIES = ("attribute", "tag", "tags")
_BY_NUMBER = "CAST(e.id AS INTEGER)"
_EXISTS = "EXISTS (SELECT 1 FROM experiment_tags t WHERE t.experiment_no = e.no AND t.key = ?"


def find_experiments(
    connection: Connection,
    project: str,
    *,
    view: str,
    filter_text: str,
    order_by: Sequence[str],
    limit: int,
    token: str | None,
) -> tuple[list[Row[Any]], str | None]:
    """A page of experiments' rows, and what asks for the next page.

    Raises:
        MlflowError: the filter, the order or the token is not understood.
    """
    where, values = ["e.project = ?"], [project]
    if view != "ALL":
        where.append(f"e.deleted_ms IS {'NOT ' if view == 'DELETED_ONLY' else ''}NULL")
    for clause in clauses(filter_text):
        text, more = _condition(connection.dialect.name, clause)
        where.append(text)
        values.extend(more)
    offset = offset_of(token)
    query = (
        "SELECT e.no, e.project, e.id, e.name, e.artifact_location, e.created_ms, "  # noqa: S608
        f"e.updated_ms, e.deleted_ms FROM experiments e WHERE {' AND '.join(where)} "
        f"ORDER BY {_order(order_by)} LIMIT ? OFFSET ?"
    )
    rows = list(execute(connection, query, *values, limit + 1, offset))
    following = None
    if len(rows) > limit:
        following = token_of(offset + limit)
    return rows[:limit], following


def _condition(dialect: str, clause: Clause) -> tuple[str, list[Any]]:
    entity, key = entity_and_key(clause.name)
    if entity is not None and entity not in _ENTITIES:
        raise invalid(f"Invalid entity type '{entity[:100]}'. Valid entity types are {_ENTITIES}")
    comparator = clause.comparator
    if entity in ("tag", "tags"):
        return _tag(dialect, key, comparator, clause)
    if key not in _COLUMNS:
        raise invalid(
            f"Invalid attribute key '{key[:100]}' specified. Valid keys are '{sorted(_COLUMNS)}'"
        )
    if comparator.startswith("IS"):
        raise invalid(
            f"IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
        )
    if key in ("creation_time", "last_update_time"):
        return _time(key, comparator, clause)
    if key == "experiment_id":
        return _id(comparator, clause)
    value = _quoted(clause, "attribute")
    if comparator not in ("=", "!=", "LIKE", "ILIKE"):
        raise _not_one_of(comparator, ("=", "!=", "LIKE", "ILIKE"))
    return _text(dialect, _COLUMNS[key], comparator, value)


def _time(key: str, comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if clause.value.kind != "number":
        raise invalid(
            f"Expected numeric value type for numeric attribute: {key}. Found {clause.value.shown}"
        )
    if comparator not in ("=", "!=", "<", "<=", ">", ">="):
        raise _not_one_of(comparator, ("=", "!=", "<", "<=", ">", ">="))
    if isinstance(clause.value.number, float):
        raise invalid(f"Invalid value for numeric attribute '{key}': '{clause.value.text[:100]}'")
    return f"{_COLUMNS[key]} {comparator} ?", [clause.value.number]


def _not_one_of(comparator: str, known: tuple[str, ...]) -> MlflowError:
    return invalid(f"Invalid comparator '{comparator}' not one of '{set(known)}'")


def _id(comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if comparator not in ("=", "!=", "IN", "NOT IN"):
        raise invalid(f"Invalid comparator for experiment_id: {comparator}")
    if comparator in ("IN", "NOT IN"):
        items = [_checked_id(item) for item in clause.value.items]
        return f"e.id {comparator} {marks(len(items))}", items
    return f"e.id {comparator} ?", [_checked_id(_quoted(clause, "attribute"))]


def _checked_id(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        raise invalid(
            f"Invalid experiment ID '{text[:100]}'. Experiment ID must be a valid integer."
        ) from None


def _tag(dialect: str, key: str, comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if comparator in ("IS NULL", "IS NOT NULL"):
        return ("NOT " if comparator == "IS NULL" else "") + _EXISTS + ")", [key]
    value = _quoted(clause, "tag")
    if comparator not in ("=", "!=", "LIKE", "ILIKE"):
        raise invalid(f"Invalid comparator for tag: {comparator}")
    text, values = _text(dialect, "t.value", comparator, value)
    return f"{_EXISTS} AND {text})", [key, *values]


def _text(dialect: str, column: str, comparator: str, value: str) -> tuple[str, list[Any]]:
    if comparator == "LIKE" and dialect == "sqlite":
        return f"{column} GLOB ?", [glob_of(value)]
    if comparator == "ILIKE":
        return f"LOWER({column}) LIKE ?", [value.lower()]
    return f"{column} {comparator} ?", [value]


def _quoted(clause: Clause, kind: str) -> str:
    value = clause.value
    if value.kind in ("string", "word"):
        return quoted_text(value)
    if kind == "tag":
        raise invalid(
            f"Expected a quoted string value for tag (e.g. 'my-value'). Got value {value.shown}"
        )
    if value.kind == "list":
        raise invalid(
            "Only ['experiment_id'] attributes support comparison with a list of quoted string "
            "values."
        )
    raise invalid(f"Expected a quoted string value for attributes. Got value {value.shown}")


def _order(order_by: Sequence[str]) -> str:
    keys: list[str] = []
    for text in order_by or ["creation_time DESC", "experiment_id ASC"]:
        name, ascending = order_and_way(text)
        entity, key = entity_and_key(name)
        if entity not in (None, "attribute"):
            raise invalid(f"Invalid order_by entity: {entity.removesuffix('s')}")
        if key not in _COLUMNS:
            raise invalid(
                f"Invalid attribute key '{key[:100]}' specified. "
                f"Valid keys are '{sorted(_COLUMNS)}'"
            )
        column = _BY_NUMBER if key == "experiment_id" else _COLUMNS[key]
        keys.append(f"{column} {'ASC' if ascending else 'DESC'}")
    return ", ".join([*keys, f"{_BY_NUMBER} DESC"])
