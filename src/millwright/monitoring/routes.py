"""Monitoring over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import PlainTextResponse

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.config_alerts import AlertRuleConfig
from millwright.kernel.errors import InvalidInput
from millwright.kernel.routing import Call, Owner, RoomRouter, current_call
from millwright.monitoring import rule_preview, service, silencing
from millwright.monitoring.differences import Differences
from millwright.monitoring.exports.exposition import CONTENT_TYPE
from millwright.monitoring.records import (
    Alert,
    AlertStatus,
    LabelBatch,
    LabelsAccepted,
    NewSilence,
    Silence,
    Told,
    Traffic,
    Window,
)
from millwright.monitoring.rule_preview import RulePreview

router = RoomRouter(
    tag="monitoring", owners={"alert": Owner(service.owner_of_alert, service.unknown_alert)}
)
_DEPLOYMENT = "/projects/{project}/deployments/{name}"
Limit = Annotated[int, Query(ge=1, le=1000)]
Seconds = Annotated[int, Query(ge=1, le=600)]


@router.post(_DEPLOYMENT + "/labels", permission=Permission.WRITE, status_code=202)
def add_labels(
    project: Name, name: Name, body: LabelBatch, call: Call = Depends(current_call)
) -> LabelsAccepted:
    """Say what came true; windows that hold these predictions are evaluated again."""
    return service.add_labels(call.store, call.actor, project, name, body)


@router.get(_DEPLOYMENT + "/windows", permission=Permission.READ)
def list_windows(
    project: Name, name: Name, limit: Limit = 100, call: Call = Depends(current_call)
) -> list[Window]:
    """The latest windows, oldest first: drift by feature, performance, latency."""
    return list(service.list_windows(call.store, project, name, limit))


@router.get(_DEPLOYMENT + "/windows/{window}", permission=Permission.READ)
def get_window(
    project: Name, name: Name, window: str, call: Call = Depends(current_call)
) -> Window:
    """One window by its id."""
    return service.get_window(call.store, project, name, window)


@router.get(_DEPLOYMENT + "/rule-preview", permission=Permission.READ)
def preview_rule(
    project: Name,
    name: Name,
    value: Annotated[str, Query(min_length=1, max_length=200)],
    above: float | None = None,
    below: float | None = None,
    call: Call = Depends(current_call),
) -> RulePreview:
    """How often a rule would have raised an alert in the windows so far."""
    if (above is None) == (below is None):
        raise InvalidInput(
            "monitoring.no_limit", "A rule has either a limit above or one below.", hint="Give one."
        )
    rule = AlertRuleConfig(value=value, above=above, below=below)
    return rule_preview.preview_rule(call.store, project, name, rule)


@router.get(_DEPLOYMENT + "/traffic", permission=Permission.READ)
def recent_traffic(
    project: Name, name: Name, seconds: Seconds = 60, call: Call = Depends(current_call)
) -> Traffic:
    """The last seconds of an endpoint, for a live chart."""
    return service.recent_traffic(call.store, project, name, seconds)


@router.get(_DEPLOYMENT + "/variants/{variant}/differences", permission=Permission.READ)
def differences(
    project: Name, name: Name, variant: Name, call: Call = Depends(current_call)
) -> Differences:
    """How a shadow or canary and the champion differ on the rows that both scored."""
    return service.variant_differences(call.store, project, name, variant)


@router.get(
    "/projects/{project}/metrics", permission=Permission.READ, response_class=PlainTextResponse
)
def metrics(project: Name, call: Call = Depends(current_call)) -> PlainTextResponse:
    """The latest windows and the open alerts of every deployment, for Prometheus."""
    text = service.exposition_of(call.store, project)
    return PlainTextResponse(text, media_type=CONTENT_TYPE)


@router.get("/projects/{project}/alerts", permission=Permission.READ)
def list_alerts(
    project: Name,
    status: AlertStatus | None = None,
    deployment: Name | None = None,
    limit: Limit = 200,
    call: Call = Depends(current_call),
) -> list[Alert]:
    """The alerts of a project, newest first."""
    found = service.list_alerts(
        call.store, project, status=status, deployment=deployment, limit=limit
    )
    return list(found)


@router.get("/alerts/{alert}/messages", permission=Permission.READ)
def alert_messages(alert: str, call: Call = Depends(current_call)) -> list[Told]:
    """Who was told of it, when, and what came back."""
    return list(silencing.messages_of(call.store, alert))


@router.get("/projects/{project}/silences", permission=Permission.READ)
def list_silences(project: Name, call: Call = Depends(current_call)) -> list[Silence]:
    """Times without messages, newest first."""
    return list(silencing.list_silences(call.store, project))


@router.post("/projects/{project}/silences", permission=Permission.OPERATE, status_code=201)
def add_silence(project: Name, body: NewSilence, call: Call = Depends(current_call)) -> Silence:
    """Tell nobody of some alerts for a while; they are raised and shown as ever."""
    return silencing.add_silence(call.store, call.actor, project, body)


@router.post("/projects/{project}/silences/{silence}/end", permission=Permission.OPERATE)
def end_silence(project: Name, silence: str, call: Call = Depends(current_call)) -> Silence:
    """End it now; what is still so is told."""
    return silencing.end_silence(call.store, call.actor, project, silence)


@router.post("/alerts/{alert}/acknowledge", permission=Permission.OPERATE)
def acknowledge_alert(alert: str, call: Call = Depends(current_call)) -> Alert:
    """Say that a person has seen it."""
    return service.acknowledge_alert(call.store, call.actor, alert)


@router.post("/alerts/{alert}/resolve", permission=Permission.OPERATE)
def resolve_alert(alert: str, call: Call = Depends(current_call)) -> Alert:
    """End it; a later window that shows the same raises it anew."""
    return service.resolve(call.store, call.actor, alert)
