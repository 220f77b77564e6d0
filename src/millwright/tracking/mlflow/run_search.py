"""A search for runs as SQL with bound values, made so that the indexes answer it.

Ordered by a metric, the runs that have it come first in every direction, so they are read along the
metric's own index until the page is full; only a page that goes beyond them looks at the others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from millwright.tracking.mlflow.comparing import glob_of
from millwright.tracking.mlflow.entities import COMMIT, PARENT, RUN_COLUMNS, RUN_NAME
from millwright.tracking.mlflow.errors import invalid
from millwright.tracking.mlflow.run_filter import Condition, Order
from millwright.tracking.mlflow.wire import STATUS_OUT
from millwright.tracking.service.statements import execute, marks

_STATUS = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in STATUS_OUT.items())
_ATTRIBUTES = {
    "run_id": "r.id",
    "run_name": "r.name",
    "user_id": 'COALESCE(r."user", r.actor)',
    "status": f"CASE r.status {_STATUS} END",
    "start_time": "r.created_ms",
    "end_time": "r.ended_ms",
    "experiment_id": "e.id",
    "artifact_uri": (
        "COALESCE(RTRIM(e.artifact_location, '/'), 'mlflow-artifacts:/' || e.id) "
        "|| '/' || r.id || '/artifacts'"
    ),
}
_FACTS = {RUN_NAME: "r.name", PARENT: "r.parent", COMMIT: "r.code_commit"}
_DATASETS = {"name": "d.name", "digest": "d.digest", "context": "i.context"}
_TABLES = {"metric": "run_latest_metrics", "parameter": "run_params", "tag": "run_tags"}
_NATURAL = "r.created_ms DESC, r.id"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for. ``experiments`` are numbers; ``offset`` counts runs to skip."""

    experiments: tuple[int, ...]
    conditions: tuple[Condition, ...]
    orders: tuple[Order, ...]
    view: str
    limit: int
    offset: int = 0
    after: tuple[int, str] | None = None


def find(connection: Connection, search: Search) -> list[Row[Any]]:
    """Rows of runs, at most ``limit`` and in order."""
    if not search.experiments:
        return []
    first = search.orders[0] if search.orders else None
    if first is None or first.kind != "metric":
        return _query(connection, search)
    rows = _query(connection, search, along=first)
    if len(rows) == search.limit or _implies_value(search.conditions, first.key):
        return rows
    skipped = 0
    if search.offset:
        have = search.offset + len(rows) if rows else _count(connection, search, first)
        skipped = max(0, search.offset - have)
    others = replace(search, limit=search.limit - len(rows), offset=skipped)
    return rows + _query(connection, others, without=first)


def page_token(search: Search, last: Row[Any]) -> str:
    """What asks for the runs after these."""
    token: dict[str, Any] = {"offset": search.offset + search.limit}
    if not search.orders:
        token["after"] = [last.created_ms, last.id]
    return base64.b64encode(json.dumps(token).encode()).decode()


def from_token(search: Search, token: str | None) -> Search:
    """The search, continued; raises ``MlflowError`` for a token that is none."""
    if not token:
        return search
    try:
        found = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, RecursionError):
        raise invalid("Invalid page token, could not base64-decode") from None
    offset = found.get("offset") if isinstance(found, dict) else None
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 1 << 62:
        raise invalid(f"Invalid page token, parsed value={str(found)[:100]}")
    match found.get("after"):
        case [int(created), str(run)] if not search.orders and abs(created) < 1 << 63:
            return replace(search, offset=offset, after=(created, run))
    return replace(search, offset=offset)


class Statement:
    """A statement in the making: its text, and the values in the order of their marks."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.joins: list[str] = []
        self.join_values: list[Any] = []
        self.where: list[str] = []
        self.values: list[Any] = []

    def require(self, text: str, *values: Any) -> None:
        """Add a condition of plain SQL with its values."""
        self.where.append(text)
        self.values.extend(values)

    def compared(self, column: str, comparator: str, value: Any) -> tuple[str, list[Any]]:
        """A comparison's text and values, alike on both databases."""
        if comparator in ("IN", "NOT IN"):
            return f"{column} {comparator} {marks(len(value))}", list(value)
        if comparator == "LIKE" and self.dialect == "sqlite":
            return f"{column} GLOB ?", [glob_of(value)]
        if comparator == "ILIKE":
            return f"LOWER({column}) LIKE ?", [value.lower()]
        return f"{column} {comparator} ?", [value]


def _query(
    connection: Connection,
    search: Search,
    *,
    along: Order | None = None,
    without: Order | None = None,
) -> list[Row[Any]]:
    text, values = _built(connection.dialect.name, search, along, without)
    return list(execute(connection, text, *values))


