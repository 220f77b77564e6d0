"""A canary is judged fairly however often it is looked at."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.deployment.canary import Requests, analyse_canary
from millwright.deployment.evidence.means import confidence_sequence
from millwright.deployment.evidence.rates import BLOCK, log_e_of_excess
from millwright.deployment.losses import row_losses
from millwright.kernel.config import CanaryConfig

Floats = npt.NDArray[np.float64]
POLICY = CanaryConfig(min_labels=1000, max_windows=4, confidence=0.95)


def stream(
    rng: np.random.Generator, rows: int, champion_noise: float, challenger_noise: float
) -> tuple[Floats, Floats]:
    """Brier losses of two models that see the truth through noise of the given sizes."""
    logit = rng.normal(-1.2, 1.2, rows)
    truth = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(float)
    losses = []
    for noise in (champion_noise, challenger_noise):
        score = 1 / (1 + np.exp(-(logit + rng.normal(0, noise, rows))))
        losses.append(row_losses("binary", truth, score))
    return losses[0], losses[1]


def early_verdict(ours: Floats, theirs: Floats, policy: CanaryConfig = POLICY) -> str:
    """The first verdict of looks every 100 rows, before full exposure."""
    for seen in range(100, ours.size + 1, 100):
        verdict = analyse_canary(ours[:seen], theirs[:seen], policy, windows=0).verdict
        if verdict != "continue":
            return verdict
    return "continue"


def share(streams: int, draw: Callable[[np.random.Generator], str], verdict: str) -> float:
    rng = np.random.default_rng(20240501)
    return sum(draw(rng) == verdict for _ in range(streams)) / streams


def test_equal_models_are_decided_early_in_at_most_one_stream_of_twenty() -> None:
    rng = np.random.default_rng(1)
    streams = 400
    decided = sum(early_verdict(*stream(rng, 5000, 0.4, 0.4)) != "continue" for _ in range(streams))
    assert decided / streams <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["heavy", "skewed", "rare"])
def test_the_error_holds_for_unkind_differences(kind: str) -> None:
    rng = np.random.default_rng(2)
    streams, excluded = 500, 0
    for _ in range(streams):
        if kind == "heavy":
            values = rng.standard_t(4, 4000)
        elif kind == "skewed":
            values = rng.exponential(1.0, 4000) - 1.0
        else:
            values = np.where(rng.random(4000) < 0.02, 1.0, 0.0) - 0.02
        for seen in range(200, 4001, 100):
            found = confidence_sequence(values[:seen], confidence=0.95, tuned_for=1000)
            if (found.low or 0.0) > 0 or (found.high or 0.0) < 0:
                excluded += 1
                break
    assert excluded / streams <= 0.07


def test_a_harmful_challenger_is_rolled_back_early() -> None:
    caught = share(60, lambda rng: early_verdict(*stream(rng, 5000, 0.2, 1.5)), "roll back")
    assert caught >= 0.95


def test_a_better_challenger_is_promoted_early() -> None:
    won = share(60, lambda rng: early_verdict(*stream(rng, 5000, 1.5, 0.2)), "promote")
    assert won >= 0.95


def test_identical_models_continue_and_end_with_the_champion() -> None:
    losses, _ = stream(np.random.default_rng(3), 2000, 0.3, 0.3)
    assert analyse_canary(losses, losses, POLICY, windows=3).verdict == "continue"
    last = analyse_canary(losses, losses, POLICY, windows=4)
    assert last.verdict == "roll back"
    assert "not better" in last.reason


def test_a_slightly_better_challenger_wins_only_when_harm_is_excluded() -> None:
    rng = np.random.default_rng(4)
    ours = np.full(4000, 0.2)
    noise = rng.normal(size=4000)
    noise -= noise.mean()
    clear = ours - (0.001 + 0.04 * noise)
    murky = ours - (0.001 + 0.4 * noise)
    assert analyse_canary(ours, clear, POLICY, windows=4).verdict == "promote"
    assert analyse_canary(ours, murky, POLICY, windows=4).verdict == "roll back"


def test_a_promotion_waits_for_the_smallest_number_of_labels() -> None:
    better, worse = np.full(900, 0.1), np.linspace(0.2, 0.3, 900)
    found = analyse_canary(worse, better, POLICY, windows=1)
    assert found.verdict == "continue"
    assert "100 more labelled rows" in found.reason
    assert analyse_canary(better, worse, POLICY, windows=1).verdict == "roll back"
    assert analyse_canary(better[:150], worse[:150], POLICY, windows=1).verdict == "continue"


def test_a_trial_without_labels_ends_with_the_champion() -> None:
    nothing = np.empty(0)
    assert analyse_canary(nothing, nothing, POLICY, windows=0).verdict == "continue"
    assert analyse_canary(nothing, nothing, POLICY, windows=4).verdict == "roll back"


NOTHING = np.empty(0)


def traffic(
    rng: np.random.Generator,
    requests: int,
    failures: tuple[float, float] = (0.02, 0.02),
    slower: float = 1.0,
    differing: float = 0.05,
    share: float = 0.5,
) -> Requests:
    """Requests of a trial with heavy-tailed latencies; failures by champion and challenger."""
    challenger = rng.random(requests) < share
    latency = rng.lognormal(1.0, 0.6, requests) * np.where(challenger, slower, 1.0)
    failed = rng.random(requests) < np.where(challenger, failures[1], failures[0])
    return Requests(
        challenger, failed, np.where(failed, np.nan, latency), rng.random(requests) < differing
    )


def first(seen: Requests, count: int) -> Requests:
    return Requests(
        seen.challenger[:count],
        seen.failed[:count],
        seen.latency_ms[:count],
        seen.disagrees[:count],
    )


def rolled_back_after(seen: Requests, policy: CanaryConfig = POLICY) -> int | None:
    """Requests of the challenger's at the first look, one every 100 requests, that rolls back."""
    for count in range(100, seen.challenger.size + 1, 100):
        found = analyse_canary(NOTHING, NOTHING, policy, windows=0, requests=first(seen, count))
        if found.verdict == "roll back":
            return int(seen.challenger[:count].sum())
    return None


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_innocent_canaries_are_hardly_ever_rolled_back(share: float) -> None:
    rng = np.random.default_rng(11)
    policy = POLICY.model_copy(update={"max_disagreement": 0.05})
    streams = 100
    looks = [rolled_back_after(traffic(rng, 3000, share=share), policy) for _ in range(streams)]
    assert sum(found is not None for found in looks) / streams <= 0.05


