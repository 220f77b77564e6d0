"""Whether an occurrence may start a run: the cool-down and the budget, as a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from millwright.kernel.clock import format_duration, parse_duration
from millwright.kernel.config_automation import TriggerConfig


@dataclass(frozen=True, slots=True)
class Spent:
    """A run that the trigger started earlier: when, and how long it has taken so far."""

    started_ms: int
    duration_ms: int


def refusal(config: TriggerConfig, earlier: Sequence[Spent], now_ms: int) -> str | None:
    """Why no run may start now; None where one may.

    Args:
        config: cool-down and caps.
        earlier: the runs that the trigger started before, in any order.
        now_ms: the present.

    >>> daily = TriggerConfig(when="webhook", pipeline="train", max_runs=1, per="1d")
    >>> refusal(daily, [Spent(0, 1000)], 3_600_000)
    'The budget of 1 run per 1d is used up.'
    >>> refusal(daily, [Spent(0, 1000)], 86_400_001) is None
    True
    """
    if config.cooldown is not None and earlier:
        left = max(run.started_ms for run in earlier) + parse_duration(config.cooldown) - now_ms
        if left > 0:
            return f"{format_duration(left)} of the cool-down of {config.cooldown} are left."
    period = parse_duration(config.per)
    within = [run for run in earlier if run.started_ms > now_ms - period]
    if config.max_runs is not None and len(within) >= config.max_runs:
        runs = f"{config.max_runs} run{'' if config.max_runs == 1 else 's'}"
        return f"The budget of {runs} per {config.per} is used up."
    if config.max_time is not None:
        spent = sum(run.duration_ms for run in within)
        if spent >= parse_duration(config.max_time):
            return f"The budget of {config.max_time} per {config.per} is used up."
    return None
