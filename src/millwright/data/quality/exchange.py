"""The records of data quality that cross the API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from millwright.data.quality.records import CheckReport, Suite, Verdict
from millwright.kernel.record import Record


class DatasetSuite(Record):
    """The checks of a dataset: the newest edit, or an earlier one; none where ``number`` is 0."""

    name: str
    number: int = 0
    """Counts the edits, from 1."""
    suite: Suite = Suite()
    source: str = ""
    """What the edit was: inferred, edited, imported, confirmed, withdrawn."""
    updated_at: str | None = None
    updated_by: str | None = None


class NewSuite(Record):
    """Checks to take the place of those that nobody confirmed."""

    suite: Suite
    source: Annotated[str, Field(max_length=200)] = "edited"


class Confirmation(Record):
    """A person's word on checks: from now on they block (or, withdrawn, only warn again)."""

    checks: tuple[str, ...] = ()
    """Ids of checks."""
    all: bool = False
    confirmed: bool = True
    including_broken: bool = False
    """With ``all``, also those that the newest version breaks."""


class NewCheck(Record):
    """How to check a version."""

    quarantine: bool = True
    """Keep the broken rows as a table."""
    whole_rows: bool = False
    """With all columns, not only those that the checks read."""


class VersionCheck(Record):
    """What checking a version against the suite of its day found."""

    id: str
    name: str
    version: int
    suite: int
    """The number of the suite."""
    verdict: Verdict
    report: CheckReport
    quarantine: str | None = None
    """The digest of the table of broken rows."""
    kept_as: str | None = None
    """The version of a dataset of its own that this table is: ``NAME.quarantine@NUMBER``."""
    override: str | None = None
    """Why somebody lets the version through all the same."""
    created_at: str
    created_by: str


class CheckPoint(Record):
    """One check on one version."""

    version: int
    passed: bool
    failed_rows: int
    rows: int
    observed: float | None = None
    error: str | None = None
    checked_at: str


class CheckSeries(Record):
    """One check over the versions, oldest first."""

    check: str
    sentence: str
    points: tuple[CheckPoint, ...]


class QuarantinePage(Record):
    """Broken rows of a version, whole, with the checks that each breaks."""

    total: int
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    """``broken_row`` (from 1), ``broken_checks``, and the row's values."""


class Override(Record):
    """A person's word that a version may feed runs although it breaks its contract."""

    reason: Annotated[str, Field(min_length=3, max_length=2000)]
    withdrawn: bool = False


class Standing(Record):
    """Where a version stands with its contract."""

    verdict: Verdict | None = None
    """Of its newest check; None where it was never checked."""
    override: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it may feed a run."""
        return self.verdict != "blocked" or self.override is not None


class Untranslated(Record):
    """What a file of checks said that we do not have."""

    where: str
    why: str


class ImportedSuite(Record):
    """The checks of a file, and what could not be translated."""

    format: str
    suite: Suite
    untranslated: tuple[Untranslated, ...] = ()


class SuiteFile(Record):
    """A file of checks, of Great Expectations, pandera or an Open Data Contract."""

    content: Annotated[str, Field(max_length=5_000_000)]
    filename: Annotated[str, Field(max_length=300)] = ""
