"""When a model is retrained: a pure function of the policy and what has been seen.

All times are event time (when predictions were asked for), so that a replayed year and a lived one
decide alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from millwright.kernel.clock import format_duration, parse_duration
from millwright.kernel.config_retraining import CostConfig, RetrainingConfig
from millwright.kernel.record import Record

UNRESOLVED = ("open", "acknowledged")
"""A person who acknowledged an alert has read it; what it says is still so."""
MOST_EARNED = 2.0
"""Retrainings that can be saved up; the second is spent without an alert."""


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


class Gain(Record):
    """By how much errors have become more frequent, and how many predictions that concerns."""

    rise: float
    """Errors per prediction that a model as good as before would not make."""
    rows_per_day: float
    rows: int
    """Labelled rows since the rise began."""


class Situation(Record):
    """What the policy has to know besides the alerts; times in event milliseconds."""

    now_ms: int
    last_ms: int | None = None
    """When the last retraining was begun, or else (for ``every``) None."""
    since_ms: int | None = None
    """What ``every`` counts from: the last retraining, or the first prediction."""
    labels: tuple[int, ...] = ()
    """Labels that arrived up to the first retraining, between each two, and since the last."""
    recent: tuple[tuple[int, int], ...] = ()
    """Moment and duration, in milliseconds, of earlier retrainings."""
    features_changed: bool = False
    rollout_active: bool = False
    """A challenger is on trial."""
    running: bool = False
    gain: Gain | None = None
    """None where nobody has measured it: that stands in no one's way."""


class Decision(Record):
    """Whether to retrain now, why in a sentence, and which alerts are the cause."""

    retrain: bool
    reason: str
    cause_alert_ids: tuple[str, ...] = ()
    trigger: str | None = None
    """What asked first: a kind of alert in the policy's order, ``schedule``, ``labels``, ``earned``
    or ``features``."""


def decide(policy: RetrainingConfig, alerts: Sequence[Alarm], seen: Situation) -> Decision:
    """Apply the retraining policy.

    Args:
        policy: what asks for a retraining, and what limits it.
        alerts: the deployment's alerts; those resolved, or of other kinds, are not a cause.
        seen: everything else.
    """
    causes = [alert for alert in alerts if _is_cause(alert, policy)]
    causes.sort(key=lambda alert: (policy.triggers.index(alert.kind), alert.id))
    asked = _asked(policy, causes, seen)
    if asked is None:
        return Decision(retrain=False, reason="No alert asks for a retraining.")
    obstacle = _obstacle(policy, seen, by_alert=bool(causes))
    if obstacle is not None:
        return Decision(retrain=False, reason=obstacle)
    trigger, reason = asked
    return Decision(
        retrain=True,
        reason=reason,
        cause_alert_ids=tuple(alert.id for alert in causes),
        trigger=trigger,
    )


def earned(policy: RetrainingConfig, labels: Sequence[int]) -> float:
    """Retrainings that labels have earned and no retraining has spent.

    >>> earned(RetrainingConfig(earned_by=1000), [500])
    0.5
    >>> earned(RetrainingConfig(earned_by=1000), [5000, 500])
    1.5
    """
    if policy.earned_by is None:
        return 1.0
    credit = 0.0
    for position, count in enumerate(labels):
        spent = 1.0 if position else 0.0
        credit = min(max(credit - spent, 0.0) + count / policy.earned_by, MOST_EARNED)
    return credit


def _asked(
    policy: RetrainingConfig, causes: Sequence[Alarm], seen: Situation
) -> tuple[str, str] | None:
    """What asks for a retraining first, and its sentence."""
    if causes:
        others = len(causes) - 1
        more = f" (and {others} more {'alert' if others == 1 else 'alerts'})" if others else ""
        return causes[0].kind, f"{causes[0].title.rstrip('.')}{more}."
    if policy.on_features and seen.features_changed:
        return "features", "The features are not those that the champion was made with."
    fresh = seen.labels[-1] if seen.labels else 0
    if policy.labels is not None and fresh >= policy.labels:
        return "labels", f"{fresh:,} labels have arrived since the last retraining."
    if policy.earned_by is not None and earned(policy, seen.labels) >= MOST_EARNED:
        return "earned", f"Two retrainings were earned by {policy.earned_by:,} labels each."
    if policy.every is None or seen.since_ms is None:
        return None
    if seen.now_ms - seen.since_ms < parse_duration(policy.every):
        return None
    return "schedule", f"{policy.every} have passed."


def _obstacle(policy: RetrainingConfig, seen: Situation, *, by_alert: bool) -> str | None:
    """Why what was asked for has to wait, or None."""
    if seen.running:
        return "A retraining is already running."
    if seen.rollout_active:
        return "A challenger is on trial; its outcome comes first."
    if seen.last_ms is not None:
        left = seen.last_ms + parse_duration(policy.cooldown) - seen.now_ms
        if left > 0:
            return (
                f"The last retraining was less than {policy.cooldown} ago;"
                f" {_length(left)} of the cool-down are left."
            )
    over = _over_budget(policy, seen)
    if over is not None or not by_alert or seen.gain is None:
        return over
    if seen.gain.rows < policy.settle:
        return f"Errors rose {seen.gain.rows:,} labels ago; {policy.settle:,} are waited for."
    return _not_worth_it(policy.cost, seen.gain)


def _over_budget(policy: RetrainingConfig, seen: Situation) -> str | None:
    begin = seen.now_ms - parse_duration(policy.per)
    within = [took for moment, took in seen.recent if moment > begin]
    if policy.max_runs is not None and len(within) >= policy.max_runs:
        return f"There were {len(within)} retrainings within {policy.per}, as many as may be."
    if policy.max_time is not None and sum(within) >= parse_duration(policy.max_time):
        return f"Retrainings took {_length(sum(within))} within {policy.per}, as long as they may."
    credit = earned(policy, seen.labels)
    if credit < 1.0:
        missing = round((1.0 - credit) * (policy.earned_by or 0))
        return f"A retraining is earned by {policy.earned_by:,} labels; {missing:,} are missing."
    return None


def _not_worth_it(cost: CostConfig | None, gain: Gain) -> str | None:
    """Expected gain below cost."""
    if cost is None:
        return None
    rows = gain.rows_per_day * parse_duration(cost.horizon) / 86_400_000
    worth = gain.rise * rows * cost.error
    if worth >= cost.retraining:
        return None
    return (
        f"Within {cost.horizon} a retraining is worth {worth:.3g} (errors are {gain.rise:.1%} more"
        f" frequent in {rows:,.0f} predictions) and costs {cost.retraining:.3g}."
    )


def _is_cause(alert: Alarm, policy: RetrainingConfig) -> bool:
    return alert.status in UNRESOLVED and alert.kind in policy.triggers


def _length(milliseconds: int) -> str:
    days = milliseconds / 86_400_000
    return f"{days:.1f} days" if days >= 1 else format_duration(milliseconds)
