"""The records of data quality: checks, suites, and what a scan found."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from millwright.data.quality.arguments import Scalar
from millwright.kernel.errors import InvalidInput
from millwright.kernel.record import Record

Severity = Literal["info", "warn", "block"]
Status = Literal["proposed", "confirmed"]
Verdict = Literal["passed", "warned", "blocked"]

QUARANTINE: Final = ".quarantine"
"""What the name of the dataset of broken rows has behind the name of the one that they are of."""
EXAMPLES: Final = 5
"""Broken rows that a result names."""


class Check(Record):
    """One statement about a dataset, in the vocabulary of ``quality.vocabulary``.

    ``kind`` may also be a name of Great Expectations with its arguments: the record then holds
    our name and arguments. A proposed check never does more than warn; a confirmed one does what
    its severity says.
    """

    id: Annotated[str, Field(max_length=300)] = ""
    """``column:kind`` when not given; unique within a suite."""
    kind: str
    columns: tuple[str, ...] = ()
    arguments: dict[str, Any] = Field(default_factory=dict)
    """See ``vocabulary.KINDS[kind].arguments``; validated on the way in."""
    where: Annotated[str, Field(max_length=10_000)] = ""
    """Only rows for which this expression is true."""
    mostly: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    """The least share of counted rows that has to hold."""
    severity: Severity = "block"
    status: Status = "proposed"

    @model_validator(mode="before")
    @classmethod
    def _in_our_words(cls, given: Any) -> Any:
        from millwright.data.quality.vocabulary import in_our_words

        return in_our_words(given) if isinstance(given, dict) else given

    @property
    def column(self) -> str | None:
        """The one column it is about, if there is one."""
        return self.columns[0] if len(self.columns) == 1 else None

    @property
    def effect(self) -> Severity:
        """What a failure does: a check that nobody confirmed does not block."""
        return "warn" if self.status == "proposed" and self.severity == "block" else self.severity

    @property
    def sentence(self) -> str:
        """The check for people."""
        from millwright.data.quality.sentences import sentence

        return sentence(self)


class Suite(Record):
    """The checks of a dataset; each has an id of its own."""

    checks: tuple[Check, ...] = ()

    @model_validator(mode="after")
    def _ids_of_their_own(self) -> Suite:
        ids = [check.id for check in self.checks]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise InvalidInput(
                "data.duplicate_check",
                f"Two checks have the id '{twice}'.",
                hint="Give each an id of its own.",
                value=twice,
            )
        return self


class Example(Record):
    """A row that breaks a check: its number, counted from 1, and its value there."""

    row: int
    value: str | None


class CheckResult(Record):
    """What one check found."""

    check: Check
    passed: bool
    failed_rows: int
    rows: int
    """Rows that count for the check: within ``where``, and with a value where it needs one."""
    observed: Scalar | tuple[Scalar, ...] = None
    """The value of a statistic, for checks of one."""
    examples: tuple[Example, ...] = ()
    message: str
    error: str | None = None
    """The code of what kept the check from running. Such a check has not passed."""

    @property
    def severity(self) -> Severity:
        """Whether this failure stops the work."""
        return self.check.effect


class CheckReport(Record):
    """What all checks found: blocked if a confirmed blocking one failed, warned if another did."""

    rows: int
    """Rows of the table."""
    rows_read: int
    """Rows that were read for it: always all of them."""
    broken_rows: int = 0
    """Rows that break at least one check about rows."""
    quarantined: int = 0
    """How many of those are in the quarantine table."""
    verdict: Verdict
    results: tuple[CheckResult, ...]

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed, those that block first."""
        order = {"block": 0, "warn": 1, "info": 2}
        failed = [result for result in self.results if not result.passed]
        return tuple(sorted(failed, key=lambda result: order[result.severity]))


def verdict_of(results: tuple[CheckResult, ...]) -> Verdict:
    """The worst effect among the failures; one that only informs leaves it passed."""
    failed = {result.severity for result in results if not result.passed}
    return "blocked" if "block" in failed else "warned" if "warn" in failed else "passed"
