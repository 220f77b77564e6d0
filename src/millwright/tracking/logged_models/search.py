"""``search_logged_models``: filters, datasets, order by attribute or metric, pages."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, case, exists, or_, select
from sqlalchemy.engine import Row

from millwright.kernel.store import Store
from millwright.tracking.experiment_lookup import numbers_of
from millwright.tracking.logged_models.tables import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from millwright.tracking.mlflow.clauses import Clause, clauses, entity_and_key
from millwright.tracking.mlflow.comparing import compare
from millwright.tracking.mlflow.errors import invalid

_NUMBERS = ("<", "<=", ">", ">=", "=", "!=")
_TEXTS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_TEXT_COLUMNS: dict[str, Column[Any]] = {
    "name": logged_models.c.name,
    "model_id": logged_models.c.id,
    "model_type": logged_models.c.model_type,
    "source_run_id": logged_models.c.run,
    "artifact_location": logged_models.c.artifact_uri,
}
_NUMBER_COLUMNS: dict[str, Column[Any]] = {
    "creation_timestamp": logged_models.c.created_ms,
    "creation_time": logged_models.c.created_ms,
    "creation_timestamp_ms": logged_models.c.created_ms,
    "last_updated_timestamp": logged_models.c.updated_ms,
    "last_updated_timestamp_ms": logged_models.c.updated_ms,
    "last_updated_time": logged_models.c.updated_ms,
}
_STATUS = {"PENDING": 1, "READY": 2, "UPLOAD_FAILED": 3, "FAILED": 3}
MOST = 1_000


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One key to sort by: an attribute, or ``metrics.NAME`` on a dataset."""

    field: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


def search(
    store: Store,
    project: str,
    experiments: list[str],
    *,
    text: str | None,
    datasets: list[tuple[str, str | None]],
    order: list[OrderBy],
    size: int,
    start: int,
) -> list[Row[Any]]:
    """Rows of logged models, one more than ``size`` where there are more.

    Args:
        store: where they are.
        project: whose.
        experiments: ids; unknown ones have no models.
        text: the filter.
        datasets: name and digest; only models with a metric on one of them.
        order: what to sort by, before newest first.
        size: at most this many.
        start: how many to skip.

    Raises:
        MlflowError: the filter or the order is not understood.
    """
    dialect = store.database.engine.dialect.name
    conditions, has_metric = _conditions(
        dialect, clauses(text, refusal=lambda _: _not_comparisons(text)), datasets
    )
    if datasets and not has_metric:
        metric = logged_model_metrics.c
        conditions.append(exists().where(metric.model == logged_models.c.id, _on(datasets)))
    keys = _sort_keys(order)
    with store.read() as connection:
        numbers = list(numbers_of(connection, project, experiments))
        query = (
            select(logged_models)
            .where(
                logged_models.c.experiment_no.in_(numbers),
                logged_models.c.deleted_ms.is_(None),
                *conditions,
            )
            .order_by(*keys)
            .offset(start)
            .limit(size + 1)
        )
        return list(connection.execute(query).all())


def _not_comparisons(text: str | None) -> str:
    return (
        f"Invalid filter string: {text!r}. Expected a list of comparisons separated by 'AND' "
        "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."
    )


def page_token(experiments: list[str], text: str | None, order: Any, start: int) -> str:
    """A token that belongs to this search alone."""
    content = {
        "experiment_ids": experiments,
        "filter_string": text,
        "order_by": order,
        "offset": start,
    }
    return base64.b64encode(json.dumps(content).encode()).decode()


def offset_of(token: str | None, experiments: list[str], text: str | None, order: Any) -> int:
    """Where the page begins; raises where the token is of another search."""
    if not token:
        return 0
    try:
        content = json.loads(base64.b64decode(token))
        start = int(content["offset"])
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise invalid(f"Invalid page token: {token[:100]}.") from cause
    for name, key, asked in (
        ("Experiment IDs", "experiment_ids", experiments),
        ("Filter string", "filter_string", text),
        ("Order by", "order_by", order),
    ):
        if content.get(key) != asked:
            raise invalid(
                f"{name} in the page token do not match the requested {name.lower()}. "
                f"Expected: {asked}. Found: {content.get(key)}"
            )
    if not 0 <= start < 2**53:
        raise invalid(f"Invalid page token: {token[:100]}.")
    return start


def _conditions(
    dialect: str, found: list[Clause], datasets: list[tuple[str, str | None]]
) -> tuple[list[ColumnElement[bool]], bool]:
    conditions: list[ColumnElement[bool]] = []
    has_metric = False
    for clause in found:
        entity, key = entity_and_key(clause.name)
        if entity in (None, "attributes"):
            conditions.append(_attribute(dialect, clause, key))
        elif entity == "metrics":
            has_metric = True
            conditions.append(_metric(dialect, clause, key, datasets))
        elif entity in ("params", "tags"):
            table = (logged_model_params if entity == "params" else logged_model_tags).c
            value = _text(clause, f"{entity}.{key}")
            matched = compare(dialect, table.value, clause.comparator, value)
            mine = table.model == logged_models.c.id
            conditions.append(exists().where(mine, table.key == key, matched))
        else:
            raise invalid(
                f"Invalid entity type: {entity!r}. Expected one of "
                "['attributes', 'metrics', 'params', 'tags']."
            )
    return conditions, has_metric


