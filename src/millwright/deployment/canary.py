"""Whether a challenger on trial should go on, take over, or go.

During a canary every request is scored by both versions, so both are judged on the *same* rows:
the per-row difference of losses (champion − challenger; above zero, the challenger is better)
varies far less than either loss does.

The trial is looked at again whenever labels arrive. An ordinary confidence interval looked at a
hundred times excludes the truth far more often than it says; so the interval here is an asymptotic
*confidence sequence*, valid at all looks together: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas,
"Time-uniform central limit theory and asymptotic confidence sequences" (Annals of Statistics 52,
2024), theorem 2.2. For the mean of n differences with standard deviation s::

    mean ± s · sqrt( 2(nρ² + 1) / (n²ρ²) · ln( sqrt(nρ² + 1) / α ) )

with ρ chosen to make it tightest near the smallest number of labels that may decide. It needs no
bound on the loss, so one procedure serves classification (Brier score) and regression (squared
error). Being asymptotic, it is not consulted before ``BURN_IN`` rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from millwright.kernel.config import CanaryConfig
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record

Floats = npt.NDArray[np.float64]
Verdict = Literal["continue", "promote", "roll back"]

BURN_IN = 200
"""Labelled rows before the sequence is looked at: below, its asymptotics are not to be trusted."""
HARM_MARGIN = 0.02
"""At the end of a trial, how much worse the challenger may still be, as a share of the champion's
loss: it is promoted when better on average and a harm beyond this is excluded."""
ERROR_DEVIATES = 4.0
"""How many standard errors the challenger's failures must exceed the champion's by; four, because
it is looked at again and again."""


class Interval(Record):
    """A mean and the interval that holds it, at every look, with the given confidence."""

    n: int
    mean: float
    low: float | None
    high: float | None
    """None for both where too few rows leave it without bounds."""
    confidence: float


class VariantHealth(Record):
    """How one variant answered: requests, how many failed, and the 95th percentile of latency."""

    requests: int = 0
    errors: int = 0
    p95_ms: float | None = None

    @property
    def error_rate(self) -> float:
        """Failed requests over all requests; 0 without any."""
        return self.errors / self.requests if self.requests else 0.0


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


class Decision(Record):
    """What to do with the challenger, why in a sentence, and on what evidence."""

    verdict: Verdict
    reason: str
    evidence: CanaryEvidence


def row_losses(
    task: Task,
    actual: Sequence[str | float | None] | Floats,
    predicted: npt.ArrayLike,
    classes: Sequence[str] = (),
) -> Floats:
    """The loss of each row.

    Binary: the Brier score (p − y)², ``predicted`` being P(the second class) and ``actual`` either
    class labels or 0/1 numbers. Multiclass: Σₖ (pₖ − yₖ)² / 2, ``predicted`` of shape (n, k).
    Regression: squared error. NaN where the label or the prediction is missing or not a class.
    """
    scores = np.asarray(predicted, dtype=np.float64)
    if task == "regression":
        squared: Floats = np.square(_numbers(actual) - scores)
        return squared
    if task == "binary":
        brier: Floats = np.square(_binary(actual, classes) - scores)
        return brier
    position = {label: index for index, label in enumerate(classes)}
    codes = np.array([position.get(str(value), -1) for value in actual], dtype=np.int64)
    truth = np.full((codes.size, len(classes)), np.nan)
    truth[codes >= 0] = np.eye(len(classes))[codes[codes >= 0]]
    several: Floats = np.square(truth - scores.reshape(truth.shape)).sum(axis=1) / 2.0
    return several


def confidence_sequence(differences: Floats, *, confidence: float, tuned_for: int) -> Interval:
    """The running mean and its always-valid interval after all of ``differences``.

    ``tuned_for``: the number of rows at which the interval should be tightest. Without rows, or
    with one, the interval has no bounds; rows that all agree give an interval of no width.
    """
    n = int(differences.size)
    if n < 2:
        mean = float(differences.mean()) if n else 0.0
        return Interval(n=n, mean=mean, low=None, high=None, confidence=confidence)
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    radius = deviation * _unit_radius(n, 1.0 - confidence, max(tuned_for, 2))
    return Interval(n=n, mean=mean, low=mean - radius, high=mean + radius, confidence=confidence)


def analyse_canary(
    champion_losses: Floats,
    challenger_losses: Floats,
    policy: CanaryConfig,
    *,
    windows: int,
    champion: VariantHealth | None = None,
    challenger: VariantHealth | None = None,
    loss: str = "Brier score",
) -> Decision:
    """Judge a trial.

    Args:
        champion_losses: loss of each labelled row under the champion, in the order of arrival.
        challenger_losses: the same rows under the challenger; rows where either is NaN are left
            out.
        policy: ``min_labels`` before a promotion, ``max_windows`` of exposure, ``confidence``.
        windows: labelled windows that the trial has lasted.
        champion: the champion's requests, failures and latency since the trial began.
        challenger: the challenger's.
        loss: what to call the loss in the reason.
    """
    paired = np.isfinite(champion_losses) & np.isfinite(challenger_losses)
    ours, theirs = champion_losses[paired], challenger_losses[paired]
    interval = confidence_sequence(
        ours - theirs, confidence=policy.confidence, tuned_for=policy.min_labels
    )
    evidence = CanaryEvidence(
        loss=loss,
        difference=interval,
        champion_loss=float(ours.mean()) if ours.size else None,
        challenger_loss=float(theirs.mean()) if theirs.size else None,
        windows=windows,
        champion=champion or VariantHealth(),
        challenger=challenger or VariantHealth(),
    )
    verdict, reason = _verdict(evidence, policy)
    return Decision(verdict=verdict, reason=reason, evidence=evidence)


def _verdict(evidence: CanaryEvidence, policy: CanaryConfig) -> tuple[Verdict, str]:
    if _fails_more(evidence.champion, evidence.challenger):
        return "roll back", (
            f"The challenger fails {evidence.challenger.error_rate:.1%} of its requests, the"
            f" champion {evidence.champion.error_rate:.1%}."
        )
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


def _fails_more(champion: VariantHealth, challenger: VariantHealth) -> bool:
    if challenger.errors < 5 or champion.requests == 0:
        return False
    pooled = (champion.errors + challenger.errors) / (champion.requests + challenger.requests)
    spread = math.sqrt(
        pooled * (1.0 - pooled) * (1.0 / champion.requests + 1.0 / challenger.requests)
    )
    return challenger.error_rate - champion.error_rate > ERROR_DEVIATES * spread


def _unit_radius(n: int, alpha: float, tuned_for: int) -> float:
    # Equation (14) there: the ρ that makes the interval tightest at n = tuned_for.
    log_alpha = -2.0 * math.log(alpha)
    scaled = n * (log_alpha + math.log(log_alpha + 1.0)) / tuned_for
    return math.sqrt(
        2.0 * (scaled + 1.0) / (n * scaled) * math.log(math.sqrt(scaled + 1.0) / alpha)
    )


def _binary(actual: Sequence[str | float | None] | Floats, classes: Sequence[str]) -> Floats:
    if isinstance(actual, np.ndarray) and actual.dtype.kind in "fiub":
        return actual.astype(np.float64)
    position = {label: float(index) for index, label in enumerate(classes)}
    return np.array([position.get(str(value), math.nan) for value in actual], dtype=np.float64)


def _numbers(actual: Sequence[str | float | None] | Floats) -> Floats:
    return np.array([_number(value) for value in actual], dtype=np.float64)


def _number(value: str | float | None) -> float:
    try:
        return math.nan if value is None else float(value)
    except ValueError:
        return math.nan
