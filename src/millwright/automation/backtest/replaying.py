"""A log lived through under a policy: predict a window, hear the truth, decide, perhaps learn anew.

The deciding is that of the controllers (``automation/policy.py``), on alerts made from the window as
the monitor makes them. A retraining takes no time here, and replaces the model without a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millwright.automation.backtest.learning import Learner
from millwright.automation.backtest.log import Floats, Log
from millwright.automation.backtest.records import Candidate, PolicyCurve, Retrained
from millwright.automation.backtest.signals import Signal, Watched, signals
from millwright.automation.periods import best_start, starts
from millwright.automation.policy import Decision, Gain, Situation, decide
from millwright.evaluation import METRICS, observe, point_metric
from millwright.kernel.clock import parse_duration, rfc3339

DAY_MS = 86_400_000
LEAST_MEASURED = 250


@dataclass
class _State:
    """What a policy has lived through."""

    model: Any
    trained_at: int
    learned_from: int
    losses: Floats
    labels: list[int] = field(default_factory=lambda: [0])
    recent: list[tuple[int, int]] = field(default_factory=list)
    decisions: list[Retrained] = field(default_factory=list)
    fits: int = 0


def replay(
    learner: Learner,
    candidate: Candidate,
    first_rows: int,
    window_rows: int,
    on_window: Callable[[int], None] = lambda _: None,
) -> PolicyCurve:
    """Live through the learner's log.

    Args:
        learner: of the log.
        candidate: the policy.
        first_rows: the first model learns from these.
        window_rows: rows that are predicted before their truth is heard.
        on_window: hears of each window's last row.
    """
    log = learner.log
    state = _State(learner.fit(0, first_rows), first_rows, 0, np.zeros(log.rows))
    means, aucs = [], []
    for begin in range(first_rows, log.rows, window_rows):
        end = min(begin + window_rows, log.rows)
        state.losses[begin:end] = learner.losses(state.model, begin, end)
        state.labels[-1] += end - begin
        means.append(float(state.losses[begin:end].mean()))
        aucs.append(_auc(log, learner.scores(state.model, begin, end), begin, end))
        on_window(end)
        if end == log.rows:
            break
        found = _signals(log, state, candidate, window_rows, end)
        decision = _decided(log, state, candidate, found, end)
        if decision.retrain:
            _retrain(learner, state, candidate, decision, end)
    return PolicyCurve(
        name=candidate.name,
        error=float(state.losses[first_rows:].mean()),
        retrainings=len(state.decisions),
        fits=state.fits,
        losses=tuple(means),
        aucs=tuple(aucs),
        decisions=tuple(state.decisions),
    )


def _signals(
    log: Log, state: _State, candidate: Candidate, window_rows: int, end: int
) -> tuple[Signal, ...]:
    if candidate.rule != "policy":
        return ()
    watched = Watched(log, state.losses, state.learned_from, state.trained_at, window_rows)
    return signals(watched, candidate.config.triggers, end)


def _decided(
    log: Log, state: _State, candidate: Candidate, found: Sequence[Signal], end: int
) -> Decision:
    if candidate.rule == "never":
        return Decision(retrain=False, reason="Never.")
    if candidate.rule == "always":
        due = end - state.trained_at >= (candidate.every_rows or 1)
        return Decision(retrain=due, reason="Always.", trigger="schedule")
    now = int(log.moments[end - 1])
    last = state.recent[-1][0] if state.recent else None
    rise = next((signal for signal in found if signal.rise is not None), None)
    began = int(log.moments[state.trained_at])
    days = max((now - began) / DAY_MS, 1e-9)
    seen = Situation(
        now_ms=now,
        last_ms=last,
        since_ms=began if last is None else last,
        labels=tuple(state.labels),
        recent=tuple(state.recent),
        gain=None
        if rise is None or rise.rise is None
        else Gain(rise=rise.rise, rows_per_day=(end - state.trained_at) / days, rows=rise.rows),
    )
    return decide(candidate.config, found, seen)


def _retrain(
    learner: Learner,
    state: _State,
    candidate: Candidate,
    decision: Decision,
    end: int,
) -> None:
    log, config = learner.log, candidate.config
    half_life = None if config.half_life is None else parse_duration(config.half_life)
    held = min(_rows_of(log, end, parse_duration(config.holdout)), end - state.trained_at)
    held = max(held, min(LEAST_MEASURED, end // 2))
    since = int(log.moments[_turn(state.losses[state.trained_at : end]) + state.trained_at])
    length = parse_duration(config.window)
    begins = starts(log.moments[:end], length, config.windowing, since)
    usable = [start for start in begins if end - held - start >= LEAST_MEASURED] or [begins[0]]

    def loss(start: int) -> float:
        model = learner.fit(start, end - held, half_life)
        state.fits += 1
        return float(learner.losses(model, end - held, end).mean())

    chosen = best_start(usable, loss)
    state.model = learner.fit(chosen, end, half_life)
    state.fits += 1
    state.trained_at, state.learned_from = end, chosen
    state.labels.append(0)
    now = int(log.moments[end - 1])
    state.recent.append((now, 0))
    state.decisions.append(
        Retrained(
            row=end,
            time=rfc3339(now),
            trigger=decision.trigger or "",
            reason=decision.reason,
            learned_from=chosen,
        )
    )


def _turn(losses: Floats) -> int:
    """Where losses began to be larger than on average, most likely (CUSUM)."""
    return int(np.argmin(np.cumsum(losses - losses.mean())))


def _rows_of(log: Log, end: int, length_ms: int) -> int:
    """Rows of the latest ``length_ms`` before a row."""
    moments = log.moments[:end]
    return end - int(np.searchsorted(moments, moments[-1] - length_ms, side="right"))


def _auc(log: Log, scores: Floats | None, begin: int, end: int) -> float | None:
    truth = log.truth[begin:end]
    if scores is None or not 0.0 < truth.mean() < 1.0:
        return None
    observed = observe("binary", ("0", "1"), truth.astype(np.int64), scores)
    return point_metric(METRICS["roc_auc"], observed)