def _attribute(dialect: str, clause: Clause, key: str) -> ColumnElement[bool]:
    if key in _NUMBER_COLUMNS:
        number = round(_number(clause, f"attributes.{key}"))
        column = _NUMBER_COLUMNS[key]
        return compare(dialect, column, clause.comparator, max(-(2**62), min(2**62, number)))
    if key == "status":
        return _status(dialect, clause)
    if key not in _TEXT_COLUMNS:
        raise invalid(f"Invalid attribute name: {key[:100]!r}")
    value = _text(clause, f"attributes.{key}")
    return compare(dialect, _TEXT_COLUMNS[key], clause.comparator, value)


def _status(dialect: str, clause: Clause) -> ColumnElement[bool]:
    names = case(
        *((logged_models.c.status == number, name) for name, number in list(_STATUS.items())[:3]),
        else_="",
    )
    return compare(dialect, names, clause.comparator, _text(clause, "attributes.status"))


def _metric(
    dialect: str, clause: Clause, key: str, datasets: list[tuple[str, str | None]]
) -> ColumnElement[bool]:
    number = float(_number(clause, f"metrics.{key}"))
    table = logged_model_metrics.c
    conditions = [
        table.model == logged_models.c.id,
        table.key == key,
        table.is_nan == 0,
        compare(dialect, table.value, clause.comparator, number),
    ]
    if datasets:
        conditions.append(_on(datasets))
    return exists().where(*conditions)


def _on(datasets: list[tuple[str, str | None]]) -> ColumnElement[bool]:
    table = logged_model_metrics.c
    either = [
        table.dataset_name == name
        if digest is None
        else and_(table.dataset_name == name, table.dataset_digest == digest)
        for name, digest in datasets
    ]
    return or_(*either)


def _number(clause: Clause, shown: str) -> int | float:
    if clause.comparator not in _NUMBERS:
        raise _bad_comparator(clause, shown, _NUMBERS)
    try:
        number = float(clause.value.text)
    except ValueError:
        raise invalid(f"Expected a number for {shown}, got {clause.value.text[:100]!r}") from None
    if number != number or abs(number) == float("inf"):
        raise invalid(f"Expected a finite number for {shown}.")
    return number


def _text(clause: Clause, shown: str) -> str | tuple[str, ...]:
    if clause.comparator not in _TEXTS:
        raise _bad_comparator(clause, shown, _TEXTS)
    if clause.comparator in ("IN", "NOT IN"):
        if clause.value.kind != "list":
            raise invalid(f"Expected a list of quoted strings for {shown}.")
        return clause.value.items
    return clause.value.text


def _bad_comparator(clause: Clause, shown: str, known: tuple[str, ...]) -> Exception:
    return invalid(
        f"Invalid comparison operator for {shown}: {clause.comparator!r}. Expected one of {known}."
    )


def _sort_keys(order: list[OrderBy]) -> list[Any]:
    keys: list[Any] = []
    named = set()
    for each in order:
        entity, dot, name = each.field.partition(".")
        if dot and entity != "metrics":
            raise invalid(
                f"Invalid order by field name: {each.field[:100]}. Only metrics are supported."
            )
        column: Any
        if dot:
            column = _latest(name.strip("`"), each)
        else:
            named.add(each.field)
            column = {
                **_TEXT_COLUMNS,
                **_NUMBER_COLUMNS,
                "status": logged_models.c.status,
                "experiment_id": logged_models.c.experiment_no,
            }.get(each.field)
            if column is None:
                raise invalid(f"Invalid order by field name: {each.field[:100]}")
        keys.append(case((column.is_(None), 1), else_=0))
        keys.append(column.asc() if each.ascending else column.desc())
    if not named & {"creation_timestamp", "creation_time", "creation_timestamp_ms"}:
        keys.append(logged_models.c.created_ms.desc())
    if "model_id" not in named:
        keys.append(logged_models.c.id.asc())
    return keys


def _latest(key: str, order: OrderBy) -> Any:
    """The latest value of a metric, as a column to sort by."""
    table = logged_model_metrics.c
    conditions = [table.model == logged_models.c.id, table.key == key]
    if order.dataset_name:
        conditions.append(table.dataset_name == order.dataset_name)
    if order.dataset_digest:
        conditions.append(table.dataset_digest == order.dataset_digest)
    value = case((table.is_nan == 1, None), else_=table.value)
    return (
        select(value)
        .where(*conditions)
        .order_by(table.time_ms.desc(), table.step.desc(), table.run.asc())
        .limit(1)
        .correlate(logged_models)
        .scalar_subquery()
    )
