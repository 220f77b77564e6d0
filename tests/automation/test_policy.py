"""The retraining policy: when a challenger is trained, and when not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.automation.policy import Decision, Gain, Situation, decide, earned
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
    return decide(policy, seen, Situation.model_validate({"now_ms": 100 * DAY} | other))


@given(policies, alerts, st.none() | times, times, st.booleans(), st.booleans())
def test_it_retrains_exactly_when_there_is_cause_and_nothing_in_the_way(
    policy: RetrainingConfig,
    seen: list[Seen],
    last: int | None,
    now: int,
    rollout: bool,
    running: bool,
) -> None:
    situation = Situation(now_ms=now, last_ms=last, rollout_active=rollout, running=running)
    found = decide(policy, seen, situation)
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
    situation = Situation(now_ms=now, last_ms=last)
    one = decide(policy, seen, situation)
    other = decide(policy, seen[::-1], situation)
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
        ({"last_ms": 90 * DAY}, "18.0 days of the cool-down"),
    ],
)
def test_one_at_a_time_and_not_too_often(other: dict[str, object], words: str) -> None:
    policy = RetrainingConfig(triggers=("data_drift",))
    found = ask(policy, [Seen("1", "data_drift")], **other)
    assert not found.retrain
    assert words in found.reason


def test_the_cool_down_ends_on_its_last_millisecond() -> None:
    policy, seen = RetrainingConfig(triggers=("loss",), cooldown="10d"), [Seen("1", "loss")]
    assert not ask(policy, seen, last_ms=90 * DAY + 1).retrain
    assert ask(policy, seen, last_ms=90 * DAY).retrain


@pytest.mark.parametrize(
    ("keys", "situation", "trigger"),
    [
        ({"every": "10d"}, {"since_ms": 90 * DAY}, "schedule"),
        ({"labels": 500}, {"labels": (9_000, 500)}, "labels"),
        ({"on_features": True}, {"features_changed": True}, "features"),
        ({"earned_by": 100}, {"labels": (200,)}, "earned"),
    ],
)
def test_it_also_acts_without_an_alert(
    keys: dict[str, object], situation: dict[str, object], trigger: str
) -> None:
    policy = RetrainingConfig.model_validate(keys)
    assert ask(policy, [], **situation).trigger == trigger
    assert not ask(RetrainingConfig(), [], **situation).retrain


@pytest.mark.parametrize(
    ("keys", "situation", "words"),
    [
        ({"max_runs": 2}, {"recent": ((95 * DAY, 1), (98 * DAY, 1))}, "as many as may be"),
        ({"max_time": "1h"}, {"recent": ((98 * DAY, 3_600_000),)}, "as long as they may"),
        ({"earned_by": 100}, {"labels": (99,)}, "1 are missing"),
        (
            {"cost": {"retraining": 50, "error": 0.1, "horizon": "10d"}},
            {"gain": Gain(rise=0.02, rows_per_day=2_000, rows=900)},
            "is worth 40 ",
        ),
    ],
)
def test_budgets_and_costs_stand_in_the_way(
    keys: dict[str, object], situation: dict[str, object], words: str
) -> None:
    seen, plain = [Seen("1", "performance")], {"triggers": ["performance"]}
    found = ask(RetrainingConfig.model_validate(plain | keys), seen, **situation)
    assert not found.retrain
    assert words in found.reason
    assert ask(RetrainingConfig.model_validate(plain), seen, **situation).retrain


def test_budgets_look_back_only_so_far_and_a_rise_that_pays_is_acted_on() -> None:
    seen, plain = [Seen("1", "performance")], {"triggers": ["performance"]}
    limited = RetrainingConfig.model_validate(plain | {"max_runs": 1, "per": "7d"})
    assert ask(limited, seen, recent=((93 * DAY, 1),)).retrain
    paying = RetrainingConfig.model_validate(plain | {"cost": {"retraining": 50, "error": 1.0}})
    assert ask(paying, seen, gain=Gain(rise=0.02, rows_per_day=2_000, rows=900)).retrain


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.integers(1, 5_000))
def test_no_more_is_spent_than_was_earned(labels: list[int], price: int) -> None:
    policy = RetrainingConfig(earned_by=price)
    credit = earned(policy, labels)
    assert 0.0 <= credit <= 2.0
    assert credit <= sum(labels) / price


def test_the_default_earns_its_retrainings_and_a_cause_of_ones_own_need_not() -> None:
    rose = [Seen("1", "loss")]
    default = RetrainingConfig()
    assert not ask(default, [], labels=(9_999,)).retrain
    assert ask(default, [], labels=(10_000,)).trigger == "earned"
    assert not ask(default, rose, labels=(4_999,)).retrain
    assert ask(default, rose, labels=(5_000,)).trigger == "loss"
    assert ask(RetrainingConfig(every="1d", triggers=("loss",)), rose).trigger == "loss"