def test_failing_twice_as_often_is_caught_within_a_thousand_requests_of_each() -> None:
    rng = np.random.default_rng(12)
    needed = [rolled_back_after(traffic(rng, 4000, failures=(0.02, 0.05))) for _ in range(40)]
    assert all(needed)
    assert np.median(np.array(needed, dtype=float)) <= 1000


def test_a_challenger_that_fails_requests_is_rolled_back_with_the_evidence() -> None:
    seen = traffic(np.random.default_rng(13), 2000, failures=(0.001, 0.1), share=0.3)
    found = analyse_canary(NOTHING, NOTHING, POLICY, windows=0, requests=seen)
    assert found.verdict == "roll back"
    assert "fails" in found.reason
    evidence = found.evidence
    assert evidence.failures.e_value >= evidence.failures.needed
    assert evidence.challenger.errors == int((seen.failed & seen.challenger).sum())
    assert evidence.champion.requests + evidence.challenger.requests == 2000


def test_failing_less_often_or_as_often_as_the_champion_is_no_harm() -> None:
    rng = np.random.default_rng(14)
    assert rolled_back_after(traffic(rng, 4000, failures=(0.2, 0.01))) is None
    assert rolled_back_after(traffic(rng, 4000, failures=(0.0, 0.0))) is None


def test_a_challenger_twice_as_slow_is_rolled_back_and_one_within_the_limit_is_not() -> None:
    rng = np.random.default_rng(15)
    slow = traffic(rng, 8000, slower=2.5)
    found = analyse_canary(NOTHING, NOTHING, POLICY, windows=0, requests=slow)
    assert found.verdict == "roll back"
    assert "slower" in found.reason
    health = found.evidence.challenger
    assert health.p95_low_ms is not None
    assert health.p95_ms is not None
    assert health.p95_high_ms is not None
    assert health.p95_low_ms < health.p95_ms < health.p95_high_ms
    assert rolled_back_after(traffic(rng, 8000, slower=1.3)) is None


