"""Finding runs: filters, any order, and pages that stay stable while runs are added."""

from __future__ import annotations

import base64
import json
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select

from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store
from millwright.tracking.records import RunPage
from millwright.tracking.service.runs import load_runs
from millwright.tracking.tables import experiments, run_latest_metrics, run_params, runs

MAX_PAGE = 1000


def list_runs(
    store: Store,
    project: str,
    *,
    experiment: str | None = None,
    status: str | None = None,
    parent: str | None = None,
    order_by: str = "-created",
    limit: int = 100,
    page_token: str | None = None,
) -> RunPage:
    """Runs of a project, a page at a time.

    Args:
        store: where they are.
        project: whose runs.
        experiment: only this experiment.
        status: only this status.
        parent: only children of this run; ``none`` for runs without parent.
        order_by: ``created``, ``metrics.KEY`` or ``params.KEY``; a leading ``-`` is descending.
            Runs without the value come last either way.
        limit: at most this many, up to 1,000.
        page_token: ``next_page_token`` of the page before, with the same order.

    Raises:
        InvalidInput: the order or the token is not understood.
    """
    descending = order_by.startswith("-")
    keys, joined = _sort_keys(order_by.removeprefix("-"))
    conditions: list[ColumnElement[bool]] = [
        runs.c.project == project,
        runs.c.deleted_ms.is_(None),
    ]
    if experiment is not None:
        of_name = select(experiments.c.no).where(
            experiments.c.project == project, experiments.c.name == experiment
        )
        conditions.append(runs.c.experiment_no == of_name.scalar_subquery())
    if status is not None:
        conditions.append(runs.c.status == status)
    if parent is not None:
        conditions.append(runs.c.parent.is_(None) if parent == "none" else runs.c.parent == parent)
    if page_token is not None:
        conditions.append(_after(keys, _decode(page_token, order_by), descending))
    size = max(1, min(limit, MAX_PAGE))
    columns = [key.label(f"sort_{position}") for position, key in enumerate(keys)]
    ordered = [keys[0], *(key.desc() if descending else key for key in keys[1:])]
    query = select(runs, *columns).select_from(joined).where(*conditions)
    with store.read() as connection:
        rows = connection.execute(query.order_by(*ordered).limit(size + 1)).all()
        found = load_runs(connection, rows[:size])
    token = None
    if len(rows) > size:
        last = rows[size - 1]
        token = _encode([getattr(last, f"sort_{i}") for i in range(len(keys))], order_by)
    return RunPage(runs=tuple(found), next_page_token=token)


def _sort_keys(order: str) -> tuple[list[ColumnElement[Any]], Any]:
    """Sort keys that are never NULL (rank, number, text, id), and the tables they need.

    The rank keeps runs without a value at the end whichever the direction.
    """
    kind, _, key = order.partition(".")
    if order == "created":
        return [literal(0), runs.c.created_ms, literal(""), runs.c.id], runs
    if kind == "metrics" and key:
        table = run_latest_metrics
        value: ColumnElement[Any] = table.c.value
        missing = or_(value.is_(None), table.c.is_nan == 1)
        rank: ColumnElement[Any] = case((missing, 1), else_=0)
        text: ColumnElement[Any] = literal("")
    elif kind == "params" and key:
        table = run_params
        value = table.c.number
        rank = case(
            (table.c.value.is_(None), 3), (table.c.kind == "n", 2), (value.is_(None), 1), else_=0
        )
        text = case((value.is_(None), func.coalesce(table.c.value, "")), else_="")
    else:
        raise InvalidInput(
            "tracking.order",
            f"Runs cannot be ordered by '{order[:60]}'.",
            hint="Use created, metrics.NAME or params.NAME, with a leading - for descending.",
            value=order,
        )
    joined = runs.outerjoin(table, and_(table.c.run_no == runs.c.no, table.c.key == key))
    return [rank, func.coalesce(value, 0.0), text, runs.c.id], joined


def _after(
    keys: list[ColumnElement[Any]], last: list[Any], descending: bool
) -> ColumnElement[bool]:
    """Rows that sort after ``last``: greater in the first key that differs."""
    alternatives = []
    for position, (key, value) in enumerate(zip(keys, last, strict=True)):
        equal = [k == v for k, v in zip(keys[:position], last[:position], strict=True)]
        further = key < value if descending and position > 0 else key > value
        alternatives.append(and_(*equal, further))
    return or_(*alternatives)


def _encode(values: list[Any], order_by: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([order_by, *values]).encode()).decode()


def _decode(token: str, order_by: str) -> list[Any]:
    try:
        order, rank, number, text, run = json.loads(base64.urlsafe_b64decode(token.encode()))
        if order != order_by:
            raise ValueError("another order")
        return [int(rank), number + 0, str(text), str(run)]
    except (ValueError, TypeError) as cause:
        raise InvalidInput(
            "tracking.page_token",
            "The page token does not belong to this list.",
            hint="Start again without it.",
        ) from cause
