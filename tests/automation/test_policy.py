"""The retraining policy: when a challenger is trained, and when not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.automation.policy import Decision, decide
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import RetrainingConfig

DAY = 86_400_000
KINDS = ("data_drift", "prediction_drift", "performance", "latency")


@dataclass(frozen=True)
class Seen:
    id: str
    kind: str
    status: str = "open"
    title: str = "7 of 21 features drifted."


alerts = st.lists(
    st.builds(
        Seen,
        id=st.integers(0, 10**6).map(str),
        kind=st.sampled_from(KINDS),
        status=st.sampled_from(["open", "acknowledged", "resolved"]),
    ),
    max_size=6,
)
policies = st.builds(
    RetrainingConfig,
    triggers=st.lists(st.sampled_from(KINDS[:3]), unique=True).map(tuple),
    cooldown=st.sampled_from(["0d", "1d", "4w"]),
)
times = st.integers(0, 400 * DAY)


def ask(policy: RetrainingConfig, seen: list[Seen], **other: object) -> Decision:
    situation: dict[str, object] = {
        "last_retraining_event_time": None,
        "now_event_time": 100 * DAY,
        "rollout_active": False,
        "running": False,
    }
    return decide(policy, seen, **(situation | other))  # type: ignore[arg-type]


@given(policies, alerts, st.none() | times, times, st.booleans(), st.booleans())
def test_it_retrains_exactly_when_there_is_cause_and_nothing_in_the_way(
    policy: RetrainingConfig,
    seen: list[Seen],
    last: int | None,
    now: int,
    rollout: bool,
    running: bool,
) -> None:
    found = decide(policy, seen, last, now, rollout_active=rollout, running=running)
    causes = {a.id for a in seen if a.status != "resolved" and a.kind in policy.triggers}
    cooled = last is None or now - last >= parse_duration(policy.cooldown)
    assert found.retrain == (bool(causes) and cooled and not rollout and not running)
    assert set(found.cause_alert_ids) == (causes if found.retrain else set())
    assert found.reason.endswith(".")
    assert (found.trigger in policy.triggers) == found.retrain


@given(policies, alerts, st.none() | times, times)
def test_the_order_of_alerts_does_not_matter(
    policy: RetrainingConfig, seen: list[Seen], last: int | None, now: int
) -> None:
    one = decide(policy, seen, last, now, rollout_active=False, running=False)
    other = decide(policy, seen[::-1], last, now, rollout_active=False, running=False)
    assert (one.retrain, set(one.cause_alert_ids)) == (other.retrain, set(other.cause_alert_ids))


def test_the_reason_is_the_first_trigger_of_the_policy() -> None:
    policy = RetrainingConfig(triggers=("performance", "data_drift"))
    found = ask(policy, [Seen("1", "data_drift"), Seen("2", "performance", title="AUC fell.")])
    assert found.retrain
    assert found.reason == "AUC fell (and 1 more alert)."
    assert found.trigger == "performance"
    assert found.cause_alert_ids == ("2", "1")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"running": True}, "already running"),
        ({"rollout_active": True}, "on trial"),
        ({"last_retraining_event_time": 90 * DAY}, "18.0 days of the cool-down"),
    ],
)
def test_one_at_a_time_and_not_too_often(other: dict[str, object], words: str) -> None:
    found = ask(RetrainingConfig(), [Seen("1", "data_drift")], **other)
    assert not found.retrain
    assert words in found.reason


def test_the_cool_down_ends_on_its_last_millisecond() -> None:
    policy, seen = RetrainingConfig(cooldown="10d"), [Seen("1", "data_drift")]
    assert not ask(policy, seen, last_retraining_event_time=90 * DAY + 1).retrain
    assert ask(policy, seen, last_retraining_event_time=90 * DAY).retrain
