"""Metric points into the tables: many requests, one statement; and what the event log says of them.

Decision 0018: points are observations, not changes of state that somebody decided, and a training
loop logs thousands. The log gets at most one event per run and second, which sums up the points
since the one before.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from millwright.kernel.access import Actor
from millwright.kernel.plain_sql import perform, perform_many
from millwright.kernel.store import Transaction
from millwright.tracking.service.statements import run_rows

Point = tuple[str, int, int, float, int]
"""Key, step, milliseconds since the epoch, value (0 for NaN), whether it is NaN."""
REPORT_SECONDS = 1.0
MAX_KEYS = 200
Refuse = Callable[[str, Any], Exception | None]

_INSERT = (
    "INSERT INTO run_metrics (run_no, key, step, time_ms, value, is_nan) "
    "{rows} ON CONFLICT DO NOTHING"
)
_LATEST = (
    "INSERT INTO run_latest_metrics "
    "(run_no, key, step, time_ms, value, is_nan, experiment_no) {rows} "
    "ON CONFLICT (run_no, key) DO UPDATE SET step = excluded.step, time_ms = excluded.time_ms, "
    "value = excluded.value, is_nan = excluded.is_nan "
    "WHERE (excluded.step, excluded.time_ms, excluded.value) > "
    "(run_latest_metrics.step, run_latest_metrics.time_ms, run_latest_metrics.value)"
)
_MARKS = "(?,?,?,?,?,?)"
_AT_ONCE = 100
"""Rows that SQLite is given in one statement: a fifth less work than one by one, and within the
number of values that every build of it takes."""
_MANY = _INSERT.format(rows=f"VALUES {','.join([_MARKS] * _AT_ONCE)}")
_POINT = "SELECT * FROM unnest(?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::float8[], ?::smallint[])"
_POINT_IN = _POINT.replace("smallint[])", "smallint[], ?::bigint[])")


@dataclass(slots=True)
class MetricWrite:
    """Points of one run, checked already; ``refuse`` says why a run's state forbids them."""

    actor: Actor
    project: str
    run: str
    rows: list[Point]
    refuse: Refuse
    beside: Callable[[Transaction, Any], None] | None = None
    """Something to write with them, given the run's row."""

    def with_more(self, also: Callable[[Transaction, Any], None]) -> MetricWrite:
        """The same write, with something else beside it."""
        first = self.beside

        def both(tx: Transaction, run: Any) -> None:
            if first is not None:
                first(tx, run)
            also(tx, run)

        return replace(self, beside=both)


@dataclass(slots=True)
class _Report:
    actor: Actor
    project: str
    keys: set[str] = field(default_factory=set)
    points: int = 0
    last: float = -math.inf


class Reports:
    """What was logged to which run since the last event that said so."""

    def __init__(self) -> None:
        self._by_run: dict[str, _Report] = {}
        self.wrote = False
        """Whether the last ``record`` appended an event."""

    @property
    def pending(self) -> bool:
        """Whether something is not in the event log yet."""
        return any(report.points for report in self._by_run.values())

    def copied(self) -> Reports:
        """As it is now, to go back to when the transaction fails."""
        other = Reports()
        other._by_run = {
            run: _Report(known.actor, known.project, set(known.keys), known.points, known.last)
            for run, known in self._by_run.items()
        }
        return other

    def note(self, write: MetricWrite) -> None:
        """Points that are being written."""
        report = self._by_run.setdefault(write.run, _Report(write.actor, write.project))
        report.points += len(write.rows)
        if len(report.keys) < MAX_KEYS:
            report.keys.update(row[0] for row in write.rows)

    def due(self) -> bool:
        """Whether an event is to be written now."""
        left = self.seconds_left()
        return left is not None and left <= 0

    def seconds_left(self) -> float | None:
        """Until the next event; None if nothing waits for one."""
        lasts = [report.last for report in self._by_run.values() if report.points]
        return max(0.0, min(lasts) + REPORT_SECONDS - time.monotonic()) if lasts else None

    def record(
        self, transaction: Callable[[Actor, str], Transaction], *, everything: bool = False
    ) -> None:
        """Append the events that are due."""
        now = time.monotonic()
        self.wrote = False
        for run, report in list(self._by_run.items()):
            if not everything and now - report.last < REPORT_SECONDS:
                continue
            if not report.points:
                del self._by_run[run]
                continue
            keys = sorted(report.keys)[:MAX_KEYS]
            payload = {"keys": keys, "points": report.points}
            transaction(report.actor, report.project).event(
                "run.metrics-logged", f"run:{run}", payload
            )
            self.wrote = True
            report.points, report.last = 0, now
            report.keys.clear()


def points_of(rows: Sequence[tuple[str, int, int, float]]) -> list[Point]:
    """Key, step, time, value as rows of the table.

    >>> points_of([("a", 0, 1, float("nan"))])
    [('a', 0, 1, 0.0, 1)]
    """
    return [
        # NaN is the one number that is not itself; asking a function is many times slower.
        (key, step, at, value, 0) if value == value else (key, step, at, 0.0, 1)
        for key, step, at, value in rows
    ]


def write_points(
    connection: Connection, writes: Sequence[MetricWrite], reports: Reports
) -> list[Exception | None]:
    """Insert the points of all writes and bring the latest values up to date.

    Returns:
        For every write, why it was refused, or None.
    """
    known = run_rows(connection, {write.run for write in writes})
    errors: list[Exception | None] = []
    rows: list[tuple[Any, ...]] = []
    experiments: dict[int, int] = {}
    for write in writes:
        run = known.get(write.run)
        error = write.refuse(write.run, run if run and run.project == write.project else None)
        errors.append(error)
        if error is not None or run is None:
            continue
        experiments[run.no] = run.experiment_no
        no = run.no
        rows += [(no, *row) for row in write.rows]
        if write.rows:
            reports.note(write)
        if write.beside is not None:
            write.beside(Transaction(connection, write.actor, write.project), run)
    if rows:
        insert_points(connection, rows, experiments)
    return errors


def insert_points(
    connection: Connection, rows: list[tuple[Any, ...]], experiments: dict[int, int]
) -> None:
    """Insert points, each with its run's number in front; ``experiments`` by the run's number."""
    rows.sort()
    latest: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    for row in rows:
        # Sorted by step, time and value within a key, so the last one is the latest.
        latest[row[0], row[1]] = row
    newest = [(*row, experiments[row[0]]) for row in latest.values()]
    if connection.dialect.name == "postgresql":
        columns = [list(column) for column in zip(*rows, strict=True)]
        perform(connection, _INSERT.format(rows=_POINT), *columns)
        columns = [list(column) for column in zip(*newest, strict=True)]
        perform(connection, _LATEST.format(rows=_POINT_IN), *columns)
        return
    whole = len(rows) - len(rows) % _AT_ONCE
    for start in range(0, whole, _AT_ONCE):
        perform(connection, _MANY, *chain.from_iterable(rows[start : start + _AT_ONCE]))
    perform_many(connection, _INSERT.format(rows=f"VALUES {_MARKS}"), rows[whole:])
    perform_many(connection, _LATEST.format(rows="VALUES (?,?,?,?,?,?,?)"), newest)
