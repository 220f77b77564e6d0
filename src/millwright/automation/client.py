"""The controllers' decisions through the door."""

from __future__ import annotations

from millwright.automation.records import Retraining
from millwright.kernel.door import Door


def list_retrainings(door: Door, project: str, *, limit: int = 100) -> list[Retraining]:
    """What the retraining policy decided, newest first."""
    answer = door.get(f"/projects/{project}/retrainings", limit=limit)
    return [Retraining.model_validate(item) for item in answer]
