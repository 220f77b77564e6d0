"""The records of the data room that cross the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from millwright.data.checking import CheckReport, Verdict
from millwright.data.rules import RuleSet
from millwright.data.schema import Column
from millwright.kernel.record import Record

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NewVersion(Record):
    """A request to keep uploaded Parquet as the next version of a dataset.

    Only the digest is taken on trust of being there; rows, columns and profile are read from the
    object itself.
    """

    digest: Digest
    source: Annotated[str, Field(max_length=1000)] = ""
    """Where the table came from, for people."""


class DatasetVersion(Record):
    """One version of a dataset: a table that never changes."""

    id: str
    project: str
    name: str
    version: int
    digest: str
    size: int
    """Bytes of the Parquet object."""
    rows: int
    columns: tuple[Column, ...]
    profile_digest: str
    source: str
    created_at: str
    created_by: str

    @property
    def reference(self) -> str:
        """``name@version``, as ``mw.dataset`` takes it."""
        return f"{self.name}@{self.version}"


class Dataset(Record):
    """A dataset and its latest version."""

    name: str
    versions: int
    latest: DatasetVersion


class DatasetRules(Record):
    """The rules of a dataset and who last changed them; none yet where ``updated_at`` is null."""

    name: str
    rules: RuleSet
    updated_at: str | None = None
    updated_by: str | None = None


class Confirmation(Record):
    """A person's word on rules: from now on they block (or, withdrawn, only warn again)."""

    rules: tuple[str, ...] = ()
    """Ids of rules."""
    all: bool = False
    confirmed: bool = True


class VersionCheck(Record):
    """What checking a version against the rules of its day found."""

    id: str
    name: str
    version: int
    verdict: Verdict
    report: CheckReport
    created_at: str
    created_by: str
