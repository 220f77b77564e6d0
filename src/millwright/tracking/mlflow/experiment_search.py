"""A search for experiments as SQL with bound values."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.tracking.mlflow.clauses import Clause, clauses, entity_and_key
from millwright.tracking.mlflow.comparing import glob_of
from millwright.tracking.mlflow.errors import invalid
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
    offset = page_offset(token)
    query = (
        "SELECT e.no, e.project, e.id, e.name, e.artifact_location, e.created_ms, "  # noqa: S608
        f"e.updated_ms, e.deleted_ms FROM experiments e WHERE {' AND '.join(where)} "
        f"ORDER BY {_order(order_by)} LIMIT ? OFFSET ?"
    )
    rows = list(execute(connection, query, *values, limit + 1, offset))
    following = None
    if len(rows) > limit:
        following = base64.b64encode(json.dumps({"offset": offset + limit}).encode()).decode()
    return rows[:limit], following


def _condition(dialect: str, clause: Clause) -> tuple[str, list[Any]]:
    entity, key = entity_and_key(clause.name)
    if entity is not None and entity not in _ENTITIES:
        raise invalid(f"Invalid entity type '{entity[:100]}'. Valid entity types are {_ENTITIES}")
    comparator = "!=" if clause.comparator == "<>" else clause.comparator
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
    if clause.value.kind == "list":
        raise invalid(
            "Only ['experiment_id'] attributes support comparison with a list of quoted string "
            "values."
        )
    if comparator not in ("=", "!=", "LIKE", "ILIKE"):
        raise invalid(f"Invalid comparator for string attribute: {comparator}")
    return _text(dialect, _COLUMNS[key], comparator, _quoted(clause))


def _time(key: str, comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if clause.value.kind != "number":
        raise invalid(
            f"Expected numeric value type for numeric attribute: {key}. "
            f"Found {clause.value.text[:100]}"
        )
    if comparator not in ("=", "!=", "<", "<=", ">", ">="):
        raise invalid(f"Invalid comparator for numeric attribute: {comparator}")
    if isinstance(clause.value.number, float):
        raise invalid(f"Invalid value for numeric attribute '{key}': '{clause.value.text[:100]}'")
    return f"{_COLUMNS[key]} {comparator} ?", [clause.value.number]


def _id(comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if comparator not in ("=", "!=", "IN", "NOT IN"):
        raise invalid(f"Invalid comparator for experiment_id: {comparator}")
    if comparator in ("IN", "NOT IN"):
        if clause.value.kind != "list":
            raise invalid(f"Invalid value for the comparator '{comparator}'.")
        items = clause.value.items
        return f"e.id {comparator} {marks(len(items))}", list(items)
    return f"e.id {comparator} ?", [_quoted(clause)]


def _tag(dialect: str, key: str, comparator: str, clause: Clause) -> tuple[str, list[Any]]:
    if comparator in ("IS NULL", "IS NOT NULL"):
        return ("NOT " if comparator == "IS NULL" else "") + _EXISTS + ")", [key]
    if comparator not in ("=", "!=", "LIKE", "ILIKE"):
        raise invalid(f"Invalid comparator for tag: {comparator}")
    text, values = _text(dialect, "t.value", comparator, _quoted(clause))
    return f"{_EXISTS} AND {text})", [key, *values]


def _text(dialect: str, column: str, comparator: str, value: str) -> tuple[str, list[Any]]:
    if comparator == "LIKE" and dialect == "sqlite":
        return f"{column} GLOB ?", [glob_of(value)]
    if comparator == "ILIKE":
        return f"LOWER({column}) LIKE ?", [value.lower()]
    return f"{column} {comparator} ?", [value]


def _quoted(clause: Clause) -> str:
    if clause.value.kind != "string":
        raise invalid(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{clause.value.text[:100]}. Use either single or double quotes."
        )
    return clause.value.text


def _order(order_by: Sequence[str]) -> str:
    keys: list[str] = []
    for text in order_by or ["creation_time DESC", "experiment_id ASC"]:
        name, ascending = order_and_way(text)
        entity, key = entity_and_key(name)
        if entity not in (None, "attribute"):
            raise invalid(f"Invalid order_by entity: {entity}")
        if key not in _COLUMNS:
            raise invalid(
                f"Invalid attribute key '{key[:100]}' specified. "
                f"Valid keys are '{sorted(_COLUMNS)}'"
            )
        column = _BY_NUMBER if key == "experiment_id" else _COLUMNS[key]
        keys.append(f"{column} {'ASC' if ascending else 'DESC'}")
    return ", ".join([*keys, f"{_BY_NUMBER} DESC"])


def page_offset(token: str | None) -> int:
    """How many rows a page token skips; raises ``MlflowError``."""
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        offset = found["offset"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise invalid("Invalid page token, could not base64-decode") from None
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 1 << 62:
        raise invalid(f"Invalid page token, parsed value={str(found)[:100]}")
    return offset
