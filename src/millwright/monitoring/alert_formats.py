"""An alert in the words of each service: the request that tells it.

Sources: CloudEvents 1.0 (JSON format); Slack incoming webhooks; Microsoft Teams, Adaptive Cards 1.4
in a workflow's webhook; Discord, Execute Webhook; PagerDuty Events API v2; Opsgenie Alert API;
Alertmanager API v2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from millwright.kernel.config_alerts import KEYED, ReceiverConfig
from millwright.kernel.messages import plain
from millwright.monitoring.records import Alert

ONE_BY_ONE = ("pagerduty", "opsgenie")
"""Types that take one alert at a time, and know it again by its id."""
_T = TypeVar("_T")
_ENDLESS = "2999-01-01T00:00:00Z"
_RED, _AMBER, _GREEN = 0xC0362C, 0xC77700, 0x2F855A


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told: one occasion of one or several alerts of a deployment."""

    alerts: tuple[Alert, ...]
    occasion: str
    url: str
    """Where the UI is; no links where empty."""

    @property
    def resolved(self) -> bool:
        """Whether they are over."""
        return self.occasion == "resolved"

    @property
    def title(self) -> str:
        """One line."""
        first = self.alerts[0]
        verb = {"resolved": "Resolved: ", "acknowledged": "Acknowledged: "}.get(self.occasion, "")
        if self.occasion.startswith("escalated"):
            verb = "Still not acknowledged: "
        if len(self.alerts) == 1:
            return f"{verb}{first.title}"
        return f"{verb}{len(self.alerts)} alerts about {first.deployment} (project {first.project})"


@dataclass(frozen=True, slots=True)
class Request:
    """One POST."""

    url: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def page_of(alert: Alert, url: str) -> str:
    """The page that shows why; empty without a ``url``."""
    if not url:
        return ""
    place = quote(alert.deployment, safe="")
    return f"{url.rstrip('/')}/deployments/{place}?project={quote(alert.project)}&alert={alert.id}"


def text_of(telling: Telling) -> str:
    """What a person wants to know next, some lines for each alert."""
    parts = []
    for alert in telling.alerts:
        lines = [alert.title] if len(telling.alerts) > 1 else []
        lines += [
            f"Deployment: {alert.deployment} (project {alert.project})",
            f"Severity: {alert.severity}",
            f"Since: {alert.since}",
        ]
        if alert.features:
            lines.append(f"Columns: {', '.join(alert.features)}")
        if telling.url:
            lines.append(page_of(alert, telling.url))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def cloud_event(telling: Telling) -> dict[str, Any]:
    """CloudEvents 1.0, structured mode; the alert is its data, of several a list of them."""
    first, several = telling.alerts[0], len(telling.alerts) > 1
    data = [
        alert.model_dump(mode="json") | {"page": page_of(alert, telling.url)}
        for alert in telling.alerts
    ]
    noun = "alerts" if several else "alert"
    return {
        "specversion": "1.0",
        "id": f"{first.id}-{telling.occasion}",
        "type": f"millwright.{noun}.{telling.occasion}",
        "source": f"/projects/{first.project}/deployments/{first.deployment}",
        "subject": f"alert:{first.id}",
        "time": first.resolved_at or first.created_at if telling.resolved else first.created_at,
        "datacontenttype": "application/json",
        "data": {"alerts": data} if several else data[0],
    }


def request_for(receiver: ReceiverConfig, telling: Telling, key: str) -> Request | None:
    """How a receiver is told; None where the occasion means nothing to it.

    ``key``: the secret of services that know callers by one.
    """
    url = receiver.url or KEYED.get(receiver.type, "")
    acknowledged = telling.occasion == "acknowledged"
    if receiver.type == "pagerduty":
        return _pagerduty(url, telling, key)
    if receiver.type == "opsgenie":
        return _opsgenie(url, telling, key)
    if acknowledged:
        return None
    if receiver.type == "alertmanager":
        return Request(f"{url.rstrip('/')}/api/v2/alerts", _alertmanager(telling))
    if receiver.type == "slack":
        return Request(url, {"text": f"*{plain(telling.title)}*\n{plain(text_of(telling))}"})
    if receiver.type == "teams":
        return Request(url, _teams(telling))
    if receiver.type == "discord":
        return Request(url, _discord(telling))
    return Request(url, cloud_event(telling), {"Content-Type": "application/cloudevents+json"})


