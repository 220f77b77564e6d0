"""When a model is retrained: a pure function of the policy and what has been seen.

All times are event time (when predictions were asked for), so that a replayed year and a lived one
decide alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from millwright.kernel.clock import format_duration, parse_duration
from millwright.kernel.config import RetrainingConfig
from millwright.kernel.record import Record

UNRESOLVED = ("open", "acknowledged")
"""A person who acknowledged an alert has read it; what it says is still so."""


class Alarm(Protocol):
    """What the policy looks at in an alert."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def title(self) -> str: ...


class Decision(Record):
    """Whether to retrain now, why in a sentence, and which alerts are the cause."""

    retrain: bool
    reason: str
    cause_alert_ids: tuple[str, ...] = ()
    trigger: str | None = None
    """The kind of the first cause in the policy's order."""


def decide(
    policy: RetrainingConfig,
    alerts: Sequence[Alarm],
    last_retraining_event_time: int | None,
    now_event_time: int,
    *,
    rollout_active: bool,
    running: bool,
) -> Decision:
    """Apply the retraining policy.

    Args:
        policy: triggers and cool-down.
        alerts: the deployment's alerts; those resolved, or of other kinds, are not a cause.
        last_retraining_event_time: milliseconds at which the last retraining was begun; None when
            there was none.
        now_event_time: the watermark of the prediction log, in milliseconds.
        rollout_active: a challenger is on trial.
        running: a retraining is in progress.
    """
    causes = [alert for alert in alerts if _is_cause(alert, policy)]
    if not causes:
        return Decision(retrain=False, reason="No alert asks for a retraining.")
    causes.sort(key=lambda alert: (policy.triggers.index(alert.kind), alert.id))
    if running:
        return _wait("A retraining is already running.")
    if rollout_active:
        return _wait("A challenger is on trial; its outcome comes first.")
    if last_retraining_event_time is not None:
        cooldown = parse_duration(policy.cooldown)
        left = last_retraining_event_time + cooldown - now_event_time
        if left > 0:
            return _wait(
                f"The last retraining was less than {policy.cooldown} ago;"
                f" {_length(left)} of the cool-down are left."
            )
    others = len(causes) - 1
    more = f" (and {others} more {'alert' if others == 1 else 'alerts'})" if others else ""
    return Decision(
        retrain=True,
        reason=f"{causes[0].title.rstrip('.')}{more}.",
        cause_alert_ids=tuple(alert.id for alert in causes),
        trigger=causes[0].kind,
    )


def _is_cause(alert: Alarm, policy: RetrainingConfig) -> bool:
    return alert.status in UNRESOLVED and alert.kind in policy.triggers


def _wait(reason: str) -> Decision:
    return Decision(retrain=False, reason=reason)


def _length(milliseconds: int) -> str:
    days = milliseconds / 86_400_000
    return f"{days:.1f} days" if days >= 1 else format_duration(milliseconds)
