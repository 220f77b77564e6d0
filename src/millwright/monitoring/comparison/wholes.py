"""Columns whose values are wholes: texts by their words, embeddings by all their numbers.

Effect and evidence are those of a classifier of origin: from 0, where it guesses, to 1, where it is
always right. Where LightGBM is not installed texts are compared as categories, and embeddings by the
maximum mean discrepancy alone, which is shown and decides nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from millwright.monitoring.comparison.records import ColumnComparison, Distribution
from millwright.monitoring.comparison.sound import FLOOR, tier_of
from millwright.monitoring.comparison.telling_apart import numbers_in, tell_apart, words_of
from millwright.monitoring.statistics.together import mean_discrepancy

_NAMED_WORDS, _DRAWN_WORDS = 3, 12


def compare_texts(
    found: ColumnComparison, reference: pa.ChunkedArray, current: pa.ChunkedArray, columns: int
) -> ColumnComparison:
    """Texts by the words in them; ``found`` is what they are as categories."""
    left, right, words = words_of(reference, current)
    apart = tell_apart(left, right)
    if apart is None:
        return found
    tier = tier_of(apart.effect, apart.p_value, columns)
    findings = found.findings
    most = apart.shares.argsort(kind="stable")[::-1][:_DRAWN_WORDS]
    if tier != "none":
        told = [
            f"'{words[i]}' in {left[:, i].mean():.0%} of the texts, now {right[:, i].mean():.0%}"
            for i in most[:_NAMED_WORDS]
            if apart.shares[i] > 0.0
        ]
        findings += (f"What changed most: {'; '.join(told)}.",)
    return replace(
        found,
        kind="text",
        method="domain_classifier",
        value=apart.effect,
        threshold=FLOOR,
        drifted=tier != "none",
        tier=tier,
        p_value=apart.p_value,
        statistics={**found.statistics, "domain_auc": apart.auc},
        distribution=Distribution(
            reference=tuple(left[:, most].mean(axis=0).tolist()),
            current=tuple(right[:, most].mean(axis=0).tolist()),
            levels=tuple(words[i] for i in most),
        ),
        findings=findings,
    )


def compare_embeddings(
    name: str, reference: pa.ChunkedArray, current: pa.ChunkedArray, columns: int
) -> ColumnComparison:
    """Lists of one length by a classifier of origin, and the maximum mean discrepancy beside it."""
    left, right = numbers_in(reference), numbers_in(current)
    nothing = ColumnComparison(
        name=name,
        kind="unsupported",
        method="none",
        value=None,
        threshold=None,
        drifted=False,
        rows=(len(reference), len(current)),
        findings=(
            "Nested values are compared only where they are lists of numbers of one length.",
        ),
    )
    if left is None or right is None:
        return nothing
    if left.shape[1] != right.shape[1]:
        told = f"Its lists had {left.shape[1]} numbers and now have {right.shape[1]}."
        return replace(nothing, kind="embedding", drifted=True, tier="page", findings=(told,))
    distance = mean_discrepancy(left, right)
    statistics = {
        "mean_discrepancy": distance.statistic,
        "mean_discrepancy_p": distance.p_value,
    }
    apart = tell_apart(left, right)
    missing = tuple(
        column.null_count / len(column) if len(column) else 0.0 for column in (reference, current)
    )
    known = replace(
        nothing,
        kind="embedding",
        statistics=statistics,
        findings=(),
        missing=(missing[0], missing[1]),
    )
    if apart is None:
        return replace(known, method="mean_discrepancy", value=distance.statistic)
    tier = tier_of(apart.effect, apart.p_value, columns)
    return replace(
        known,
        method="domain_classifier",
        value=apart.effect,
        threshold=FLOOR,
        drifted=tier != "none",
        tier=tier,
        p_value=apart.p_value,
        statistics={**statistics, "domain_auc": apart.auc},
    )
