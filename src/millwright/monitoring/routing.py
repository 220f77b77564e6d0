"""Who is to hear what about an alert, and when: a pure function of the alert and the project file."""

from __future__ import annotations

from dataclasses import dataclass

from millwright.kernel.clock import parse_duration, parse_rfc3339
from millwright.kernel.config_alerts import AlertsConfig, RouteConfig
from millwright.monitoring.alert_formats import ONE_BY_ONE
from millwright.monitoring.records import Alert, Told

CONSOLE = "console"
"""The receiver that is this process's log."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be sent, not before ``due_ms``."""

    receiver: str
    occasion: str
    due_ms: int


def messages_due(
    alert: Alert, config: AlertsConfig, told: tuple[Told, ...], now_ms: int
) -> list[Due]:
    """What has to be told of an alert as it stands and has not been written down yet.

    A resolution is told to those who were told of the alert; an acknowledgement only to services
    that keep alerts themselves; an escalation when an alert has stayed open for so long.

    Args:
        alert: as it stands.
        config: receivers, routes, escalations.
        told: what was written down before.
        now_ms: wall time.
    """
    known = {(message.receiver, message.occasion) for message in told}
    hearing = {m.receiver for m in told if m.state in ("told", "sending")}
    wanted: list[tuple[str, str]] = []
    if alert.status == "resolved":
        wanted += [(receiver, "resolved") for receiver in sorted(hearing)]
    else:
        wanted += [(receiver, "raised") for receiver in receivers_of(alert, config)]
        if alert.status == "acknowledged":
            kept = [name for name in sorted(hearing) if _keeps_alerts(name, config)]
            wanted += [(receiver, "acknowledged") for receiver in kept]
        else:
            wanted += _escalated(alert, config, now_ms)
    wait = parse_duration(config.group_wait)
    return [
        Due(receiver, occasion, now_ms + (0 if receiver == CONSOLE else wait))
        for receiver, occasion in dict.fromkeys(wanted)
        if (receiver, occasion) not in known
    ]


def receivers_of(alert: Alert, config: AlertsConfig) -> list[str]:
    """Who hears of an alert when it is raised."""
    found = [CONSOLE] if config.console else []
    if not config.routes:
        return found + list(config.every_receiver)
    for route in config.routes:
        if _fits(route, alert):
            found += route.to
    return list(dict.fromkeys(found))


def next_escalation(alert: Alert, config: AlertsConfig, now_ms: int) -> int | None:
    """When the next escalation of an alert falls due; None where none does."""
    if alert.status != "open":
        return None
    begun = parse_rfc3339(alert.created_at)
    moments = [begun + parse_duration(step.after) for step in config.escalate]
    return min((moment for moment in moments if moment > now_ms), default=None)


def _escalated(alert: Alert, config: AlertsConfig, now_ms: int) -> list[tuple[str, str]]:
    age = now_ms - parse_rfc3339(alert.created_at)
    return [
        (receiver, f"escalated-{number}")
        for number, step in enumerate(config.escalate, 1)
        if age >= parse_duration(step.after) and step.severity in (None, alert.severity)
        for receiver in step.to
    ]


def _fits(route: RouteConfig, alert: Alert) -> bool:
    return (
        (not route.kinds or alert.kind in route.kinds)
        and (not route.deployments or alert.deployment in route.deployments)
        and route.severity in (None, alert.severity)
    )


def _keeps_alerts(receiver: str, config: AlertsConfig) -> bool:
    found = config.every_receiver.get(receiver)
    return found is not None and found.type in ONE_BY_ONE
