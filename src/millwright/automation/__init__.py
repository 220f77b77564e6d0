"""The controllers: what should be true is compared with what is true, and acted upon."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.automation.candidates import Registered
    from millwright.automation.client import list_retrainings
    from millwright.automation.lifecycle import FeatureReport, SearchReport
    from millwright.automation.loop import ControlLoop
    from millwright.automation.records import Retraining
    from millwright.automation.sources import Snapshot
    from millwright.automation.training import registered_by, train_in_worker, train_project

_HOMES = {
    "ControlLoop": "loop",
    "FeatureReport": "lifecycle",
    "Registered": "candidates",
    "Retraining": "records",
    "SearchReport": "lifecycle",
    "Snapshot": "sources",
    "list_retrainings": "client",
    "registered_by": "training",
    "train_in_worker": "training",
    "train_project": "training",
}
__all__ = [
    "ControlLoop",
    "FeatureReport",
    "Registered",
    "Retraining",
    "SearchReport",
    "Snapshot",
    "list_retrainings",
    "registered_by",
    "train_in_worker",
    "train_project",
]


def __getattr__(name: str) -> Any:
    # The training stack is loaded by whoever trains, not by whoever names the room.
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.automation' has no attribute '{name}'")
    return getattr(import_module(f"millwright.automation.{_HOMES[name]}"), name)
