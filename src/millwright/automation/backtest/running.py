"""All candidate policies on one log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import numpy as np

from millwright.automation.backtest.learning import Learner
from millwright.automation.backtest.log import Log
from millwright.automation.backtest.records import Backtest, Candidate
from millwright.automation.backtest.replaying import replay
from millwright.kernel.clock import rfc3339
from millwright.kernel.config_retraining import EARNED_BY, RetrainingConfig
from millwright.kernel.errors import InvalidInput

EVERY_ROWS = 2_500
"""How often the calendar's policies retrain."""
HELD_ROWS = EVERY_ROWS * 2 // 5
Progress = Callable[[str, int, int], None]
"""Policy, rows seen, rows of the log."""


def recommended(log: Log) -> RetrainingConfig:
    """The policy ``millwright``, its lengths of time as these rows come."""

    def lasting(rows: int) -> str:
        span = int(log.moments[-1] - log.moments[0]) / max(log.rows - 1, 1) * rows
        return f"{max(round(timedelta(milliseconds=span).total_seconds()), 1)}s"

    return RetrainingConfig(
        triggers=("loss",),
        earned_by=EARNED_BY,
        cooldown=lasting(HELD_ROWS),
        windowing="measured",
        window=lasting(EARNED_BY),
        holdout=lasting(HELD_ROWS),
    )


def candidates(log: Log, project: RetrainingConfig | None = None) -> tuple[Candidate, ...]:
    """The policies that are tried: the extremes, the calendar, drift, ours, and the project's own."""
    ours = recommended(log)
    latest = ours.model_copy(update={"windowing": "sliding", "window": ours.window})
    half = RetrainingConfig(windowing="sliding", window=_half(ours.window))
    drift = latest.model_copy(update={"triggers": ("data_drift",), "earned_by": None})
    everything = RetrainingConfig(windowing="expanding")
    found = [
        Candidate(name="never", rule="never"),
        Candidate(name="always", rule="always", config=everything),
        Candidate(
            name=f"every {EVERY_ROWS:,}", rule="always", every_rows=EVERY_ROWS, config=everything
        ),
        Candidate(
            name=f"every {EVERY_ROWS:,}, latest",
            rule="always",
            every_rows=EVERY_ROWS,
            config=half,
        ),
        Candidate(name="drift", config=drift),
        Candidate(name="millwright", config=ours),
    ]
    if project is not None:
        found.append(Candidate(name="project", config=project))
    return tuple(found)


def backtest(
    log: Log,
    tried: Sequence[Candidate],
    first_rows: int = EVERY_ROWS,
    window_rows: int = 250,
    on_progress: Progress = lambda *_: None,
) -> Backtest:
    """Live through the log under each policy.

    Raises:
        InvalidInput: the log is too short.
    """
    if log.rows < first_rows + 2 * window_rows:
        raise InvalidInput(
            "backtest.short",
            f"The log has {log.rows:,} rows; {first_rows:,} are for the first model, and two windows"
            f" of {window_rows:,} are needed besides.",
            hint="Give a longer log, or lower --first and --window.",
            value=log.rows,
        )
    learner = Learner(log)
    curves = []
    for one in tried:
        heard = partial(_heard, on_progress, one.name, log.rows)
        curves.append(replay(learner, one, first_rows, window_rows, heard))
    ends = np.minimum(
        np.arange(first_rows + window_rows, log.rows + window_rows, window_rows), log.rows
    )
    return Backtest(
        rows=log.rows,
        first_rows=first_rows,
        window_rows=window_rows,
        loss="error rate" if log.classes else "absolute error",
        times=tuple(rfc3339(int(log.moments[end - 1])) for end in ends),
        policies=tuple(curves),
        recommended=recommended(log),
    )


def _heard(on_progress: Progress, name: str, rows: int, row: int) -> None:
    on_progress(name, row, rows)


def _half(length: str) -> str:
    return f"{max(int(length.removesuffix('s')) // 2, 1)}s"
