"""Data quality from Python, through the door."""

from __future__ import annotations

from millwright.data.quality.exchange import (
    CheckSeries,
    Confirmation,
    DatasetSuite,
    ImportedSuite,
    NewCheck,
    NewSuite,
    Override,
    QuarantinePage,
    SuiteFile,
    VersionCheck,
)
from millwright.data.quality.records import Suite
from millwright.kernel.door import Door


def get_suite(door: Door, project: str, name: str, number: int | None = None) -> DatasetSuite:
    """The checks of a dataset as they stand, or as they stood at an earlier edit."""
    query = {} if number is None else {"number": number}
    return DatasetSuite.model_validate(door.get(f"{_path(project, name)}/suite", **query))


def put_suite(
    door: Door, project: str, name: str, suite: Suite, source: str = "edited"
) -> DatasetSuite:
    """Replace the proposed checks of a dataset; confirmed ones stay."""
    request = NewSuite(suite=suite, source=source)
    return DatasetSuite.model_validate(door.put(f"{_path(project, name)}/suite", request))


def confirm_checks(door: Door, project: str, name: str, word: Confirmation) -> DatasetSuite:
    """Confirm checks, so that a failure blocks; or withdraw the confirmation."""
    return DatasetSuite.model_validate(door.post(f"{_path(project, name)}/suite/confirm", word))


def translate_suite(door: Door, project: str, name: str, file: SuiteFile) -> ImportedSuite:
    """The checks of a file of another tool, in our words; nothing is kept."""
    return ImportedSuite.model_validate(door.post(f"{_path(project, name)}/suite/translate", file))


def check(
    door: Door,
    project: str,
    name: str,
    version: int | str | None = None,
    request: NewCheck | None = None,
) -> VersionCheck:
    """Check a version (the latest when None) against the suite as it is now."""
    address = f"{_version(project, name, version)}/checks"
    return VersionCheck.model_validate(door.post(address, request or NewCheck()))


def list_checks(
    door: Door, project: str, name: str, version: int | str | None = None
) -> list[VersionCheck]:
    """The checks of a version, newest first."""
    found = door.get(f"{_version(project, name, version)}/checks")
    return [VersionCheck.model_validate(one) for one in found]


def history_of_checks(door: Door, project: str, name: str) -> list[CheckSeries]:
    """Each check over the versions of a dataset."""
    return [CheckSeries.model_validate(one) for one in door.get(f"{_path(project, name)}/checks")]


def read_quarantine(
    door: Door, project: str, name: str, version: int | str | None = None, offset: int = 0
) -> QuarantinePage:
    """Broken rows of a version, whole, with the checks that each breaks."""
    address = f"{_version(project, name, version)}/quarantine"
    return QuarantinePage.model_validate(door.get(address, offset=offset))


def override(
    door: Door, project: str, name: str, version: int | str | None, word: Override
) -> VersionCheck:
    """Let a version feed runs although it breaks its contract; or take that back."""
    address = f"{_version(project, name, version)}/override"
    return VersionCheck.model_validate(door.post(address, word))


def _path(project: str, name: str) -> str:
    return f"/projects/{project}/datasets/{name}"


def _version(project: str, name: str, version: int | str | None) -> str:
    return f"{_path(project, name)}/versions/{'latest' if version is None else version}"
