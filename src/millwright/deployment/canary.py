"""Whether a challenger on trial should go on, take over, or go.

During a canary every request is scored by both versions, so both are judged on the *same* rows:
the per-row difference of losses (champion − challenger; above zero, the challenger is better)
varies far less than either loss does. It needs no bound on the loss, so one procedure serves
classification (Brier score) and regression (squared error). Beside the loss, which waits for labels,
the challenger goes when it fails more requests, answers more slowly than is allowed, or disagrees
with the champion more often than is tolerated.

The trial is looked at again whenever there is more of it. All of the evidence is therefore valid at
all looks together (``deployment.evidence``), and the permitted error is divided: half of it is for
the loss (``confidence`` is two-sided: promotion and harm), the rest as ``SHARES`` says. Whatever the
number of looks, an innocent challenger is rolled back with at most that probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from millwright.deployment.evidence.means import BURN_IN, Interval, confidence_sequence
from millwright.deployment.evidence.quantiles import QuantileBounds, quantile_bounds
from millwright.deployment.evidence.rates import log_e_above, log_e_of_excess
from millwright.kernel.config import CanaryConfig
from millwright.kernel.record import Record

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Verdict = Literal["continue", "promote", "roll back"]

HARM_MARGIN = 0.02
"""At the end of a trial, how much worse the challenger may still be, as a share of the champion's
loss: it is promoted when better on average and a harm beyond this is excluded."""
SHARES = {"failures": 0.25, "latency": 0.125, "disagreement": 0.125}
"""Parts of the permitted error (1 − confidence) that belong to what needs no labels."""
FEWEST_REQUESTS = 50
"""Requests that the challenger must have answered before its failures are judged."""
_QUANTILE = 0.95
_LARGEST_E = 1e12


@dataclass(frozen=True, slots=True)
class Requests:
    """What was seen of the requests of a trial, in the order of serving.

    Attributes:
        challenger: whether the challenger answered, ``(n,)``.
        failed: whether the answer was an error of the server's, ``(n,)``.
        latency_ms: until the answer, in milliseconds; NaN where it failed, ``(n,)``.
        disagrees: for each row scored by both, whether the two differ, ``(m,)``.
    """

    challenger: Bools
    failed: Bools
    latency_ms: Floats
    disagrees: Bools

    @staticmethod
    def none() -> Requests:
        """Nothing was seen yet."""
        nothing = np.zeros(0, dtype=bool)
        return Requests(nothing, nothing, np.zeros(0), nothing)


class VariantHealth(Record):
    """How one variant answered: requests, how many failed, and the 95th percentile of latency."""

    requests: int = 0
    errors: int = 0
    p95_ms: float | None = None
    p95_low_ms: float | None = None
    p95_high_ms: float | None = None
    """Bounds of the percentile that hold at every look; None where requests are too few."""

    @property
    def error_rate(self) -> float:
        """Failed requests over all requests; 0 without any."""
        return self.errors / self.requests if self.requests else 0.0


class Suspicion(Record):
    """Evidence of a harm: what a stake betted on it has grown to, and what is needed to act."""

    e_value: float
    needed: float

    @property
    def is_enough(self) -> bool:
        """Whether the harm is established."""
        return self.e_value >= self.needed


class CanaryEvidence(Record):
    """All that a decision rests on, for the audit trail and the page that shows it."""

    loss: str
    difference: Interval
    champion_loss: float | None
    challenger_loss: float | None
    """Mean losses on the same rows; None without any."""
    windows: int
    champion: VariantHealth
    challenger: VariantHealth
    failures: Suspicion
    """That the challenger fails more of its requests."""
    disagreement: float | None
    """Share of the rows scored by both on which the two differ; None without any."""
    disagreements: Suspicion | None
    """That they differ on more than is tolerated; None where no limit is set."""


class Decision(Record):
    """What to do with the challenger, why in a sentence, and on what evidence."""

    verdict: Verdict
    reason: str
    evidence: CanaryEvidence


def analyse_canary(
    champion_losses: Floats,
    challenger_losses: Floats,
    policy: CanaryConfig,
    *,
    windows: int,
    requests: Requests | None = None,
    loss: str = "Brier score",
) -> Decision:
    """Judge a trial.

    Args:
        champion_losses: loss of each labelled row under the champion, in the order of arrival.
        challenger_losses: the same rows under the challenger; rows where either is NaN are left
            out.
        policy: ``min_labels`` before a promotion, ``max_windows`` of exposure, ``confidence``.
        windows: labelled windows that the trial has lasted.
        requests: the requests of the trial, labelled or not.
        loss: what to call the loss in the reason.
    """
    paired = np.isfinite(champion_losses) & np.isfinite(challenger_losses)
    ours, theirs = champion_losses[paired], challenger_losses[paired]
    interval = confidence_sequence(
        ours - theirs, confidence=policy.confidence, tuned_for=policy.min_labels
    )
    seen = requests or Requests.none()
    alpha = 1.0 - policy.confidence
    evidence = CanaryEvidence(
        loss=loss,
        difference=interval,
        champion_loss=float(ours.mean()) if ours.size else None,
        challenger_loss=float(theirs.mean()) if theirs.size else None,
        windows=windows,
        champion=_health(seen, ~seen.challenger, alpha),
        challenger=_health(seen, seen.challenger, alpha),
        failures=_suspicion(
            log_e_of_excess(seen.challenger, seen.failed), SHARES["failures"] * alpha
        ),
        disagreement=float(seen.disagrees.mean()) if seen.disagrees.size else None,
        disagreements=None
        if policy.max_disagreement is None
        else _suspicion(
            log_e_above(seen.disagrees, policy.max_disagreement), SHARES["disagreement"] * alpha
        ),
    )
    verdict, reason = _verdict(evidence, policy)
    return Decision(verdict=verdict, reason=reason, evidence=evidence)


def _verdict(evidence: CanaryEvidence, policy: CanaryConfig) -> tuple[Verdict, str]:
    harm = _harm_without_labels(evidence, policy)
    if harm is not None:
        return "roll back", harm
    found = evidence.difference
    numbers = _numbers_sentence(evidence)
    low, high = found.low, found.high
    if found.n >= BURN_IN and high is not None and high < 0.0:
        return "roll back", f"The challenger is worse: {numbers}"
    if found.n >= max(policy.min_labels, BURN_IN) and low is not None and low > 0.0:
        return "promote", f"The challenger is better: {numbers}"
    if evidence.windows < policy.max_windows:
        lacking = policy.min_labels - found.n
        if lacking > 0:
            return "continue", f"{lacking:,} more labelled rows are needed: {numbers}"
        return "continue", f"The evidence does not decide yet: {numbers}"
    return _at_full_exposure(evidence, policy, numbers)


def _at_full_exposure(
    evidence: CanaryEvidence, policy: CanaryConfig, numbers: str
) -> tuple[Verdict, str]:
    found = evidence.difference
    lasted = f"After {evidence.windows} windows"
    if found.n < max(policy.min_labels, BURN_IN):
        return "roll back", (
            f"{lasted} only {found.n:,} of {policy.min_labels:,} labelled rows have arrived, too"
            " few to trust the challenger."
        )
    if found.mean <= 0.0:
        return "roll back", f"{lasted} the challenger is not better: {numbers}"
    if found.low is None or found.low <= -HARM_MARGIN * (evidence.champion_loss or 0.0):
        return "roll back", (
            f"{lasted} it is not excluded that the challenger is worse by more than"
            f" {HARM_MARGIN:.0%} of the champion's loss: {numbers}"
        )
    return "promote", (
        f"{lasted} the challenger is better on average and a harm beyond {HARM_MARGIN:.0%} is"
        f" excluded: {numbers}"
    )


def _numbers_sentence(evidence: CanaryEvidence) -> str:
    found = evidence.difference
    if found.low is None or found.high is None:
        return "hardly any labelled rows yet."
    return (
        f"{evidence.loss} {evidence.challenger_loss:.4g} against the champion's"
        f" {evidence.champion_loss:.4g} on the same {found.n:,} rows, difference"
        f" {found.mean:+.4g} ({found.confidence:.0%} interval {found.low:+.4g} to"
        f" {found.high:+.4g})."
    )


def _harm_without_labels(evidence: CanaryEvidence, policy: CanaryConfig) -> str | None:
    ours, theirs = evidence.champion, evidence.challenger
    if theirs.requests >= FEWEST_REQUESTS and evidence.failures.is_enough:
        return (
            f"The challenger fails {theirs.error_rate:.1%} of its requests, the champion"
            f" {ours.error_rate:.1%}."
        )
    slowest = None if ours.p95_high_ms is None else ours.p95_high_ms * (1 + policy.max_slowdown)
    if slowest is not None and theirs.p95_low_ms is not None and theirs.p95_low_ms > slowest:
        return (
            f"The challenger is slower: 95 % of its answers take up to {theirs.p95_ms:.3g} ms"
            f" (surely more than {theirs.p95_low_ms:.3g}), the champion's {ours.p95_ms:.3g} ms, and"
            f" {policy.max_slowdown:.0%} more is allowed."
        )
    if evidence.disagreements is not None and evidence.disagreements.is_enough:
        return (
            f"The challenger differs from the champion on {evidence.disagreement:.1%} of the rows;"
            f" {policy.max_disagreement:.1%} is tolerated."
        )
    return None


def _health(seen: Requests, answered: Bools, alpha: float) -> VariantHealth:
    times = seen.latency_ms[answered]
    # Both variants' bounds have to hold, so each has half of the error.
    found: QuantileBounds = quantile_bounds(
        times[np.isfinite(times)], _QUANTILE, alpha=SHARES["latency"] * alpha / 2
    )
    return VariantHealth(
        requests=int(answered.sum()),
        errors=int((seen.failed & answered).sum()),
        p95_ms=found.value,
        p95_low_ms=found.low,
        p95_high_ms=found.high,
    )


def _suspicion(log_e: float, alpha: float) -> Suspicion:
    e_value = math.exp(min(log_e, math.log(_LARGEST_E)))
    return Suspicion(e_value=round(e_value, 3), needed=round(1.0 / alpha, 3))
