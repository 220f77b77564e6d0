"""What a replay came to."""

from __future__ import annotations

from typing import Literal

from millwright.kernel.config_retraining import RetrainingConfig
from millwright.kernel.record import Record

Rule = Literal["policy", "never", "always"]


class Candidate(Record):
    """A policy to try."""

    name: str
    rule: Rule = "policy"
    """``never`` and ``always`` ask nobody."""
    every_rows: int | None = None
    """With ``always``: after so many rows; every window where None."""
    config: RetrainingConfig = RetrainingConfig()


class Retrained(Record):
    """One retraining of a replay."""

    row: int
    """Rows that had been seen."""
    time: str
    trigger: str
    reason: str
    learned_from: int
    """The first row it learned from."""


class PolicyCurve(Record):
    """How one policy fared."""

    name: str
    error: float
    """Mean loss over all predicted rows."""
    retrainings: int
    fits: int
    """Models fitted, those that only measured a window included."""
    losses: tuple[float, ...]
    """Mean loss of each window."""
    aucs: tuple[float | None, ...]
    """Area under the curve in each window; None where it says nothing."""
    decisions: tuple[Retrained, ...]


class Backtest(Record):
    """All policies on the same log."""

    rows: int
    first_rows: int
    """Rows that the first model of every policy learned from; none of them is predicted."""
    window_rows: int
    loss: str
    """What is averaged: ``error rate`` or ``absolute error``."""
    times: tuple[str, ...]
    """When each window ended."""
    policies: tuple[PolicyCurve, ...]
    recommended: RetrainingConfig
    """The policy ``millwright`` as it was tried, to be put into ``millwright.yaml``."""
