"""Whether labelled predictions have become worse: a sequential test that may be looked at always.

A Shiryaev–Roberts e-detector (Shin, Ramdas & Rinaldo 2024): for each possible moment of change a bet
against "errors are as rare as before" is opened; with R₀ = 0, Rₜ = (1 + Rₜ₋₁) · Lₜ sums them all up.
Rₜ − t is a martingale without a change, so an alarm at R ≥ A comes, on average, after at least A
labels, however the labels are distributed: the average run length is declared, not estimated. Bets
on several sizes of change are averaged, which keeps the property.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RUN_LENGTH = 1_000_000
"""Labels between false alarms, on average, at least."""
SETTLE = 8_000
"""Labels that a new baseline is learnt from after an alarm."""
RATIOS = (1.15, 1.35, 1.7)
"""Changes of the error rate that are bet on."""
DEVIATIONS = 1.5
"""Of the baseline, that its upper end lies above what was seen."""
WINDOWS = 1_000
"""Windows between two false alarms of ``loss_rise``, on average, at least."""
BASELINE_ROWS = 500
"""Labelled rows of a version that say how often it errs."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class LossAlarm:
    """An alarm.

    Attributes:
        at: position of the label that raised it.
        since: the position at which the change most likely began.
        before: error rate that was promised.
        after: error rate from ``since`` to ``at``.
    """

    at: int
    since: int
    before: float
    after: float


class LossDetector:
    """Watches errors (0 or 1) against a rate; call ``update`` with each batch of labels.

    After an alarm the next ``settle`` labels are the new baseline: a model that got worse is told
    once, and again if it gets worse still. The baseline is the upper end of what a rate may have
    been, so that one estimated from few labels is no source of alarms.
    """

    def __init__(
        self, errors: float, rows: int, run_length: float = RUN_LENGTH, settle: int = SETTLE
    ) -> None:
        """``errors`` in so many ``rows`` are the baseline: at validation, or the first labels."""
        self._limit, self._settle = run_length, settle
        self._seen = 0
        self._begin(errors, rows)

    def _begin(self, errors: float, rows: int) -> None:
        self.baseline = min(max(upper_rate(errors, rows), 1e-4), 0.95)
        self._learning: list[npt.NDArray[np.float64]] | None = None
        self._sums = np.zeros(len(RATIOS))
        self._held: list[npt.NDArray[np.float64]] = []
        self._begun = self._seen
        raised = np.minimum(np.array(RATIOS) * self.baseline, (1.0 + self.baseline) / 2.0)
        self._on_error = raised / self.baseline
        self._on_hit = (1.0 - raised) / (1.0 - self.baseline)

    def update(self, errors: Sequence[float] | npt.NDArray[np.float64]) -> list[LossAlarm]:
        """Take labels in their order; the alarms among them."""
        found = []
        values = np.asarray(errors, dtype=np.float64)
        while values.size:
            if self._learning is not None:
                values = self._learn(values)
                continue
            block, values = values[:_BLOCK], values[_BLOCK:]
            crossed = self._advance(block)
            taken = block.size if crossed is None else crossed + 1
            self._held.append(block[:taken])
            self._seen += taken
            if crossed is not None:
                values = np.concatenate([block[taken:], values])
                found.append(self._alarm())
        return found

    def _learn(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        assert self._learning is not None
        known = sum(part.size for part in self._learning)
        taken = values[: self._settle - known]
        self._learning.append(taken)
        self._seen += taken.size
        if known + taken.size >= self._settle:
            errors = np.concatenate(self._learning)
            self._begin(float(errors.sum()), errors.size)
        return values[taken.size :]

    def _advance(self, block: npt.NDArray[np.float64]) -> int | None:
        # R_t = Π L · (R_0 + Σ_s 1 / Π_{<s} L): the recursion for a block at once.
        ratios = np.where(block[:, None] > 0.5, self._on_error, self._on_hit)
        products = np.cumprod(ratios, axis=0)
        before = np.vstack([np.ones(len(RATIOS)), products[:-1]])
        sums = products * (self._sums + np.cumsum(1.0 / before, axis=0))
        crossed = np.flatnonzero(sums.mean(axis=1) >= self._limit)
        if crossed.size:
            return int(crossed[0])
        self._sums = sums[-1]
        return None

    def _alarm(self) -> LossAlarm:
        errors = np.concatenate(self._held)
        # Most likely beginning: where what follows speaks most for the larger rate.
        gains = np.where(errors > 0.5, np.log(self._on_error[1]), np.log(self._on_hit[1]))
        tails = np.cumsum(gains[::-1])[::-1]
        start = int(np.argmax(tails))
        self._learning = []
        return LossAlarm(
            self._seen - 1, self._begun + start, self.baseline, float(errors[start:].mean())
        )


@dataclass(frozen=True, slots=True)
class LossCount:
    """The labelled rows of one window of one model version, and how many were errors."""

    start_ms: int
    rows: int
    errors: int


@dataclass(frozen=True, slots=True)
class LossRise:
    """Errors have become more frequent.

    Attributes:
        since_ms: start of the window from which on, most likely.
        before: error rate of the version's first rows.
        after: error rate since.
        rows: labelled rows since.
        evidence: the e-detector's value; its reciprocal bounds how often chance gets there.
    """

    since_ms: int
    before: float
    after: float
    rows: int
    evidence: float


def loss_rise(
    windows: Sequence[LossCount], run_length: float = WINDOWS, baseline_rows: int = BASELINE_ROWS
) -> LossRise | None:
    """The same test with one step for each window, for counts that are kept and labels that come late.

    Args:
        windows: of one model version, in their order. The first of them that together have
            ``baseline_rows`` labelled rows say how often it errs.
        run_length: windows between two false alarms, on average, at least.
        baseline_rows: see ``windows``.
    """
    rows = np.cumsum([window.rows for window in windows])
    first = int(np.searchsorted(rows, baseline_rows)) + 1
    known, later = windows[:first], windows[first:]
    if not later:
        return None
    errors, seen = sum(w.errors for w in known), sum(w.rows for w in known)
    baseline = min(max(upper_rate(errors, seen), 1e-4), 0.95)
    raised = np.minimum(np.array(RATIOS) * baseline, (1.0 + baseline) / 2.0)
    wrong = np.array([window.errors for window in later], dtype=np.float64)[:, None]
    right = np.array([window.rows for window in later], dtype=np.float64)[:, None] - wrong
    gains = wrong * np.log(raised / baseline)
    gains = gains + right * np.log((1.0 - raised) / (1.0 - baseline))
    sums = np.zeros(len(RATIOS))
    highest = 0.0
    for gain in gains:
        # Beyond e^600 the sum says no more than that it is beyond doubt.
        sums = np.minimum((1.0 + sums) * np.exp(np.minimum(gain, 600.0)), 1e250)
        highest = float(sums.mean())
    if highest < run_length:
        return None
    start = int(np.argmax(np.cumsum(gains[::-1, 1])[::-1]))
    count = sum(window.rows for window in later[start:])
    share = sum(window.errors for window in later[start:]) / max(count, 1)
    return LossRise(later[start].start_ms, errors / seen, share, count, highest)


def upper_rate(errors: float, rows: int, deviations: float = DEVIATIONS) -> float:
    """The upper end of an error rate seen on so many rows (Wilson's interval)."""
    if rows == 0:
        return 0.5
    z2, rate = deviations * deviations, errors / rows
    spread = deviations * np.sqrt(rate * (1.0 - rate) / rows + z2 / (4.0 * rows * rows))
    return float((rate + z2 / (2.0 * rows) + spread) / (1.0 + z2 / rows))
