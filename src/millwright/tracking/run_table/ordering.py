"""The order of all runs that match, as numbers: read once, so that any row is found at once.

There is no ``COUNT`` and no ``OFFSET``: the numbers of the runs are read in order (by a metric,
along the index that searches use), and which rows are on the screen is a slice of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from millwright.kernel.errors import InvalidInput
from millwright.tracking.mlflow.errors import MlflowError
from millwright.tracking.mlflow.run_filter import conditions
from millwright.tracking.mlflow.run_search import Statement, require
from millwright.tracking.run_table.records import TableView
from millwright.tracking.service.statements import fetch, marks

PLAIN = {
    "created": "r.created_ms",
    "name": "LOWER(r.name)",
    "status": "r.status",
    "experiment": "LOWER(e.name)",
    "user": 'COALESCE(r."user", r.actor)',
    "duration": "r.ended_ms - r.created_ms",
}
_SHOWN = {**PLAIN, "experiment": "e.name", "name": "r.name"}
_DETAILS = {"metrics": "run_latest_metrics", "params": "run_params", "tags": "run_tags"}
_NATURAL = "r.created_ms DESC, r.no DESC"


@dataclass(frozen=True, slots=True)
class Order:
    """Runs by number, in order; what they are nested under or grouped by."""

    numbers: list[int]
    parents: dict[int, int] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)


def order_of(connection: Connection, project: str, view: TableView) -> Order:
    """The runs of a view in its order.

    Raises:
        InvalidInput: the filter, the sort column or the group is not understood.
    """
    made = _matching(connection, project, view)
    kind, key = split(view.sort)
    if kind == "metrics":
        numbers = _by_metric(connection, project, made, view, key)
    else:
        numbers = [row[0] for row in _rows(connection, made, "r.no", view.sort, view.descending)]
    order = Order(numbers)
    if view.group == "parent":
        made = _matching(connection, project, view)
        made.joins.append("JOIN runs mother ON mother.id = r.parent")
        made.require("r.parent IS NOT NULL")
        order.parents.update(_selected(connection, made, "r.no, mother.no"))
    elif view.group is not None:
        order.labels.update(_labels(connection, project, view, view.group))
    return order


def split(column: str) -> tuple[str, str]:
    """``metrics.a.b`` as ``("metrics", "a.b")``; a column of the run itself has no key.

    Raises:
        InvalidInput: there is no such column.
    """
    kind, dot, key = column.partition(".")
    if column in PLAIN:
        return column, ""
    if kind in _DETAILS and dot and key:
        return kind, key
    raise InvalidInput(
        "tracking.column",
        f"Runs have no column '{column[:80]}'.",
        hint="Use created, name, status, duration, experiment, user, metrics.NAME, params.NAME or "
        "tags.NAME.",
        value=column,
    )


def _matching(connection: Connection, project: str, view: TableView) -> Statement:
    made = Statement(connection.dialect.name)
    made.require("r.project = ? AND r.deleted_ms IS NULL", project)
    if view.experiments:
        made.require(f"e.name IN {marks(len(view.experiments))}", *view.experiments)
    if view.status is not None:
        made.require("r.status = ?", view.status)
    text = view.text.strip().lower()
    if text:
        made.require("(LOWER(r.name) LIKE ? ESCAPE '!' OR r.id = ?)", f"%{_escaped(text)}%", text)
    try:
        for condition in conditions(view.filter):
            require(made, condition)
    except MlflowError as error:
        raise InvalidInput(
            "tracking.filter",
            f"The filter is not understood. {error.message}",
            hint="Write comparisons joined by AND, such as metrics.auc > 0.8 AND "
            "params.family = 'linear'.",
            value=view.filter,
        ) from error
    return made


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _rows(
    connection: Connection, made: Statement, columns: str, sort: str, descending: bool
) -> list[tuple[Any, ...]]:
    kind, key = split(sort)
    way = "DESC" if descending else "ASC"
    if sort in PLAIN:
        keys = [f"{PLAIN[sort]} {way}"]
        if sort == "duration":
            keys.insert(0, "CASE WHEN r.ended_ms IS NULL THEN 1 ELSE 0 END")
    else:
        made.joins.append(f"LEFT JOIN {_DETAILS[kind]} k ON k.run_no = r.no AND k.key = ?")
        made.join_values.append(key)
        keys = ["CASE WHEN k.value IS NULL THEN 1 ELSE 0 END"]
        if kind == "params":
            keys.append("CASE WHEN k.number IS NULL THEN 1 ELSE 0 END")
            keys.append(f"k.number {way}")
        keys.append(f"k.value {way}")
    return _selected(connection, made, columns, ", ".join([*keys, _NATURAL]))


def _by_metric(
    connection: Connection, project: str, made: Statement, view: TableView, key: str
) -> list[int]:
    """Numbers first, in order; then NaN; then runs without the metric, newest first."""
    rest = dict.fromkeys(row[0] for row in _selected(connection, made, "r.no", _NATURAL))
    query = "SELECT no FROM experiments WHERE project = ?"
    values: list[Any] = [project]
    if view.experiments:
        query += f" AND name IN {marks(len(view.experiments))}"
        values.extend(view.experiments)
    experiments = [row[0] for row in fetch(connection, query, *values)]
    if not experiments:
        return list(rest)
    chosen = f"= {marks(1)}" if len(experiments) == 1 else f"IN {marks(len(experiments))}"
    metric = (
        f"SELECT run_no FROM run_latest_metrics WHERE experiment_no {chosen} "  # noqa: S608
        "AND key = ? AND is_nan = "
    )
    way = "DESC" if view.descending else "ASC"
    ordered = fetch(
        connection, f"{metric}0 ORDER BY is_nan {way}, value {way}, run_no {way}", *experiments, key
    )
    missing = fetch(connection, f"{metric}1 ORDER BY run_no DESC", *experiments, key)
    first = [row[0] for row in (*ordered, *missing) if row[0] in rest]
    for number in first:
        del rest[number]
    return first + list(rest)


def _labels(
    connection: Connection, project: str, view: TableView, group: str
) -> list[tuple[int, str]]:
    made = _matching(connection, project, view)
    kind, key = split(group)
    if group in PLAIN:
        column = _SHOWN[group]
    else:
        made.joins.append(f"JOIN {_DETAILS[kind]} k ON k.run_no = r.no AND k.key = ?")
        made.join_values.append(key)
        column = "k.value"
    return [
        (row[0], str(row[1]))
        for row in _selected(connection, made, f"r.no, {column}")
        if row[1] is not None
    ]


def _selected(
    connection: Connection, made: Statement, columns: str, order: str = ""
) -> list[tuple[Any, ...]]:
    text = (
        f"SELECT {columns} FROM runs r JOIN experiments e ON e.no = r.experiment_no "  # noqa: S608
        f"{' '.join(made.joins)} WHERE {' AND '.join(made.where)}"
    )
    if order:
        text += f" ORDER BY {order}"
    return fetch(connection, text, *made.join_values, *made.values)
