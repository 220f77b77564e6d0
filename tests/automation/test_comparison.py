"""Champion against challenger on held-out rows: who wins, and the sentence that says so."""

from __future__ import annotations

import pytest

from millwright.automation.comparison import ENOUGH, judge
from millwright.evaluation import Comparison


def comparison(probability: float, difference: float = 0.012) -> Comparison:
    return Comparison(
        metric="roc_auc",
        rows=1200,
        champion=0.71,
        challenger=0.71 + difference,
        difference=difference,
        low=difference - 0.01,
        high=difference + 0.01,
        probability_better=probability,
    )


@pytest.mark.parametrize(
    ("probability", "better"), [(0.0, False), (0.94, False), (ENOUGH, True), (1.0, True)]
)
def test_a_challenger_wins_only_when_it_is_probably_better(
    probability: float, better: bool
) -> None:
    assert judge(comparison(probability)).better is better


def test_the_reason_says_what_was_compared_and_what_was_missing() -> None:
    lost = judge(comparison(0.8))
    assert "1,200 held-out rows" in lost.reason
    assert "0.7220 against the champion's 0.7100: 0.0120 better" in lost.reason
    assert "probability 80%, short of the 95% asked for" in lost.reason
    assert "short of" not in judge(comparison(0.99)).reason


def test_a_worse_challenger_is_called_worse() -> None:
    assert "0.0300 worse" in judge(comparison(0.01, difference=-0.03)).reason
