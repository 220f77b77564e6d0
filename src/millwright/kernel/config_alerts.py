"""The keys of ``millwright.yaml`` that say what raises an alert of one's own, and who hears of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from millwright.kernel.config_automation import ChannelsConfig, EmailConfig
from millwright.kernel.config_types import Duration, Name
from millwright.kernel.record import Record

ReceiverType = Literal[
    "webhook", "slack", "teams", "discord", "email", "pagerduty", "opsgenie", "alertmanager"
]
AlertSeverity = Literal["warning", "critical"]
KEYED = {"pagerduty": "https://events.pagerduty.com", "opsgenie": "https://api.opsgenie.com"}
"""Services that know a caller by a key, and where they are."""


class ReceiverConfig(Record):
    """Somebody who hears of alerts."""

    type: ReceiverType
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    """Where it listens; PagerDuty's and Opsgenie's own addresses by default."""
    key_from: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The environment variable that holds PagerDuty's routing key or Opsgenie's API key."""
    email: EmailConfig | None = None

    @model_validator(mode="after")
    def _complete(self) -> ReceiverConfig:
        if self.type == "email":
            if self.email is None:
                raise ValueError("a receiver of type email needs 'email'")
        elif self.type in KEYED:
            if self.key_from is None:
                raise ValueError(f"a receiver of type {self.type} needs 'key_from'")
        elif self.url is None:
            raise ValueError(f"a receiver of type {self.type} needs 'url'")
        return self


class RouteConfig(Record):
    """Which alerts go to whom; what is not said, any."""

    to: Annotated[tuple[Name, ...], Field(min_length=1)]
    kinds: tuple[str, ...] = ()
    """Kinds of alert, or ``rule:NAME``."""
    deployments: tuple[Name, ...] = ()
    severity: AlertSeverity | None = None


class EscalationConfig(Record):
    """Who hears of an alert that nobody has acknowledged for so long."""

    after: Duration
    to: Annotated[tuple[Name, ...], Field(min_length=1)]
    severity: AlertSeverity | None = None


class AlertRuleConfig(Record):
    """A number of each window that must stay within a limit."""

    value: Annotated[str, Field(min_length=1, max_length=200)]
    """``rows``, ``labelled_share``, ``error_rate``, ``drifted_share``, ``prediction_drift``,
    ``p50_ms``, ``p95_ms``, ``p99_ms``, a metric, ``expected.METRIC`` (before labels arrive),
    ``drift.COLUMN``, ``missing.COLUMN``, ``new.COLUMN``, ``segment.COLUMN.VALUE.METRIC``,
    ``fairness.COLUMN.GAP``."""
    above: float | None = None
    below: float | None = None
    severity: AlertSeverity = "warning"

    @model_validator(mode="after")
    def _limited(self) -> AlertRuleConfig:
        if (self.above is None) == (self.below is None):
            raise ValueError("a rule has either 'above' or 'below'")
        return self


class AlertsConfig(ChannelsConfig):
    """What raises an alert besides the monitor's own rules, and where alerts go besides the UI.

    ``webhook``, ``slack`` and ``email`` are receivers of these names.
    """

    console: bool = True
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    """Where people reach the UI, for the links in messages; the control plane's address if absent."""
    rules: dict[Name, AlertRuleConfig] = Field(default_factory=dict)
    receivers: dict[Name, ReceiverConfig] = Field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = ()
    """Every route that fits is taken; without any, all receivers hear of everything."""
    escalate: tuple[EscalationConfig, ...] = ()
    group_wait: Duration = "1s"
    """How long a message waits for others of the same deployment, to be sent as one."""

    @model_validator(mode="after")
    def _known(self) -> AlertsConfig:
        named = {name for route in self.routes for name in route.to}
        named |= {name for step in self.escalate for name in step.to}
        unknown = named - set(self.every_receiver)
        if unknown:
            raise ValueError(f"there is no receiver {min(unknown)!r}; add it to 'receivers'")
        return self

    @property
    def every_receiver(self) -> dict[str, ReceiverConfig]:
        """All receivers by name."""
        found = dict(self.receivers)
        if self.webhook is not None:
            found["webhook"] = ReceiverConfig(type="webhook", url=self.webhook)
        if self.slack is not None:
            found["slack"] = ReceiverConfig(type="slack", url=self.slack)
        if self.email is not None:
            found["email"] = ReceiverConfig(type="email", email=self.email)
        return found
