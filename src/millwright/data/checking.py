"""Holding a table against the rules of its dataset."""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.rules import Rule, RuleSet, Severity
from millwright.kernel.record import Record

EXAMPLES: Final = 5

Verdict = Literal["passed", "warned", "blocked"]


class Example(Record):
    """A value that breaks a rule, and the number of its row, counted from 1."""

    row: int
    value: str | None


class RuleResult(Record):
    """What one rule found."""

    rule: Rule
    passed: bool
    failed_rows: int
    rows: int
    """Rows that the rule looked at."""
    examples: tuple[Example, ...] = ()
    message: str

    @property
    def severity(self) -> Severity:
        """Whether this failure stops the work."""
        return self.rule.severity


class CheckReport(Record):
    """What all rules found: blocked if a confirmed one failed, warned if a proposed one did."""

    rows: int
    verdict: Verdict
    results: tuple[RuleResult, ...]

    @property
    def failures(self) -> tuple[RuleResult, ...]:
        """The rules that failed, those that block first."""
        failed = [result for result in self.results if not result.passed]
        return tuple(sorted(failed, key=lambda result: result.severity))


def check_rules(table: pa.Table, rules: RuleSet) -> CheckReport:
    """Check every rule on every row of a canonical table."""
    results = tuple(_check(table, rule) for rule in rules.rules)
    failed = {result.severity for result in results if not result.passed}
    verdict: Verdict = "blocked" if "error" in failed else "warned" if failed else "passed"
    return CheckReport(rows=table.num_rows, verdict=verdict, results=results)


def _check(table: pa.Table, rule: Rule) -> RuleResult:
    if rule.check == "min_rows":
        enough = table.num_rows >= (rule.minimum or 0)
        return _result(rule, enough, 0, table.num_rows, f"It has {table.num_rows:,} rows.")
    if rule.column not in table.column_names:
        return _result(rule, False, table.num_rows, table.num_rows, "The column is missing.")
    values = table[rule.column]
    if rule.check == "type":
        # A column without values has no type to be wrong about.
        same = str(values.type) in rule.values or values.null_count == len(values)
        message = f"It holds {values.type}."
        return _result(rule, same, 0 if same else len(values), len(values), message)
    try:
        broken = _broken_rows(values, rule)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, TypeError):
        message = f"It holds {values.type}, which this rule cannot be checked on."
        return _result(rule, False, len(values), len(values), message)
    failed = pc.sum(broken).as_py() or 0
    passed = failed <= rule.tolerance * len(values)
    message = f"{failed:,} of {len(values):,} rows break it." if failed else "No row breaks it."
    return _result(rule, passed, failed, len(values), message, _examples(values, broken))


def _broken_rows(values: pa.ChunkedArray, rule: Rule) -> pa.ChunkedArray:
    """True for every row that breaks the rule; a null breaks ``not_null`` only."""
    if rule.check == "not_null":
        nan = pa.types.is_floating(values.type)
        return pc.is_null(values, nan_is_null=nan)
    if rule.check == "allowed_values":
        known = pc.is_in(pc.cast(values, pa.string()), value_set=pa.array(rule.values, pa.string()))
        return pc.and_(pc.invert(known), pc.is_valid(values))
    if rule.check == "unique":
        encoded = values.combine_chunks().dictionary_encode()
        counts = pc.value_counts(encoded.indices)
        repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        return pc.and_(pc.is_in(encoded.indices, value_set=repeated), pc.is_valid(values))
    numbers = pc.cast(values, pa.float64(), safe=False)
    inside = pc.and_(
        pc.greater_equal(numbers, rule.minimum if rule.minimum is not None else float("-inf")),
        pc.less_equal(numbers, rule.maximum if rule.maximum is not None else float("inf")),
    )
    return pc.fill_null(pc.invert(inside), False)


def _examples(values: pa.ChunkedArray, broken: pa.ChunkedArray) -> tuple[Example, ...]:
    rows = pc.indices_nonzero(broken)[:EXAMPLES].to_pylist()
    found = [(row, values[row].as_py()) for row in rows]
    return tuple(Example(row=r + 1, value=None if v is None else str(v)[:100]) for r, v in found)


def _result(
    rule: Rule,
    passed: bool,
    failed: int,
    rows: int,
    message: str,
    examples: tuple[Example, ...] = (),
) -> RuleResult:
    return RuleResult(
        rule=rule,
        passed=passed,
        failed_rows=failed,
        rows=rows,
        examples=() if passed else examples,
        message=message,
    )
