"""Assessments of traces, by the MLflow protocol."""

from __future__ import annotations

import re
from typing import Any

from millwright.kernel.access import Permission
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall
from millwright.tracking.mlflow.errors import bad_value, missing
from millwright.tracking.traces import assessing, wire

endpoints = Endpoints()
_ALL = "traces/{trace_id}/assessments"
_ONE = f"{_ALL}/{{assessment_id}}"
_CAPITAL = re.compile(r"[A-Z]")
_PATHS = ("assessment_name", "expectation", "feedback", "rationale", "metadata", "valid")


@endpoints.post(_ALL, permission=Permission.WRITE)
def create_assessment(call: MlflowCall) -> object:
    """Record feedback on a trace, or what was expected of it."""
    sent = _sent(call.fields())
    with call.store.write(call.actor, call.project) as tx:
        row = assessing.create(tx, call.project, call.parts["trace_id"], sent)
    return {"assessment": wire.assessment(row)}


@endpoints.get(_ONE, permission=Permission.READ)
def get_assessment(call: MlflowCall) -> object:
    """One assessment."""
    with call.store.read() as connection:
        row = assessing.get(connection, call.project, *_named(call))
    return {"assessment": wire.assessment(row)}


@endpoints.patch(_ONE, permission=Permission.WRITE)
def update_assessment(call: MlflowCall) -> object:
    """Change what the mask names."""
    given = call.fields()
    sent, mask = _sent(given), given.get("update_mask")
    if not mask:
        raise missing("update_mask")
    with call.store.write(call.actor, call.project) as tx:
        row = assessing.change(tx, call.project, *_named(call), sent, _paths(mask))
    return {"assessment": wire.assessment(row)}


@endpoints.delete(_ONE, permission=Permission.WRITE)
def delete_assessment(call: MlflowCall) -> object:
    """Remove an assessment; removing one that is not there changes nothing."""
    with call.store.write(call.actor, call.project) as tx:
        assessing.remove(tx, call.project, *_named(call))
    return {}


def _named(call: MlflowCall) -> tuple[str, str]:
    return call.parts["trace_id"], call.parts["assessment_id"]


def _sent(given: dict[str, Any]) -> dict[str, Any]:
    sent = given.get("assessment")
    if sent is None:
        raise missing("assessment")
    if not isinstance(sent, dict):
        raise bad_value("assessment", sent)
    return sent


def _paths(mask: object) -> list[str]:
    """The fields a mask names: ``"assessmentName,feedback"``, or ``{"paths": [...]}``."""
    if isinstance(mask, dict):
        mask = ",".join(str(path) for path in mask.get("paths", []))
    if not isinstance(mask, str):
        raise bad_value("update_mask", mask)
    found = [
        _CAPITAL.sub(lambda m: f"_{m[0].lower()}", path.strip().partition(".")[0])
        for path in mask.split(",")
    ]
    return [path for path in found if path in _PATHS]