def test_differing_too_often_is_a_harm_only_where_a_limit_is_set() -> None:
    seen = traffic(np.random.default_rng(16), 2000, differing=0.3)
    limited = POLICY.model_copy(update={"max_disagreement": 0.1})
    found = analyse_canary(NOTHING, NOTHING, limited, windows=0, requests=seen)
    assert found.verdict == "roll back"
    assert "differs" in found.reason
    free = analyse_canary(NOTHING, NOTHING, POLICY, windows=0, requests=seen)
    assert free.verdict == "continue"
    assert free.evidence.disagreement == pytest.approx(0.3, abs=0.05)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=200))
def test_the_stake_never_loses_more_than_it_had(answers: list[tuple[bool, bool]]) -> None:
    arm = np.array([a for a, _ in answers], dtype=bool)
    bad = np.array([b for _, b in answers], dtype=bool)
    found = log_e_of_excess(arm, bad)
    assert found >= 0.0
    assert log_e_of_excess(arm[:-20], bad[:-20]) <= found or arm.size < 20


def test_a_fair_stake_is_worth_one_on_average() -> None:
    """Over every outcome of one block, weighted by its chance under any equal rate."""
    arm = np.tile([False, True], BLOCK // 2)
    rng = np.random.default_rng(17)
    for rate in (0.05, 0.3):
        final = [math.exp(log_e_of_excess(arm, rng.random(BLOCK) < rate)) for _ in range(4000)]
        # The largest value so far of a fair game of one block: at least 1, so slightly above it.
        assert np.mean(np.array(final) > 20) <= 1 / 20


def test_rows_that_lack_a_score_of_either_are_left_out() -> None:
    ours = np.array([0.1, np.nan, 0.3])
    theirs = np.array([0.1, 0.2, np.nan])
    assert analyse_canary(ours, theirs, POLICY, windows=0).evidence.difference.n == 1


@settings(deadline=None)
@given(
    st.lists(st.floats(-10, 10), min_size=2, max_size=300),
    st.integers(10, 5000),
    st.floats(0.6, 0.99),
)
def test_the_interval_holds_its_mean_and_mirrors(
    values: list[float], tuned: int, confidence: float
) -> None:
    differences = np.array(values)
    found = confidence_sequence(differences, confidence=confidence, tuned_for=tuned)
    mirrored = confidence_sequence(-differences, confidence=confidence, tuned_for=tuned)
    assert found.low <= found.mean <= found.high
    assert mirrored.low == pytest.approx(-found.high)
    wider = confidence_sequence(differences, confidence=0.999, tuned_for=tuned)
    assert wider.high - wider.low >= found.high - found.low


def test_the_interval_is_wider_than_one_for_a_single_look_and_narrows() -> None:
    values = np.random.default_rng(5).normal(size=20_000)
    for n in (500, 2000, 20_000):
        found = confidence_sequence(values[:n], confidence=0.95, tuned_for=1000)
        single = 1.96 * values[:n].std(ddof=1) / math.sqrt(n)
        assert single < (found.high - found.low) / 2 < 2.2 * single


def test_losses_by_task() -> None:
    assert row_losses("binary", ["no", "yes", None, "?"], [0.2, 0.9, 0.5, 0.5], ["no", "yes"])[
        :2
    ] == pytest.approx([0.04, 0.01])
    assert np.isnan(row_losses("binary", ["?"], [0.5], ["no", "yes"]))[0]
    assert row_losses("binary", np.array([0.0, 1.0]), [0.5, 1.0]).tolist() == [0.25, 0.0]
    assert row_losses("regression", [1.0, "2", None], [0.0, 0.0, 0.0])[:2].tolist() == [1.0, 4.0]
    three = row_losses(
        "multiclass", ["b", "x"], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], ["a", "b", "c"]
    )
    assert three[0] == 0.0
    assert np.isnan(three[1])
