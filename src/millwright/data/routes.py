"""HTTP to the services of the data room."""

from __future__ import annotations

from fastapi import Depends

from millwright.data import checks_service, rules_service, service
from millwright.data.profile import TableProfile
from millwright.data.records import (
    Confirmation,
    Dataset,
    DatasetRules,
    DatasetVersion,
    NewVersion,
    VersionCheck,
)
from millwright.data.rules import RuleSet
from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="data")

_DATASETS = "/projects/{project}/datasets"
_DATASET = f"{_DATASETS}/{{name}}"
_VERSION = f"{_DATASET}/versions/{{version}}"


@router.get(_DATASETS, permission=Permission.READ)
def list_datasets(project: Name, call: Call = Depends(current_call)) -> list[Dataset]:
    """The datasets of a project, each with its latest version."""
    return service.list_datasets(call.store, project)


@router.post(f"{_DATASET}/versions", permission=Permission.WRITE)
def commit_version(
    project: Name, name: Name, body: NewVersion, call: Call = Depends(current_call)
) -> DatasetVersion:
    """Keep an uploaded Parquet object as the next version; the latest again if it is the same."""
    return service.commit_version(call.store, call.actor, project, name, body)


@router.get(f"{_DATASET}/versions", permission=Permission.READ)
def list_versions(
    project: Name, name: Name, call: Call = Depends(current_call)
) -> list[DatasetVersion]:
    """All versions of a dataset, newest first."""
    return service.list_versions(call.store, project, name)


@router.get(_VERSION, permission=Permission.READ)
def get_version(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> DatasetVersion:
    """One version, by number or `latest`."""
    return service.get_version(call.store, project, name, version)


@router.get(f"{_VERSION}/profile", permission=Permission.READ)
def get_profile(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> TableProfile:
    """What the columns of a version look like."""
    return service.get_profile(call.store, project, name, version)


@router.get(f"{_DATASET}/rules", permission=Permission.READ)
def get_rules(project: Name, name: Name, call: Call = Depends(current_call)) -> DatasetRules:
    """The rules of a dataset."""
    return rules_service.get_rules(call.store, project, name)


@router.put(f"{_DATASET}/rules", permission=Permission.WRITE)
def put_rules(
    project: Name, name: Name, body: RuleSet, call: Call = Depends(current_call)
) -> DatasetRules:
    """Replace the proposed rules; confirmed ones stay."""
    return rules_service.put_rules(call.store, call.actor, project, name, body)


@router.post(f"{_DATASET}/rules/confirm", permission=Permission.OPERATE)
def confirm_rules(
    project: Name, name: Name, body: Confirmation, call: Call = Depends(current_call)
) -> DatasetRules:
    """Confirm rules, so that a failure blocks; or withdraw the confirmation."""
    return rules_service.confirm_rules(call.store, call.actor, project, name, body)


@router.post(f"{_VERSION}/checks", permission=Permission.WRITE)
def check_version(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> VersionCheck:
    """Check a version against the rules as they are now."""
    return checks_service.check_version(call.store, call.actor, project, name, version)


@router.get(f"{_VERSION}/checks", permission=Permission.READ)
def list_checks(
    project: Name, name: Name, version: str, call: Call = Depends(current_call)
) -> list[VersionCheck]:
    """The checks of a version, newest first."""
    return checks_service.list_checks(call.store, project, name, version)
