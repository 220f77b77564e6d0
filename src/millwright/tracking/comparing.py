"""Several runs beside each other: their curves, their environments, what their metric depends on."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from millwright.kernel.errors import InvalidInput
from millwright.kernel.record import Record
from millwright.kernel.store import Store
from millwright.tracking.importance import ParameterImportance, importances
from millwright.tracking.records import Key, Run, Step
from millwright.tracking.run_table.cells import details
from millwright.tracking.run_table.ordering import order_of
from millwright.tracking.run_table.records import TableView
from millwright.tracking.service.decimation import thinned
from millwright.tracking.service.runs import load_runs
from millwright.tracking.service.statements import execute, fetch, marks

MOST_RUNS = 200
_MOST_SERIES = 2_000
_MOST_POINTS = 400_000
_IMPORTANT_RUNS = 10_000


class CurvesQuestion(Record):
    """Which metrics of which runs; ``limit`` points of each at most, the extremes of each stretch."""

    runs: Annotated[tuple[str, ...], Field(max_length=MOST_RUNS)]
    keys: Annotated[tuple[Key, ...], Field(max_length=200)]
    limit: Annotated[int, Field(ge=2, le=20_000)] = 1_000
    first_step: Step | None = None
    last_step: Step | None = None


class Curve(Record):
    """The points of one metric of one run, in columns; None stands for NaN and infinities."""

    run: str
    key: str
    steps: tuple[int, ...]
    times: tuple[int, ...]
    """Milliseconds since 1970."""
    values: tuple[float | None, ...]


class ComparedRuns(Record):
    """Runs in the order that was asked for, and the packages of their environments."""

    runs: tuple[Run, ...]
    packages: dict[str, dict[str, str]]
    """Version by package, by the digest that the environments of runs name."""


def curves(store: Store, project: str, asked: CurvesQuestion) -> list[Curve]:
    """The curves of runs; those of unknown runs and metrics are left out.

    Raises:
        InvalidInput: too many at once.
    """
    wanted = len(asked.runs) * len(asked.keys)
    if wanted > _MOST_SERIES:
        raise InvalidInput(
            "tracking.curves",
            f"{wanted} curves are more than can be drawn at once.",
            hint=f"Ask for at most {_MOST_SERIES}.",
        )
    limit = max(2, min(asked.limit, _MOST_POINTS // max(1, wanted)))
    query = "SELECT step, time_ms, value, is_nan FROM run_metrics WHERE run_no = ? AND key = ?"
    bounds: list[int] = []
    for comparison, bound in ((">=", asked.first_step), ("<=", asked.last_step)):
        if bound is not None:
            query += f" AND step {comparison} ?"
            bounds.append(bound)
    query += " ORDER BY step, time_ms, value, is_nan"
    found = []
    with store.read() as connection:
        numbers = _numbers(connection, project, asked.runs)
        for run, no in numbers.items():
            for key in asked.keys:
                rows = fetch(connection, query, no, key, *bounds)
                if rows:
                    found.append(_curve(run, key, rows, limit))
    return found


def compared(store: Store, project: str, wanted: tuple[str, ...]) -> ComparedRuns:
    """Runs by id, whole, with the packages they ran with; unknown ones are left out.

    Raises:
        InvalidInput: too many at once.
    """
    if len(wanted) > MOST_RUNS:
        raise InvalidInput(
            "tracking.compare",
            f"{len(wanted)} runs are too many to compare.",
            hint=f"Choose at most {MOST_RUNS}.",
        )
    with store.read() as connection:
        query = (
            "SELECT * FROM runs "  # noqa: S608
            f"WHERE project = ? AND deleted_ms IS NULL AND id IN {marks(len(wanted))}"
        )
        rows = execute(connection, query, project, *wanted).all() if wanted else []
        places = {run: place for place, run in enumerate(wanted)}
        runs = load_runs(connection, sorted(rows, key=lambda row: places[row.id]))
    digests = {run.environment.digest for run in runs if run.environment is not None}
    objects = store.objects.of(project)
    return ComparedRuns(
        runs=tuple(runs),
        packages={
            digest: _pins(objects.read(digest).decode("utf-8", "replace"))
            for digest in sorted(filter(None, digests))
            if objects.has(digest)
        },
    )


def parameter_importance(
    store: Store, project: str, view: TableView, metric: str
) -> list[ParameterImportance]:
    """What a metric depends on among the runs of a view, the newest 10,000 of them at most.

    Raises:
        InvalidInput: the filter is not understood.
    """
    with store.read() as connection:
        numbers = order_of(connection, project, view).numbers[:_IMPORTANT_RUNS]
        params: dict[str, list[object]] = {}
        places = {number: place for place, number in enumerate(numbers)}
        values = [math.nan] * len(numbers)
        only: dict[str, list[str]] = {"metrics": [metric], "params": [], "tags": []}
        for start in range(0, len(numbers), 500):
            chunk = numbers[start : start + 500]
            for number, _, cell in details(connection, chunk, only):
                values[places[number]] = float(cell)  # type: ignore[arg-type]
            query = f"SELECT run_no, key, value, kind FROM run_params WHERE run_no IN {marks(len(chunk))}"  # noqa: S608
            for number, key, value, kind in fetch(connection, query, *chunk):
                column = params.setdefault(key, [None] * len(numbers))
                column[places[number]] = None if kind == "n" else value
    return importances(values, params)  # type: ignore[arg-type]


def _numbers(connection: Connection, project: str, ids: tuple[str, ...]) -> dict[str, int]:
    if not ids:
        return {}
    query = (
        "SELECT id, no FROM runs "  # noqa: S608
        f"WHERE project = ? AND deleted_ms IS NULL AND id IN {marks(len(ids))}"
    )
    known = {row[0]: row[1] for row in fetch(connection, query, project, *ids)}
    return {run: known[run] for run in ids if run in known}


def _curve(run: str, key: str, rows: list[tuple[int, int, float, int]], limit: int) -> Curve:
    chosen = thinned([math.nan if row[3] else row[2] for row in rows], limit)
    return Curve.model_construct(
        run=run,
        key=key,
        steps=tuple(rows[i][0] for i in chosen),
        times=tuple(rows[i][1] for i in chosen),
        values=tuple(
            rows[i][2] if not rows[i][3] and math.isfinite(rows[i][2]) else None for i in chosen
        ),
    )


def _pins(text: str) -> dict[str, str]:
    """Pinned requirements by package.

    >>> _pins("numpy==2.1.0\\n# more\\n")
    {'numpy': '2.1.0'}
    """
    pairs = (line.partition("==") for line in text.splitlines())
    return {name.strip(): version.strip() for name, pin, version in pairs if pin}
