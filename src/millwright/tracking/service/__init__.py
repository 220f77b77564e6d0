"""Every change and query of tracking, each change in one transaction with its event."""

from __future__ import annotations

from millwright.tracking.service.artifacts import artifact, artifacts, log_artifact
from millwright.tracking.service.carrying import take
from millwright.tracking.service.deletion import bring_back, hide, purge
from millwright.tracking.service.metrics import log_metrics, metric_history
from millwright.tracking.service.runs import (
    create_run,
    get_run,
    log_inputs,
    log_params,
    patch_run,
    set_tags,
)
from millwright.tracking.service.search import list_runs

__all__ = [
    "artifact",
    "artifacts",
    "bring_back",
    "create_run",
    "get_run",
    "hide",
    "list_runs",
    "log_artifact",
    "log_inputs",
    "log_metrics",
    "log_params",
    "metric_history",
    "patch_run",
    "purge",
    "set_tags",
    "take",
]
