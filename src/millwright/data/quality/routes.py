"""HTTP to the services of data quality."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import HTMLResponse

from millwright.data.quality import checks_service, suites_service
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
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="data")

_DATASET = "/projects/{project}/datasets/{name}"
_VERSION = f"{_DATASET}/versions/{{version}}"


@router.get(f"{_DATASET}/suite", permission=Permission.READ)
def get_suite(
    project: Name,
    name: Name,
    number: Annotated[int | None, Query(ge=1)] = None,
    call: Call = Depends(current_call),
) -> DatasetSuite:
    """The checks of a dataset as they stand, or as they stood at an earlier edit."""
    return suites_service.get_suite(call.store, project, name, number)


@router.put(f"{_DATASET}/suite", permission=Permission.WRITE)
def put_suite(
    project: Name, name: Name, body: NewSuite, call: Call = Depends(current_call)
) -> DatasetSuite:
    """Replace the proposed checks; confirmed ones stay."""
    return suites_service.put_suite(call.store, call.actor, project, name, body.suite, body.source)


@router.post(f"{_DATASET}/suite/confirm", permission=Permission.OPERATE)
def confirm_checks(
    project: Name, name: Name, body: Confirmation, call: Call = Depends(current_call)
) -> DatasetSuite:
    """Confirm checks, so that a failure blocks; or withdraw the confirmation."""
    if body.all and body.confirmed and not body.including_broken:
        checks_service.check_unless_checked(call.store, call.actor, project, name)
    return suites_service.confirm_checks(call.store, call.actor, project, name, body)


@router.post(f"{_DATASET}/suite/translate", permission=Permission.WRITE)
def translate_suite(
    project: Name, name: Name, body: SuiteFile, call: Call = Depends(current_call)
) -> ImportedSuite:
    """The checks of a file of Great Expectations, pandera or a data contract; nothing is kept."""
    from millwright.data.quality.imports import translated

    return translated(body.content, body.filename)


@router.get(f"{_DATASET}/checks", permission=Permission.READ)
def history_of_checks(
    project: Name,
    name: Name,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    call: Call = Depends(current_call),
) -> list[CheckSeries]:
    """Each check over the versions: one series per check."""
    return checks_service.history_of_checks(call.store, project, name, limit)


@router.post(f"{_VERSION}/checks", permission=Permission.WRITE)
def check_version(
    project: Name,
    name: Name,
    version: str,
    body: NewCheck | None = None,
    call: Call = Depends(current_call),
) -> VersionCheck:
    """Check a version against the suite as it is now, and keep its broken rows apart."""
    return checks_service.check_version(call.store, call.actor, project, name, version, body)


@router.get(f"{_VERSION}/checks", permission=Permission.READ)
def list_checks(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> list[VersionCheck]:
    """The checks of a version, newest first."""
    return checks_service.list_checks(call.store, project, name, version)


@router.get(f"{_VERSION}/quarantine", permission=Permission.READ)
def read_quarantine(
    project: Name,
    name: Name,
    version: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    call: Call = Depends(current_call),
) -> QuarantinePage:
    """The broken rows of a version, whole, with the checks that each breaks."""
    return checks_service.read_quarantine(call.store, project, name, version, offset, limit)


@router.post(f"{_VERSION}/override", permission=Permission.OPERATE)
def override(
    project: Name, name: Name, version: str, body: Override, call: Call = Depends(current_call)
) -> VersionCheck:
    """Let a version feed runs although it breaks its contract; or take that back."""
    return checks_service.override(call.store, call.actor, project, name, version, body)


@router.get(f"{_VERSION}/profile/report", permission=Permission.READ, response_class=HTMLResponse)
def profile_report(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> HTMLResponse:
    """The profile of a version as one page of HTML that needs nothing else."""
    from millwright.data.quality.profile_service import report_page

    return HTMLResponse(report_page(call.store, project, name, version))
