"""A search for evaluation datasets: by name, times, people, tags and experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, exists, select
from sqlalchemy.engine import Row

from millwright.tracking.evaluation_datasets.tables import (
    evaluation_dataset_experiments,
    evaluation_dataset_tags,
    evaluation_datasets,
)
from millwright.tracking.mlflow.clauses import Clause, clauses, entity_and_key, quoted_text
from millwright.tracking.mlflow.comparing import compare
from millwright.tracking.mlflow.errors import invalid
from millwright.tracking.mlflow.paging import offset_of, token_of
from millwright.tracking.mlflow.run_filter import order_and_way

_SET = evaluation_datasets.c
_TEXTS: dict[str, Column[Any]] = {
    "name": _SET.name,
    "created_by": _SET.created_by,
    "last_updated_by": _SET.updated_by,
}
_TIMES: dict[str, Column[Any]] = {
    "created_time": _SET.created_ms,
    "last_update_time": _SET.updated_ms,
}
_ORDERS: dict[str, Column[Any]] = {"name": _SET.name, **_TIMES}
_NUMBERS = ("=", "!=", "<", "<=", ">", ">=")
_MATCHES = ("=", "!=", "LIKE", "ILIKE")


def search(
    connection: Connection,
    project: str,
    experiments: Sequence[str],
    *,
    text: str | None,
    order: Sequence[str],
    size: int,
    token: str | None,
) -> tuple[list[Row[Any]], str | None]:
    """A page of datasets' rows, newest first unless told, and what asks for the next page.

    Raises:
        MlflowError: the filter, the order or the token is not understood.
    """
    dialect = connection.dialect.name
    where = [_SET.project == project, *(_condition(dialect, each) for each in clauses(text))]
    if experiments:
        link = evaluation_dataset_experiments.c
        where.append(
            exists().where(link.dataset == _SET.id, link.experiment.in_(list(experiments)))
        )
    offset = offset_of(token)
    query = select(evaluation_datasets).where(*where).order_by(*_keys(order))
    rows = connection.execute(query.offset(offset).limit(size + 1)).all()
    return list(rows[:size]), token_of(offset + size) if len(rows) > size else None


def _condition(dialect: str, clause: Clause) -> ColumnElement[bool]:
    entity, key = entity_and_key(clause.name)
    if entity == "tags":
        return _tag(dialect, clause, key)
    if entity is not None:
        raise invalid(f"Invalid identifier token '{entity[:100]}' specified")
    if key in _TIMES:
        return _time(dialect, clause, key)
    if key not in _TEXTS:
        raise _unknown(key, [*_TEXTS, *_TIMES])
    if key == "name" and clause.comparator == "IN" and clause.value.kind == "list":
        return compare(dialect, _SET.name, "IN", clause.value.items)
    if clause.value.kind == "list":
        raise invalid(
            "List values for 'name' are only supported with the IN comparator."
            if key == "name"
            else "Only ['name'] attributes support comparison with a list of quoted string values."
        )
    value = _text(clause, "attributes")
    if clause.comparator not in (*_MATCHES, *_NUMBERS):
        raise invalid(f"Invalid comparator for string attribute: {clause.comparator}")
    return compare(dialect, _TEXTS[key], clause.comparator, value)


def _tag(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    value = _text(clause, "tag")
    if clause.comparator not in _MATCHES:
        raise invalid(f"Invalid comparator for tag: {clause.comparator}")
    tag = evaluation_dataset_tags.c
    matched = compare(dialect, tag.value, clause.comparator, value)
    return exists().where(tag.dataset == _SET.id, tag.key == key, matched)


def _time(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    if clause.value.kind != "number":
        raise invalid(
            f"Expected numeric value type for numeric attribute: {key}. Found {clause.value.shown}"
        )
    if clause.comparator not in _NUMBERS:
        raise invalid(f"Invalid comparator for numeric attribute: {clause.comparator}")
    if not isinstance(clause.value.number, int):
        raise invalid(f"Invalid value for numeric attribute '{key}': '{clause.value.text[:100]}'")
    bounded = max(-(2**62), min(2**62, clause.value.number))
    return compare(dialect, _TIMES[key], clause.comparator, bounded)


def _text(clause: Clause, what: str) -> str:
    if clause.value.kind not in ("string", "word"):
        raise invalid(
            f"Expected a quoted string value for {what} (e.g. 'my-value'). "
            f"Got value {clause.value.shown}"
        )
    return quoted_text(clause.value)


def _keys(order: Sequence[str]) -> list[ColumnElement[Any]]:
    keys: list[ColumnElement[Any]] = []
    for each in order or ["created_time DESC"]:
        name, ascending = order_and_way(each)
        entity, key = entity_and_key(name)
        if entity == "tags":
            raise invalid("Invalid order_by entity: tag")
        if entity is not None:
            raise invalid(f"Invalid identifier token '{entity[:100]}' specified")
        if key not in _ORDERS:
            raise _unknown(key, list(_ORDERS))
        keys.append(_ORDERS[key].asc() if ascending else _ORDERS[key].desc())
    return [*keys, _SET.id.desc()]


def _unknown(key: str, known: list[str]) -> Exception:
    return invalid(f"Invalid attribute key '{key[:100]}' specified. Valid keys are: {known}")
