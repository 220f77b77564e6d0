"""The controllers' decisions through the door."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from millwright.automation.records import NewRetraining, Retraining
from millwright.kernel.door import Door


def list_retrainings(door: Door, project: str, *, limit: int = 100) -> list[Retraining]:
    """What the retraining policy decided, newest first."""
    answer = door.get(f"/projects/{project}/retrainings", limit=limit)
    return [Retraining.model_validate(item) for item in answer]


def start_retraining(door: Door, project: str, deployment: str, reason: str) -> Retraining:
    """Train a challenger now, by a person's word."""
    path = f"{_deployment(project, deployment)}/retrainings"
    return Retraining.model_validate(door.post(path, NewRetraining(reason=reason)))


def outlook(door: Door, project: str, deployment: str) -> dict[str, Any]:
    """What the policies say of a deployment at this moment."""
    found: dict[str, Any] = door.get(f"{_deployment(project, deployment)}/outlook")
    return found


def _deployment(project: str, name: str) -> str:
    return f"/projects/{quote(project, safe='')}/deployments/{quote(name, safe='')}"