def _pagerduty(url: str, telling: Telling, key: str) -> Request:
    alert = telling.alerts[0]
    action = {"resolved": "resolve", "acknowledged": "acknowledge"}.get(telling.occasion, "trigger")
    body: dict[str, Any] = {"routing_key": key, "event_action": action, "dedup_key": alert.id}
    if action == "trigger":
        body["payload"] = {
            "summary": telling.title[:1024],
            "source": f"{alert.project}/{alert.deployment}",
            "severity": alert.severity,
            "timestamp": alert.created_at,
            "component": alert.deployment,
            "class": alert.kind,
            "custom_details": dict(alert.evidence),
        }
        if telling.url:
            body["links"] = [{"href": page_of(alert, telling.url), "text": "Millwright"}]
    return Request(f"{url.rstrip('/')}/v2/enqueue", body)


def _opsgenie(url: str, telling: Telling, key: str) -> Request:
    alert, headers = telling.alerts[0], {"Authorization": f"GenieKey {key}"}
    action = {"resolved": "close", "acknowledged": "acknowledge"}.get(telling.occasion)
    if action is not None:
        place = f"{url.rstrip('/')}/v2/alerts/{alert.id}/{action}?identifierType=alias"
        return Request(place, {"source": "millwright"}, headers)
    body = {
        "message": telling.title[:130],
        "alias": alert.id,
        "description": text_of(telling),
        "source": "millwright",
        "entity": alert.deployment,
        "priority": "P1" if alert.severity == "critical" else "P3",
        "tags": [alert.project, alert.kind],
        "details": {name: str(value) for name, value in alert.evidence.items()},
    }
    return Request(f"{url.rstrip('/')}/v2/alerts", body, headers)


def _alertmanager(telling: Telling) -> list[dict[str, Any]]:
    return [
        {
            "labels": {
                "alertname": f"Millwright {alert.kind}",
                "severity": alert.severity,
                "project": alert.project,
                "deployment": alert.deployment,
                "alert": alert.id,
            },
            "annotations": {"summary": alert.title, "since": alert.since},
            "startsAt": alert.created_at,
            # Without an end Alertmanager takes an alert that is not repeated for resolved.
            "endsAt": (alert.resolved_at or alert.created_at) if telling.resolved else _ENDLESS,
            "generatorURL": page_of(alert, telling.url),
        }
        for alert in telling.alerts
    ]


def _teams(telling: Telling) -> dict[str, Any]:
    colour = "Good" if telling.resolved else _worst(telling.alerts, "Attention", "Warning")
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "text": telling.title,
                "weight": "Bolder",
                "wrap": True,
                "color": colour,
            },
            {"type": "TextBlock", "text": text_of(telling).replace("\n", "\n\n"), "wrap": True},
        ],
    }
    if telling.url:
        page = page_of(telling.alerts[0], telling.url)
        card["actions"] = [{"type": "Action.OpenUrl", "title": "See why", "url": page}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _discord(telling: Telling) -> dict[str, Any]:
    embed: dict[str, Any] = {
        "title": telling.title[:256],
        "description": text_of(telling)[:4096],
        "color": _GREEN if telling.resolved else _worst(telling.alerts, _RED, _AMBER),
        "timestamp": telling.alerts[0].created_at,
    }
    if telling.url:
        embed["url"] = page_of(telling.alerts[0], telling.url)
    # A title that happens to hold @everyone wakes nobody.
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _worst(alerts: Sequence[Alert], critical: _T, warning: _T) -> _T:
    return critical if any(alert.severity == "critical" for alert in alerts) else warning
