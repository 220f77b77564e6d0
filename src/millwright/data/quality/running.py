"""A suite over a table: planned check by check, scanned once, concluded.

A check that cannot run has not passed: its result carries the code of what kept it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa

from millwright.data.canonical_form import canonical
from millwright.data.quality.findings import Finding
from millwright.data.quality.kinds import KINDS
from millwright.data.quality.planning import Conclusion, Scene, plan
from millwright.data.quality.quarantine import TakenRows, broken_rows, merged
from millwright.data.quality.records import (
    EXAMPLES,
    Check,
    CheckReport,
    CheckResult,
    Example,
    Suite,
    verdict_of,
)
from millwright.data.quality.reducers import Rows
from millwright.data.quality.scanning import Source, families_of, open_source, scan
from millwright.data.quality.world import World
from millwright.kernel.errors import MillwrightError

T = TypeVar("T")

QUARANTINE_ROWS: Final = 500_000
"""Broken rows that a quarantine keeps at most, the first ones; all are counted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a suite found, and the broken rows where they were asked for."""

    report: CheckReport
    quarantine: pa.Table | None = None
    """``broken_row`` (from 1), ``broken_checks`` (ids), and the columns of the table."""


Failure = tuple[str, str]
"""The code and the message of what kept a check from running."""


def run_checks(
    data: Path | pa.Table,
    suite: Suite,
    *,
    world: World | None = None,
    quarantine: bool = False,
    whole_rows: bool = False,
) -> Checked:
    """Check every row of a table against a suite, in one streaming pass.

    Args:
        data: a Parquet file in canonical form, or a table (brought into it).
        suite: the checks.
        world: other versions and the time, for checks that need them.
        quarantine: take the broken rows along.
        whole_rows: with all columns; otherwise with those that the checks read.

    Raises:
        InvalidInput: the data is no table.
        Corrupt: the file does not hold as many rows as it says.
    """
    table = canonical(data) if isinstance(data, pa.Table) else data
    with open_source(table) as source:
        run = _Run(source, suite.checks, world or World(), quarantine, whole_rows)
        return run.whole()


class _Run:
    """One suite on one table."""

    def __init__(
        self,
        source: Source,
        checks: tuple[Check, ...],
        world: World,
        quarantine: bool,
        whole_rows: bool,
    ) -> None:
        self.source = source
        self.checks = checks
        self.world = world
        self.quarantine = quarantine
        self.families = families_of(source.schema)
        self.limit = QUARANTINE_ROWS if quarantine else EXAMPLES
        self.failures: dict[str, Failure] = {}
        self.columns = list(source.schema.names) if whole_rows else self._columns_read()
        self.marks = np.zeros(source.rows // 8 + 1, np.uint8)

    def whole(self) -> Checked:
        findings, read, taken, places = self._scanned()
        broken = {
            check.id: findings[check.id].broken.rows  # type: ignore[union-attr]
            for check in self.checks
            if check.id in findings and findings[check.id].broken is not None
        }
        table = None
        if self.quarantine:
            assert taken is not None
            known = TakenRows(taken, places)
            table = broken_rows(self.source, broken, known, self.columns, self.limit)
        examples = self._examples(broken, findings)
        results = tuple(self._result(check, findings, examples) for check in self.checks)
        report = CheckReport(
            rows=self.source.rows,
            rows_read=read,
            broken_rows=int(np.bitwise_count(self.marks).sum()),
            quarantined=0 if table is None else table.num_rows,
            verdict=verdict_of(results),
            results=results,
        )
        return Checked(report, table)

    def _scanned(self) -> tuple[dict[str, Finding], int, pa.Table | None, Rows]:
        """Plan and scan all checks; where the engine fails, find out which check it was."""
        chosen = list(self.checks)
        if not self._all_bind():
            chosen = [check for check in self.checks if self._binds(check)]
        try:
            return self._fused(chosen)
        except _engine_errors():
            for check in chosen:
                self._alone(check)
            left = [check for check in chosen if check.id not in self.failures]
            self.marks[:] = 0
            return self._fused(left)

    def _fused(
        self, checks: Sequence[Check]
    ) -> tuple[dict[str, Finding], int, pa.Table | None, Rows]:
        scene = self._scene()
        conclusions: dict[str, Conclusion] = {}
        for check in checks:
            planned = self._guarded(check, lambda check=check: plan(check, scene))  # type: ignore[misc]
            if planned is not None:
                conclusions[check.id] = planned
        keep = self.columns if self.quarantine else None
        read, taken, places = scan(self.source, [*scene.reducers.values()], keep, self.limit)
        findings: dict[str, Finding] = {}
        for check in checks:
            if check.id in conclusions:
                finding = self._guarded(check, conclusions[check.id])
                if finding is not None:
                    findings[check.id] = finding
        return findings, read, taken, places

    def _scene(self) -> Scene:
        return Scene(
            schema=self.source.schema,
            families=self.families,
            rows=self.source.rows,
            limit=self.limit,
            world=self.world,
            texts=self.source.texts,
            marks=self.marks,
        )

    def _guarded(self, check: Check, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except MillwrightError as error:
            self.failures[check.id] = (error.code, str(error))
        except (TypeError, ValueError, OverflowError, ArithmeticError, pa.ArrowException) as error:
            self.failures[check.id] = ("data.check_failed", f"It cannot be computed: {error}.")
        return None

    def _all_bind(self) -> bool:
        """Whether the engine understands all checks at once, which is asked first."""
        scene = self._scene()
        for check in self.checks:
            self._guarded(check, lambda check=check: plan(check, scene))  # type: ignore[misc]
        if self.failures:
            return False
        wants = [sql for reducer in scene.reducers.values() for sql in reducer.wants]
        try:
            self._prepare(list(dict.fromkeys(wants)) or ["true"])
        except _engine_errors():
            return False
        return True

    def _binds(self, check: Check) -> bool:
        """Whether the engine understands the check's SQL on this table's types."""
        scene = self._scene()
        if self._guarded(check, lambda: plan(check, scene)) is None:
            return False
        wants = [sql for reducer in scene.reducers.values() for sql in reducer.wants]
        if not wants:
            return True
        try:
            self._prepare(wants)
        except _engine_errors() as error:
            self.failures[check.id] = ("data.check_does_not_fit", _told(error))
            return False
        return True

    def _prepare(self, wants: list[str]) -> None:
        from millwright.data.quality.scanning import statement

        sql = statement(self.source, wants, [], None)
        self.source.connection.execute(f"EXPLAIN {sql}").fetchall()

    def _alone(self, check: Check) -> None:
        scene = self._scene()
        plan(check, scene)
        try:
            scan(self.source, [*scene.reducers.values()])
        except _engine_errors() as error:
            self.failures[check.id] = ("data.check_failed", _told(error))

    def _columns_read(self) -> list[str]:
        from millwright.data.quality.expressions import columns_of

        read: dict[str, None] = {}
        for check in self.checks:
            read |= dict.fromkeys(column for column in check.columns if column in self.families)
            for text in (check.where, str(check.arguments.get("expression", ""))):
                try:
                    read |= dict.fromkeys(columns_of(text, self.families) if text else ())
                except MillwrightError:
                    continue
        return [name for name in self.source.schema.names if name in read]

    def _examples(
        self, broken: dict[str, Rows], findings: dict[str, Finding]
    ) -> dict[str, tuple[Example, ...]]:
        """The first broken rows of each failed check, with their values."""
        wanted = {key: rows[:EXAMPLES] for key, rows in broken.items() if not findings[key].passed}
        rows = merged(list(wanted.values()))
        if len(rows) == 0:
            return {}
        by_id = {check.id: check for check in self.checks}
        columns = sorted({c for key in wanted for c in by_id[key].columns if c in self.families})
        table = self.source.take(rows, columns) if columns else None
        return {
            key: tuple(_example(int(row), by_id[key], table, rows) for row in numbers)
            for key, numbers in wanted.items()
        }

    def _result(
        self,
        check: Check,
        findings: dict[str, Finding],
        examples: dict[str, tuple[Example, ...]],
    ) -> CheckResult:
        if check.id in self.failures:
            code, message = self.failures[check.id]
            return CheckResult(
                check=check, passed=False, failed_rows=0, rows=0, message=message, error=code
            )
        found = findings[check.id]
        return CheckResult(
            check=check,
            passed=found.passed,
            failed_rows=found.failed_rows,
            rows=found.rows,
            observed=_plain(found.observed),
            examples=examples.get(check.id, ()),
            message=found.message or KINDS[check.kind].meaning,
        )


def _engine_errors() -> tuple[type[Exception], ...]:
    import duckdb

    return (duckdb.Error, pa.ArrowException)


def _told(error: Exception) -> str:
    first = str(error).strip().splitlines()[0][:300]
    return f"The check does not fit what the columns hold: {first}"


def _example(row: int, check: Check, table: pa.Table | None, rows: Rows) -> Example:
    if table is None:
        return Example(row=row + 1, value=None)
    place = int(np.searchsorted(rows, row))
    values = [
        table[column][place].as_py() for column in check.columns if column in table.column_names
    ]
    known = [value for value in values if value is not None]
    shown = ", ".join("missing" if value is None else str(value) for value in values)
    return Example(row=row + 1, value=shown[:100] if known else None)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
