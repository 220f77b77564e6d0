"""What happens to a model while it serves: the prediction log, drift, performance, alerts.

The public face. Names load when they are used, so importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millwright.monitoring.api import table_of
    from millwright.monitoring.client import send_labels
    from millwright.monitoring.drift import Reference, drifted_share, make_reference, table_drift
    from millwright.monitoring.evaluate import MonitorController
    from millwright.monitoring.policy.loss import LossCount, LossDetector, LossRise, loss_rise
    from millwright.monitoring.records import Alert, Label, LabelBatch, Traffic, Window
    from millwright.monitoring.rewards import rewards_of
    from millwright.monitoring.service import (
        acknowledge_alert,
        add_labels,
        began_of,
        event_time_of,
        first_event_time_of,
        labels_between,
        list_alerts,
        list_windows,
        recent_traffic,
        unresolved_alerts,
    )
    from millwright.monitoring.trial import Trial, trial_of

_HOMES = {
    "table_drift": "drift",
    "make_reference": "drift",
    "drifted_share": "drift",
    "Reference": "drift",
    "Alert": "records",
    "Label": "records",
    "LabelBatch": "records",
    "LossCount": "policy.loss",
    "LossDetector": "policy.loss",
    "LossRise": "policy.loss",
    "MonitorController": "evaluate",
    "Traffic": "records",
    "Trial": "trial",
    "Window": "records",
    "acknowledge_alert": "service",
    "add_labels": "service",
    "began_of": "service",
    "event_time_of": "service",
    "first_event_time_of": "service",
    "labels_between": "service",
    "list_alerts": "service",
    "list_windows": "service",
    "loss_rise": "policy.loss",
    "recent_traffic": "service",
    "rewards_of": "rewards",
    "send_labels": "client",
    "table_of": "api",
    "trial_of": "trial",
    "unresolved_alerts": "service",
}

__all__ = [
    "Alert",
    "Label",
    "LabelBatch",
    "LossCount",
    "LossDetector",
    "LossRise",
    "MonitorController",
    "Reference",
    "Traffic",
    "Trial",
    "Window",
    "acknowledge_alert",
    "add_labels",
    "began_of",
    "drifted_share",
    "event_time_of",
    "first_event_time_of",
    "labels_between",
    "list_alerts",
    "list_windows",
    "loss_rise",
    "make_reference",
    "recent_traffic",
    "rewards_of",
    "send_labels",
    "table_drift",
    "table_of",
    "trial_of",
    "unresolved_alerts",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
