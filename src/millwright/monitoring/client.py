"""Monitoring through the one door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.monitoring.records import (
    Alert,
    AlertStatus,
    Label,
    LabelBatch,
    LabelsAccepted,
    NewSilence,
    Silence,
    Told,
    Traffic,
    Window,
)

_BATCH = 50_000


def send_labels(
    door: Door,
    project: str,
    deployment: str,
    labels: Mapping[str, bool | float | str] | Sequence[Label],
) -> int:
    """Say what came true, by prediction id; how many were accepted.

    >>> send_labels(door, "flights", "flights", {"c0ffee:0": 1, "c0ffee:1": 0})  # doctest: +SKIP
    2
    """
    listed = (
        [Label(prediction_id=key, value=value) for key, value in labels.items()]
        if isinstance(labels, Mapping)
        else list(labels)
    )
    accepted = 0
    for start in range(0, len(listed), _BATCH):
        batch = LabelBatch(labels=tuple(listed[start : start + _BATCH]))
        answer = door.post(f"{_path(project, deployment)}/labels", batch)
        accepted += LabelsAccepted.model_validate(answer).accepted
    return accepted


def windows(door: Door, project: str, deployment: str, limit: int = 100) -> list[Window]:
    """The latest windows, oldest first."""
    found = door.get(f"{_path(project, deployment)}/windows", limit=limit)
    return [Window.model_validate(row) for row in found]


def preview_rule(
    door: Door,
    project: str,
    deployment: str,
    value: str,
    *,
    above: float | None = None,
    below: float | None = None,
) -> dict[str, Any]:
    """How often a rule would have raised an alert in the windows so far."""
    place = f"{_path(project, deployment)}/rule-preview"
    found: dict[str, Any] = door.get(place, value=value, above=above, below=below)
    return found


def traffic(door: Door, project: str, deployment: str, seconds: int = 60) -> Traffic:
    """The last seconds of an endpoint."""
    found = door.get(f"{_path(project, deployment)}/traffic", seconds=seconds)
    return Traffic.model_validate(found)


def alerts(
    door: Door,
    project: str,
    *,
    status: AlertStatus | None = None,
    deployment: str | None = None,
    limit: int = 200,
) -> list[Alert]:
    """The alerts of a project, newest first."""
    found = door.get(
        f"/projects/{quote(project, safe='')}/alerts",
        status=status,
        deployment=deployment,
        limit=limit,
    )
    return [Alert.model_validate(row) for row in found]


def acknowledge(door: Door, alert_id: str) -> Alert:
    """Say that a person has seen an alert."""
    return Alert.model_validate(door.post(f"/alerts/{quote(alert_id, safe='')}/acknowledge", {}))


def resolve(door: Door, alert_id: str) -> Alert:
    """End an alert."""
    return Alert.model_validate(door.post(f"/alerts/{quote(alert_id, safe='')}/resolve", {}))


def silence(door: Door, project: str, wish: NewSilence) -> Silence:
    """Tell nobody of some alerts for a while."""
    return Silence.model_validate(door.post(_silences(project), wish))


def silences(door: Door, project: str) -> list[Silence]:
    """Times without messages, newest first."""
    return [Silence.model_validate(row) for row in door.get(_silences(project))]


def end_silence(door: Door, project: str, silence_id: str) -> Silence:
    """End a silence now."""
    path = f"{_silences(project)}/{quote(silence_id, safe='')}/end"
    return Silence.model_validate(door.post(path, {}))


def messages(door: Door, alert_id: str) -> list[Told]:
    """Who was told of an alert, when, and what came back."""
    found = door.get(f"/alerts/{quote(alert_id, safe='')}/messages")
    return [Told.model_validate(row) for row in found]


def _silences(project: str) -> str:
    return f"/projects/{quote(project, safe='')}/silences"


def _path(project: str, deployment: str) -> str:
    return f"/projects/{quote(project, safe='')}/deployments/{quote(deployment, safe='')}"
