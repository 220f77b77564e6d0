"""Whether a challenger is better than the champion on the same held-out rows."""

from __future__ import annotations

from millwright.automation.records import HeldOutComparison
from millwright.evaluation import Comparison

ENOUGH = 0.95
"""How probable it must be, over paired bootstrap samples, that the challenger is better."""


def judge(found: Comparison) -> HeldOutComparison:
    """The verdict and its reason as a sentence.

    A challenger has to be better with a probability of at least 95 %: replacing a model costs
    something, and an even match is no reason to.
    """
    better = found.probability_better >= ENOUGH
    direction = "better" if found.difference > 0 else "worse"
    verdict = "" if better else f", short of the {ENOUGH:.0%} asked for"
    reason = (
        f"On the same {found.rows:,} held-out rows the challenger's {found.metric} is "
        f"{found.challenger:.4f} against the champion's {found.champion:.4f}: "
        f"{abs(found.difference):.4f} {direction} (95 % interval {found.low:+.4f} to "
        f"{found.high:+.4f}), better with probability {found.probability_better:.0%}{verdict}."
    )
    return HeldOutComparison(
        metric=found.metric,
        rows=found.rows,
        champion=found.champion,
        challenger=found.challenger,
        difference=found.difference,
        low=found.low,
        high=found.high,
        better=better,
        reason=reason,
    )