def _built(
    dialect: str, search: Search, along: Order | None, without: Order | None
) -> tuple[str, list[Any]]:
    made = Statement(dialect)
    source = "runs r"
    if along is not None:
        source = "run_latest_metrics o CROSS JOIN runs r"
        if dialect == "postgresql":
            source = "run_latest_metrics o JOIN runs r ON r.no = o.run_no"
        else:
            made.require("r.no = o.run_no")
        made.require(_one_of("o.experiment_no", search.experiments), *search.experiments)
        made.require("o.key = ? AND o.is_nan = 0", along.key)
    else:
        made.require(_one_of("r.experiment_no", search.experiments), *search.experiments)
    if without is not None:
        made.require(
            "NOT EXISTS (SELECT 1 FROM run_latest_metrics x WHERE x.run_no = r.no AND x.key = ? "
            "AND x.is_nan = 0)",
            without.key,
        )
    if search.view != "ALL":
        made.require(f"r.deleted_ms IS {'NOT ' if search.view == 'DELETED_ONLY' else ''}NULL")
    for condition in search.conditions:
        require(made, condition, along)
    if search.after is not None:
        created, run = search.after
        made.require("r.created_ms <= ?", created)
        made.require("(r.created_ms < ? OR r.id > ?)", created, run)
    order = ", ".join([*_keys(made, search.orders, along), _NATURAL])
    text = (
        f"SELECT {RUN_COLUMNS} FROM {source} "  # noqa: S608
        f"JOIN experiments e ON e.no = r.experiment_no {' '.join(made.joins)} "
        f"WHERE {' AND '.join(made.where)} ORDER BY {order} LIMIT ? OFFSET ?"
    )
    skipped = 0 if search.after is not None else search.offset
    return text, [*made.join_values, *made.values, search.limit, skipped]


def require(made: Statement, condition: Condition, along: Order | None = None) -> None:
    """Add a condition to a statement whose runs are ``r`` and whose experiments are ``e``.

    Conditions on the metric that a search goes ``along`` are put on that metric's own row, ``o``.
    """
    kind, key, comparator, value = (
        condition.kind,
        condition.key,
        condition.comparator,
        condition.value,
    )
    if kind == "attribute":
        text, values = made.compared(_ATTRIBUTES[key], comparator, value)
        made.require(text, *values)
    elif kind == "metric":
        same = along is not None and along.key == key
        text, values = made.compared("o.value" if same else "x.value", comparator, value)
        if same:
            made.require(text, *values)
            return
        text = f"({text} OR x.is_nan = 1)" if comparator == "!=" else f"{text} AND x.is_nan = 0"
        made.require(_exists("run_latest_metrics", text), key, *values)
    elif kind == "dataset":
        text, values = made.compared(_DATASETS[key], comparator, value)
        made.require(
            "EXISTS (SELECT 1 FROM run_dataset_inputs i JOIN run_datasets d ON d.no = i.dataset_no "  # noqa: S608
            f"WHERE i.run_no = r.no AND {text})",
            *values,
        )
    else:
        _require_text(made, condition)


def _require_text(made: Statement, condition: Condition) -> None:
    key, comparator = condition.key, condition.comparator
    table = _TABLES[condition.kind]
    fact = _FACTS.get(key) if condition.kind == "tag" else None
    if comparator in ("IS NULL", "IS NOT NULL"):
        text = f"EXISTS (SELECT 1 FROM {table} x WHERE x.run_no = r.no AND x.key = ?)"  # noqa: S608
        if fact is not None:
            text = f"({text} OR {fact} IS NOT NULL)"
        made.require(text if comparator == "IS NOT NULL" else f"NOT {text}", key)
        return
    text, values = made.compared("x.value", comparator, condition.value)
    found, all_values = _exists(table, text), [key, *values]
    if fact is not None:
        text, values = made.compared(fact, comparator, condition.value)
        found, all_values = f"({found} OR {text})", [*all_values, *values]
    made.require(found, *all_values)


def _keys(made: Statement, orders: Sequence[Order], along: Order | None) -> list[str]:
    keys = []
    for position, order in enumerate(orders):
        way = "ASC" if order.ascending else "DESC"
        if order is along:
            keys.append(f"o.value {way}")
            continue
        if order.kind == "attribute":
            column = _ATTRIBUTES[order.key]
            rank = f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END"
        elif order.kind == "tag" and order.key in _FACTS:
            column = _FACTS[order.key]
            rank = f"CASE WHEN {column} IS NULL THEN 1 ELSE 0 END"
        else:
            name = f"k{position}"
            made.joins.append(
                f"LEFT JOIN {_TABLES[order.kind]} {name} ON {name}.run_no = r.no AND {name}.key = ?"
            )
            made.join_values.append(order.key)
            column = f"{name}.value"
            nan = f"WHEN {name}.is_nan = 1 THEN 1 " if order.kind == "metric" else ""
            rank = f"CASE {nan}WHEN {column} IS NULL THEN 2 ELSE 0 END"
        keys.extend((rank, f"{column} {way}"))
    return keys


def _exists(table: str, text: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} x WHERE x.run_no = r.no AND x.key = ? AND {text})"  # noqa: S608


def _one_of(column: str, numbers: Sequence[int]) -> str:
    return f"{column} = ?" if len(numbers) == 1 else f"{column} IN {marks(len(numbers))}"


def _implies_value(conditions: Sequence[Condition], key: str) -> bool:
    """Whether only runs with a number for this metric can pass."""
    return any(c.kind == "metric" and c.key == key and c.comparator != "!=" for c in conditions)


def _count(connection: Connection, search: Search, along: Order) -> int:
    whole = replace(search, limit=1 << 62, offset=0)
    text, values = _built(connection.dialect.name, whole, along, None)
    return int(execute(connection, f"SELECT COUNT(*) FROM ({text}) counted", *values).scalar_one())  # noqa: S608
